"""Checking the folder of a dataset: the published release, whole, everything in it fitting together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deixis.data.coco import CocoAnnotation, load_coco
from deixis.data.dataset import DATASETS, ExpressionDataset
from deixis.data.records import NoSuchSplit, is_number
from deixis.data.references import Picture
from deixis.data.splits import SPLITS, Split
from deixis.errors import DataError, ImageError, InputError
from deixis.image import open_image

Severity = Literal["error", "warning", "note"]

# Splits of these have pictures in common in the published release.
SHARE_PICTURES = frozenset({"refcoco-google", "refcocog-google", "google_refexp"})
WHOLE = {"trainval": ("train", "val")}  # splits that are made of others
FETCH = "numbers are not comparable with those of others; fetch the release again"
OTHER_PICTURE = "see whether the annotation is of another picture or scale"
TOLERANCE = 1.0  # pixels that a polygon may reach out of its picture: annotators drew along the edges


@dataclass(frozen=True)
class Finding:
    """Something that a dataset's user should know.

    Attributes:
        severity: "error" when numbers measured on it are wrong or cannot be had; "warning" when they may be; "note"
            for what is odd but meant so.
        check: what was looked at: "files", "counts", "splits", "pictures", "sentences", "masks" or "outlines".
        file: where.
        record: which record of it, for example "val, image 309"; "" for the whole file.
        problem: what was expected, and what is there.
        remedy: what to do; "" when there is nothing to do or ``problem`` says it.
    """

    severity: Severity
    check: str
    file: Path
    record: str
    problem: str
    remedy: str = ""


def examine(
    root: Path, name: str, part: bool = False, progress: Callable[[int], object] | None = None
) -> list[Finding]:
    """Check one dataset; reads every picture and decodes every mask.

    Of a file that cannot be read, the first fault is found only: mend it and look again.

    Args:
        root: the folder that holds all datasets; docs/data.md shows the layout of each.
        name: for example "refcoco" or "refcocog-google".
        part: the folder is meant to hold a part of the release: counts and missing splits are notes.
        progress: called with the number of pictures just checked.

    Raises:
        InputError: an unknown name.
        DataError: no such folder.
        MissingExtra: a package that reads the masks is not installed.
    """
    if name not in DATASETS:
        raise InputError(f"expected a dataset of {', '.join(DATASETS)}; got {name!r}")
    if not root.is_dir():
        raise DataError(f"{root}: expected the folder that holds the datasets, found none")
    folder = root / name.partition("-")[0]
    opened: dict[str, ExpressionDataset] = {}
    findings: list[Finding] = []
    less: Severity = "note" if part else "error"
    for split in SPLITS[name]:
        try:
            opened[split.name] = DATASETS[name](root, split.name)
        except NoSuchSplit:
            problem = f"expected the published split {split.name}, found none"
            findings.append(Finding(less, "counts", folder, "", problem, "" if part else FETCH))
        except DataError as error:
            findings.append(Finding("error", "files", folder, "", str(error)))
        else:
            findings += _counts(opened[split.name], split, less)
    findings += _shared_pictures(name, opened)
    for dataset in opened.values():
        if dataset.split not in WHOLE:
            findings += _records(dataset, progress)
    findings += _polygons(folder / "instances.json")
    return list(dict.fromkeys(findings))  # splits share files, and then their faults


def _counts(dataset: ExpressionDataset, split: Split, severity: Severity) -> Iterator[Finding]:
    for what in ("refs", "expressions", "images"):
        expected, found = getattr(split, what), getattr(dataset.counts, what)
        if expected is not None and found != expected:
            problem = f"expected the published {expected:,} {what}, got {found:,}"
            remedy = "" if severity == "note" else FETCH
            yield Finding(severity, "counts", dataset.source, split.name, problem, remedy)


def _shared_pictures(name: str, opened: dict[str, ExpressionDataset]) -> Iterator[Finding]:
    """Pictures that two splits have in common."""
    for (first, one), (second, other) in itertools.combinations(opened.items(), 2):
        if first in WHOLE.get(second, ()) or second in WHOLE.get(first, ()):
            continue
        shared = {picture.id for picture in one.pictures} & {picture.id for picture in other.pictures}
        if not shared:
            continue
        tests = first.startswith("test") and second.startswith("test")
        found = f"{len(shared):,} pictures are in both, for example {min(shared)}"
        if name in SHARE_PICTURES or (tests and name.startswith("refclef")):
            yield Finding("note", "splits", other.source, f"{first}, {second}", f"{found}; it was published so")
        else:
            problem = f"expected no picture in two splits; {found}"
            yield Finding("error", "splits", other.source, f"{first}, {second}", problem, FETCH)


def _records(dataset: ExpressionDataset, progress: Callable[[int], object] | None) -> Iterator[Finding]:
    """Pictures, sentences and masks of a split, one picture after the other."""
    for index, picture in enumerate(dataset.pictures):
        record = f"{dataset.split}, image {picture.id}"
        size: tuple[int, int] | None = None
        try:
            height, width, _ = open_image(dataset.path(index)).shape
            size = height, width
        except (DataError, ImageError) as error:
            yield Finding("error", "pictures", dataset.source, record, str(error))
        for reference in picture.references:
            for sent_id, phrase in reference.sentences:
                if not phrase.strip():
                    where = f"{record}, sentence {sent_id}"
                    yield Finding(
                        "warning", "sentences", dataset.source, where, "expected words, got none", "remove it"
                    )
        yield from _masks(dataset, picture, record, size)
        if progress is not None:
            progress(1)


def _masks(
    dataset: ExpressionDataset, picture: Picture, record: str, size: tuple[int, int] | None
) -> Iterator[Finding]:
    for target in dict.fromkeys(reference.target for reference in picture.references):
        named = f"{record}, target {', '.join(map(str, target)) if isinstance(target, tuple) else target}"
        try:
            mask = dataset.decode(picture.id, target)
        except DataError as error:
            yield Finding("error", "masks", dataset.source, named, str(error))
            continue
        if size is not None and mask.shape != size:
            problem = (
                f"expected a mask of the picture's {size[0]} x {size[1]} pixels, got {mask.shape[0]} x {mask.shape[1]}"
            )
            yield Finding("error", "masks", dataset.source, named, problem, OTHER_PICTURE)
        if not mask.any() and target != ():  # () is gRefCOCO's way to say that nothing is named
            problem = "expected a mask with a pixel inside of the picture, got an empty one"
            yield Finding("error", "masks", dataset.source, named, problem, "remove the reference or mend its mask")


def _polygons(instances: Path) -> Iterator[Finding]:
    """Outlines that leave their picture; what is outside is cut off when masks are made."""
    if not instances.is_file():
        return
    try:
        coco = load_coco(instances)
    except DataError:  # known since the splits were opened
        return
    for annotation in coco.annotations:
        image = coco.image(annotation.image_id)
        reach = _reach(annotation, image.height, image.width)
        if reach > TOLERANCE:
            problem = f"expected an outline inside of its picture, it reaches {reach:.0f} pixels out of it"
            yield Finding("warning", "outlines", instances, f"annotation {annotation.id}", problem, OTHER_PICTURE)


def _reach(annotation: CocoAnnotation, height: int, width: int) -> float:
    """How far polygons reach out of a picture, in pixels; 0 when they do not, and for RLE."""
    parts = annotation.segmentation if isinstance(annotation.segmentation, list) else []
    reach = 0.0
    for part in parts:
        if isinstance(part, list) and len(part) > 1 and all(map(is_number, part)):
            xs, ys = part[::2], part[1::2]
            reach = max(reach, -min(xs), -min(ys), max(xs) - width, max(ys) - height)
    return reach
