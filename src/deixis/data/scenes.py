"""From a configured source (COCO-format annotations, perhaps captions) to scenes and to evaluation rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from deixis import masks
from deixis.data import nouns
from deixis.data.captions import person_expressions
from deixis.data.coco import CocoAnnotation, CocoDataset, CocoImage, load_captions, load_coco
from deixis.data.leakage import MeasuredImages, SourceReport, coco_id, find_refer, measured_images
from deixis.data.synthesize import SynthesisOptions, synthesize
from deixis.errors import ConfigError, DataError
from deixis.image import open_image
from deixis.trainconfig import SourceConfig
from deixis.types import BoolMask, Expression, Sample, Scene, SceneObject

WHOLE_ID = 0  # id of the object that the union of a picture's regions makes up; COCO's own ids start at 1
WHICH_KINDS = frozenset({"location", "ordinal", "size", "colour"})  # kinds that tell an object from its like


class SceneSource:
    """The pictures of one source as scenes, decoded on demand.

    Args:
        config: where the files are and what their labels mean.
        root: folder that the config's relative paths start from.

    Attributes:
        images: those that are used.
        measured: the photographs of RefCOCO, RefCOCO+ and RefCOCOg that were left out if they were there; None when
            nothing was compared.
        left_out: how many were there.
        leak_free: True when none of them is left, or no picture has a name of COCO's; False when they were kept on
            purpose; None when there was nothing to compare with.
    """

    def __init__(self, config: SourceConfig, root: Path = Path()) -> None:
        self.config = config
        self.dataset: CocoDataset = load_coco(root / config.annotations, root / config.images)
        self.captions = load_captions(root / config.captions) if config.captions else {}
        self.labelled = _labelled(config, self.dataset)
        # With ``whole``, a picture without regions is an unlabelled one, not an empty one.
        images = [image for image in self.dataset.images if not config.whole or self.dataset.annotations_of(image.id)]
        first, last = (round(share * len(images)) for share in config.part)
        self.measured, self.leak_free = _leakage(config, root, images)
        measured = self.measured.image_ids if self.measured else frozenset()
        self.images = tuple(image for image in images[first:last] if coco_id(image.path.name) not in measured)
        self.left_out = last - first - len(self.images)
        if not self.images:
            left_out = f" beside {self.left_out} that are left out" if self.left_out else ""
            raise DataError(f"{root / config.annotations}: expected at least one image, found none{left_out}")

    def __len__(self) -> int:
        return len(self.images)

    def about(self) -> SourceReport:
        """What the source is made of."""
        report = SourceReport(str(self.dataset.source), len(self), self.leak_free, self.left_out)
        if self.measured is None:
            return report
        return replace(
            report,
            compared_with=str(self.measured.root),
            divisions=self.measured.divisions,
            measured_images=len(self.measured.image_ids),
        )

    def scene(self, index: int) -> Scene:
        """Picture ``index`` with its objects and given expressions.

        Raises:
            ImageError: the picture is missing or damaged.
            DataError: its size is not the one in the annotation file.
        """
        entry = self.images[index]
        image = open_image(entry.path)
        if image.shape[:2] != (entry.height, entry.width):
            raise DataError(
                f"{entry.path}: the annotation file says {entry.width} x {entry.height}, "
                f"the picture is {image.shape[1]} x {image.shape[0]}"
            )
        objects = tuple(self._object(annotation) for annotation in self.dataset.annotations_of(entry.id))
        if self.config.whole and objects:
            known = [item.mask for item in objects if item.mask is not None]
            whole = masks.union(known, entry.height, entry.width)
            objects = (SceneObject(WHOLE_ID, self.config.whole, masks.bounding_box(whole), whole), *objects)
        expressions, labelled = self._sentences(entry.id, objects)
        labelled |= _complete(objects, entry) if self.config.labelled == "present" else self.labelled
        return Scene(image, objects, labelled, expressions, f"{self.dataset.source}: {entry.path.name}")

    def captions_of(self, index: int) -> tuple[str, ...]:
        """Captions of picture ``index``."""
        return self.captions.get(self.images[index].id, ())

    @property
    def category_names(self) -> tuple[str, ...]:
        """Class names that are labelled and used, each once; none when nothing is labelled completely."""
        if not self.labelled and self.config.labelled != "present":
            return ()
        used = {annotation.category for annotation in self.dataset.annotations}
        whole = [self.config.whole] if self.config.whole else []
        return tuple(dict.fromkeys([clean(name) for name in self.dataset.categories if name in used] + whole))

    def _object(self, annotation: CocoAnnotation) -> SceneObject:
        return SceneObject(
            id=annotation.id,
            category=clean(annotation.category),
            box_xyxy=annotation.box_xyxy,
            mask=self.dataset.mask_of(annotation),
            is_crowd=annotation.is_crowd and self.config.crowds,
            is_part=self.config.whole is not None,
            names=annotation.names,
            posture=annotation.posture,
        )

    def _sentences(
        self, image_id: int, objects: tuple[SceneObject, ...]
    ) -> tuple[tuple[Expression, ...], frozenset[str]]:
        """Captions of a picture with one person name this person, and say that there is no other."""
        people = [item for item in objects if item.category == "person" and not item.is_crowd]
        captions = self.captions.get(image_id, ())
        if not captions or len(people) != 1:
            return (), frozenset()
        return person_expressions(captions, people[0].id), frozenset({"person"})


def _leakage(
    config: SourceConfig, root: Path, images: Sequence[CocoImage]
) -> tuple[MeasuredImages | None, bool | None]:
    """What to leave out, and whether the source is leak-free then."""
    if not any(coco_id(image.path.name) for image in images):
        return None, True
    if config.leave_out == "none":
        return None, False
    folder = find_refer(root) if config.leave_out == "auto" else root / config.leave_out
    return (None, None) if folder is None else (measured_images(folder), True)


def clean(category: str) -> str:
    """The class name as it is said: "traffic_light" and "traffic light" are one class."""
    return nouns.clean(category)


def held_out_samples(source: SceneSource, per_image: int, seed: int, options: SynthesisOptions) -> list[Sample]:
    """Evaluation rows with synthesized expressions, the same for the same seed.

    Rows that tell one object from its like carry the largest other object of the class as ``distractor``.
    """
    samples: list[Sample] = []
    for index, entry in enumerate(source.images):
        scene = source.scene(index)
        for expression in synthesize(scene, np.random.default_rng([seed, index]), per_image, options):
            samples.append(
                Sample(
                    dataset=source.dataset.source.stem,
                    split="synthesized",
                    image_id=entry.id,
                    sent_id=len(samples),
                    image=entry.path,
                    phrase=expression.text,
                    mask=target_mask(scene, expression),
                    category=expression.category,
                    tags={"kind": expression.kind},
                    distractor=_distractor(scene, expression),
                )
            )
    return samples


def target_mask(scene: Scene, expression: Expression) -> BoolMask:
    """(H, W) bool union of what an expression names; where only a box is known, the filled box."""
    targets = [object_mask(scene, item) for item in scene.objects if item.id in expression.target_ids]
    return masks.union(targets, *scene.size)


def object_mask(scene: Scene, item: SceneObject) -> BoolMask:
    """(H, W) bool mask of an object, or its filled box."""
    if item.mask is not None:
        return item.mask
    mask = np.zeros(scene.size, dtype=bool)
    x0, y0, x1, y1 = (round(value) for value in item.box_xyxy)
    mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = True
    return mask


def _distractor(scene: Scene, expression: Expression) -> BoolMask | None:
    if expression.kind not in WHICH_KINDS or len(expression.target_ids) != 1:
        return None
    target = next(item for item in scene.objects if item.id == expression.target_ids[0])
    others = [
        item.mask
        for item in scene.objects
        if item.category == target.category and item.id != target.id and item.mask is not None and not item.is_crowd
    ]
    return max(others, key=lambda mask: int(mask.sum()), default=None)


def _complete(objects: Sequence[SceneObject], entry: CocoImage) -> frozenset[str]:
    """The classes of a picture's objects, but for those that the file says are not complete there."""
    return frozenset(item.category for item in objects) - {clean(name) for name in entry.incomplete}


def _labelled(config: SourceConfig, dataset: CocoDataset) -> frozenset[str]:
    whole = {config.whole} if config.whole else set()
    if config.labelled == "all":
        return frozenset({clean(name) for name in dataset.categories} | whole)
    if config.labelled in ("none", "present"):
        return frozenset()
    if isinstance(config.labelled, str):
        raise ConfigError(
            f"labelled: expected 'all', 'none', 'present' or a list of class names, got {config.labelled!r}"
        )
    return frozenset({clean(name) for name in config.labelled} | whole)
