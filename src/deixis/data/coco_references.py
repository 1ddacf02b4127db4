"""References to annotations of a COCO file: what the formats of RefCOCO, gRefCOCO and Google's release share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deixis import masks
from deixis.data.coco import CocoAnnotation, CocoDataset
from deixis.data.records import at
from deixis.data.references import ExpressionDataset, Reference, by_picture
from deixis.errors import DataError
from deixis.types import BoolMask

IMAGE_FOLDERS = ("images", "images/train2014", "images/mscoco/images/train2014", "images/saiapr_tc-12", "train2014")


@dataclass(frozen=True, slots=True)
class CocoReference:
    """A row of a file of references.

    Attributes:
        row: which one, for messages, for example "ref 7".
        split: the published split.
        image_id: id of the picture in the COCO file.
        ann_ids: ids of the annotations that are named; empty when nothing is.
        sentences: (sent_id, words) in file order.
    """

    row: str
    split: str
    image_id: int
    ann_ids: tuple[int, ...]
    sentences: tuple[tuple[int, str], ...]


def join_coco(
    root: Path, name: str, split: str, source: Path, rows: Iterable[CocoReference], coco: CocoDataset
) -> ExpressionDataset:
    """Join rows with the annotations that they name.

    A mask is the union of the named annotations, without crowds among several (as gRefCOCO's authors do); a
    reference to one annotation has the largest other one of its class as its rival.

    Args:
        root: holds the pictures in one of ``IMAGE_FOLDERS``.
        name: of the dataset.
        split: as asked.
        source: the file of the rows, for messages.
        rows: of the split.
        coco: opened with an empty path as its folder of images.

    Raises:
        DataError: a row names an annotation that is not there or of another picture, or only a box; a sent_id occurs
            twice.
    """
    annotations = {annotation.id: annotation for annotation in coco.annotations}
    return ExpressionDataset(
        name=name,
        split=split,
        source=source,
        folders=tuple(root / folder for folder in IMAGE_FOLDERS),
        pictures=by_picture(source, _references(source, rows, coco, annotations)),
        decode=partial(_union, coco, annotations),
    )


def _references(
    source: Path, rows: Iterable[CocoReference], coco: CocoDataset, annotations: Mapping[int, CocoAnnotation]
) -> Iterator[tuple[int, str, Reference]]:
    for row in rows:
        with at(f"{source}: {row.row}"):
            image = coco.image(row.image_id)
        named = [annotations.get(ann_id) for ann_id in row.ann_ids]
        found = [item for item in named if item is not None and item.image_id == row.image_id]
        if len(found) < len(named):
            raise DataError(
                f"{source}: {row.row} names ann_id {', '.join(map(str, row.ann_ids))} of image {row.image_id}, "
                f"expected some of the {len(annotations)} annotations of {coco.source}; the two files are not of one "
                "release"
            )
        for item in found:
            if not item.segmentation:
                raise DataError(f"{coco.source}: annotation {item.id}: expected a segmentation, got only a box")
        rival = _rival(coco, found[0]) if len(found) == 1 else None
        categories = {item.category for item in found}
        yield (
            row.image_id,
            image.path.as_posix(),
            Reference(
                split=row.split,
                sentences=row.sentences,
                target=row.ann_ids,
                rival=None if rival is None else (rival.id,),
                category=categories.pop() if len(categories) == 1 else None,
            ),
        )


def _rival(coco: CocoDataset, annotation: CocoAnnotation) -> CocoAnnotation | None:
    """The largest other object of the same class in the picture: what is marked when WHICH is not understood."""
    others = [
        other
        for other in coco.annotations_of(annotation.image_id)
        if other.category == annotation.category
        and other.id != annotation.id
        and other.segmentation
        and not other.is_crowd
    ]
    return max(others, key=lambda other: other.area, default=None)


def _union(
    coco: CocoDataset, annotations: Mapping[int, CocoAnnotation], image_id: int, target: tuple[int, ...]
) -> BoolMask:
    named = [annotations[ann_id] for ann_id in target]
    parts = [item for item in named if not item.is_crowd or len(named) == 1]
    image = coco.image(image_id)
    decoded = [mask for mask in map(coco.mask_of, parts) if mask is not None]
    return decoded[0] if len(decoded) == 1 else masks.union(decoded, image.height, image.width)
