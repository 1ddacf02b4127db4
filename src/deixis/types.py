"""The value objects that travel between rooms: frozen, validated where they are made.

Boxes are ``(x0, y0, x1, y1)`` floats in pixels, right and bottom exclusive. Masks are ``(H, W)`` bool arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deixis.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

BoolMask = NDArray[np.bool_]
FloatArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]
Box = tuple[float, float, float, float]
POSTURES = ("upright", "sitting")  # on one's feet, or not; of people
Picture: TypeAlias = "str | Path | Image.Image | NDArray[np.generic]"  # whatever image.open_image takes


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One labelled object of a picture.

    Attributes:
        id: the annotation's id, unique in its scene.
        category: the class name.
        box_xyxy: its box in pixels of the scene's image.
        mask: (H, W) bool, or None where only the box is known.
        is_crowd: the mask covers a group that was not told apart (COCO's ``iscrowd``).
        is_part: the object belongs to another one of the scene (clothing on a person).
        names: what people call this very object, such as "woman" and "lady" of a person; empty when only its class is
            known.
        posture: of a person, one of ``POSTURES``; empty when it is neither, or not known.
    """

    id: int
    category: str
    box_xyxy: Box
    mask: BoolMask | None = None
    is_crowd: bool = False
    is_part: bool = False
    names: tuple[str, ...] = ()
    posture: str = ""


@dataclass(frozen=True)
class Expression:
    """A referring expression and the objects that it names.

    Attributes:
        text: the words, as a person would type them.
        target_ids: ids of the scene's objects that it names; empty when it names nothing here.
        kind: what the expression rests on: "class", "location", "ordinal", "size", "colour", "clothing",
            "posture", "relation", "caption", "absent" or "human".
        category: the class of what is named, also when it is absent; None when unknown.
    """

    text: str
    target_ids: tuple[int, ...]
    kind: str
    category: str | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with its labelled objects: what training data is made of.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        objects: the labelled objects.
        labelled: class names of which EVERY instance in this picture is among ``objects``. Only of these may
            an expression claim uniqueness, completeness or absence.
        expressions: given sentences (captions, human referring expressions), if any.
        source: where the picture comes from, for messages and statistics.
    """

    image: ImageArray
    objects: tuple[SceneObject, ...]
    labelled: frozenset[str] = frozenset()
    expressions: tuple[Expression, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise DataError(
                f"{self.source}: a scene's image is (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            )
        for item in self.objects:
            if item.mask is not None and item.mask.shape != self.image.shape[:2]:
                raise DataError(
                    f"{self.source}: the mask of object {item.id} is {item.mask.shape}, "
                    f"the image is {self.image.shape[:2]}; the annotation belongs to another picture"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True, eq=False)
class Sample:
    """One row of an evaluation: a picture, a phrase and the mask that it names, at the picture's original size.

    Attributes:
        dataset: for example "refcoco".
        split: for example "val".
        image_id: id of the picture, the unit of the bootstrap.
        sent_id: id of the expression, unique in its dataset and split.
        image: path of the picture.
        phrase: the referring expression.
        mask: (H, W) bool; all False when the phrase names nothing.
        category: class name of the target, None when unknown.
        tags: free labels for slices, for example {"kind": "location"}.
        distractor: (H, W) bool mask of the object that a swapped phrase would name, for the WHICH measure.
        box_only: the dataset has boxes and no masks, and ``mask`` is the filled boxes. IoU with it is another measure
            than IoU with a mask, so such samples make no records.
    """

    dataset: str
    split: str
    image_id: int
    sent_id: int
    image: Path
    phrase: str
    mask: BoolMask
    category: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    distractor: BoolMask | None = None
    box_only: bool = False


@dataclass(frozen=True, eq=False)
class Features:
    """A picture encoded once; every phrase reuses it. Immutable.

    Attributes:
        arrays: the image graph's outputs by name, batch of one.
        height, width: ORIGINAL size of the picture in pixels.
        input_size: side of the square that the network saw, in pixels.
    """

    arrays: Mapping[str, FloatArray]
    height: int
    width: int
    input_size: int


@dataclass(frozen=True, eq=False)
class Proposals:
    """The objects that the network proposed in a picture, and how far a phrase chose them.

    Attributes:
        masks: (K, h, w) float32 probabilities over the picture's frame in the network's square, K objects.
        choices: (K,) float32 probabilities that the phrase means each of them.
        input_size: side of the square in pixels.
    """

    masks: FloatArray
    choices: FloatArray
    input_size: int


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The answer for one phrase.

    The methods hand it to other programs; pictures may be paths, PIL images or arrays (H, W, 3) uint8.

    Attributes:
        phrase: the expression asked.
        mask: (H, W) bool at the ORIGINAL size.
        evidence: gives ``logits``; at the ORIGINAL size they are large, and few ask for them.
        score: confidence in [0, 1] that the phrase names something in the picture.
        terms: the parts of the answer by name (p1, p2, ...), and the categories that the phrase was taken for;
            filled by ``Segmenter.explain`` only.
        proposals: what ``instances`` tells objects apart by; None of a network without the third term.
    """

    phrase: str
    mask: BoolMask
    evidence: Callable[[], FloatArray]
    score: float
    terms: Mapping[str, Any] = field(default_factory=dict)
    proposals: Proposals | None = None

    @cached_property
    def logits(self) -> FloatArray:
        """(H, W) float32 log-odds at the ORIGINAL size, infinite where there is no doubt."""
        return self.evidence()

    @cached_property
    def probability(self) -> FloatArray:
        """(H, W) float32 in [0, 1] at the ORIGINAL size; computed when it is first asked for."""
        from deixis.odds import probability

        return probability(self.logits)

    @property
    def share(self) -> float:
        """Share of the picture's pixels that the mask covers, in [0, 1]."""
        return float(self.mask.mean()) if self.mask.size else 0.0

    @property
    def instances(self) -> list[Segmentation]:
        """The mask's parts, one an object, the surest first; see ``deixis.instances.split``."""
        from deixis.instances import split

        return split(self)

    def to_rle(self) -> dict[str, Any]:
        """The mask as COCO's compressed RLE, ready for JSON."""
        from deixis.masks import encode_rle

        return encode_rle(self.mask)

    def to_polygons(self, tolerance: float = 0.0) -> list[NDArray[np.int64]]:
        """The mask as polygons, (n, 2) corners x, y in pixels each; see ``deixis.contours.polygons``."""
        from deixis.contours import polygons

        return polygons(self.mask, tolerance)

    def to_coco(self, image_id: int, category_id: int) -> dict[str, Any]:
        """A row of a COCO results file: RLE, box x, y, width, height, area and score, ready for JSON."""
        from deixis.masks import coco_row

        return {"image_id": image_id, "category_id": category_id, **coco_row(self.mask), "score": self.score}

    def to_supervision(self) -> Any:
        """The instances as ``supervision.Detections``.

        Raises:
            MissingExtra: supervision is not installed.
        """
        from deixis.instances import detections

        return detections(self)

    def overlay(self, image: Picture) -> ImageArray:
        """(H, W, 3) uint8: the picture with the mask tinted and outlined."""
        from deixis.image import open_image
        from deixis.report.overlay import highlight

        return highlight(open_image(image), [self.mask])

    def cutout(self, image: Picture) -> ImageArray:
        """(H, W, 4) uint8 RGBA: the mask's pixels, transparent elsewhere."""
        from deixis.image import open_image
        from deixis.report.overlay import cutout

        return cutout(open_image(image), self.mask)


