"""Photographs that results are reported on, to be kept out of training.

Every picture of RefCOCO, RefCOCO+ and RefCOCOg is in COCO train2014. A model whose category masks come from COCO has
therefore seen the photographs that it is measured on, though not what was said of them. A leak-free list drops them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deixis.data.refer import images_by_split
from deixis.errors import DataError

DIVISIONS = (("refcoco", "unc"), ("refcoco+", "unc"), ("refcocog", "umd"), ("refcocog", "google"))
_COCO_NAME = re.compile(r"(?:COCO_(?:train|val)2014_)?([0-9]{12})\.jpg")


@dataclass(frozen=True)
class MeasuredImages:
    """The validation and test photographs of some REFER data.

    Attributes:
        root: folder of the data.
        divisions: those found there, for example "refcoco (unc)".
        image_ids: COCO's ids.
    """

    root: Path
    divisions: tuple[str, ...]
    image_ids: frozenset[int]


@dataclass(frozen=True)
class SourceReport:
    """What a training source is made of, for the run's folder.

    Attributes:
        source: its file, or the dataset and split of its expressions.
        images: pictures that are used.
        leak_free: True when no photograph that results are reported on is among them; False when they were kept on
            purpose; None when nothing was compared.
        left_out: pictures that were left out.
        compared_with: folder of the REFER data.
        divisions: those found there.
        measured_images: their val and test photographs.
    """

    source: str
    images: int
    leak_free: bool | None = None
    left_out: int = 0
    compared_with: str | None = None
    divisions: tuple[str, ...] = ()
    measured_images: int = 0


def measured_images(root: Path) -> MeasuredImages:
    """The photographs of every split but train, of all divisions of ``DIVISIONS`` that are there.

    A photograph that Google's division has in train and in val counts: results are reported on it.

    Raises:
        DataError: none is there, or a file is malformed.
    """
    found = {f"{name} ({division})": path for name, division, path in _files(root) if path.is_file()}
    if not found:
        raise DataError(
            f"{root}: expected the folders of RefCOCO, RefCOCO+ or RefCOCOg with their refs(...).p, found none; "
            'give the folder that holds them, or "none" to keep every picture'
        )
    image_ids: set[int] = set()
    for path in found.values():
        image_ids.update(*(ids for split, ids in images_by_split(path).items() if split != "train"))
    return MeasuredImages(root, tuple(found), frozenset(image_ids))


def find_refer(root: Path) -> Path | None:
    """The folder with REFER data: ``root/refer`` or ``root``; None when neither has any."""
    for folder in (root / "refer", root):
        if any(path.is_file() for _, _, path in _files(folder)):
            return folder
    return None


def coco_id(file_name: str) -> int | None:
    """COCO's id of a photograph by its name ("COCO_train2014_000000000309.jpg", "000000000309.jpg"); else None."""
    match = _COCO_NAME.fullmatch(file_name)
    return int(match[1]) if match else None


def _files(root: Path) -> list[tuple[str, str, Path]]:
    return [(name, division, root / name / f"refs({division}).p") for name, division in DIVISIONS]