@dataclass(frozen=True)
class Record:
    """What one evaluated expression left behind. All reports are functions of records.

    Attributes:
        dataset, split, image_id, sent_id, phrase: which expression.
        intersection, union: pixels of |prediction & truth| and |prediction | truth|, original size.
        predicted, target: pixels of the prediction and of the truth.
        height, width: of the picture, in pixels.
        score: the predictor's confidence in [0, 1].
        distractor_iou: IoU of the prediction with the sample's distractor, None without one.
        category, tags: copied from the sample.
    """

    dataset: str
    split: str
    image_id: int
    sent_id: int
    phrase: str
    intersection: int
    union: int
    predicted: int
    target: int
    height: int
    width: int
    score: float
    distractor_iou: float | None = None
    category: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sample: Sample, pixels: tuple[int, int, int], score: float, distractor_iou: float | None = None
    ) -> Record:
        """The record of an answered sample; ``pixels`` are its intersection, union and predicted ones.

        Raises:
            DataError: the sample's mask is a filled box.
        """
        if sample.box_only:
            raise DataError(
                f"{sample.dataset} {sample.split}: expression {sample.sent_id}: expected a mask as truth, got filled "
                "boxes; IoU with a box is another measure, so measure on a dataset with masks"
            )
        intersection, union, predicted = pixels
        return cls(
            dataset=sample.dataset,
            split=sample.split,
            image_id=sample.image_id,
            sent_id=sample.sent_id,
            phrase=sample.phrase,
            intersection=intersection,
            union=union,
            predicted=predicted,
            target=int(np.count_nonzero(sample.mask)),
            height=sample.mask.shape[0],
            width=sample.mask.shape[1],
            score=score,
            distractor_iou=distractor_iou,
            category=sample.category,
            tags=dict(sample.tags),
        )

    @property
    def iou(self) -> float:
        """Intersection over union; 1 when both masks are empty (protocol ``strict``)."""
        return self.intersection / self.union if self.union else 1.0
