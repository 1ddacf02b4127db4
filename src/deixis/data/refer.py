"""RefCOCO, RefCOCO+, RefCOCOg and RefCLEF as the REFER toolkit lays them out (https://github.com/lichengunc/refer).

    root/images/COCO_train2014_000000000309.jpg     or images/train2014/, or images/mscoco/images/train2014/
    root/refcoco/refs(unc).p                        pickled list of references, each with its sentences
    root/refcoco/instances.json                     COCO instances

A reference names its object by ``ann_id``; its ``file_name`` is not the picture's.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from deixis.data.coco import CocoAnnotation, CocoDataset, CocoImage, load_coco
from deixis.errors import DataError
from deixis.types import BoolMask, Sample

SPLIT_BY: Mapping[str, str] = {"refcoco": "unc", "refcoco+": "unc", "refcocog": "umd", "refclef": "unc"}
IMAGE_FOLDERS = (
    "images",
    "images/train2014",
    "images/mscoco/images/train2014",
    "images/saiapr_tc-12",
)


@dataclass(frozen=True)
class _Ref:
    """One reference: an object and the sentences that people said of it."""

    ref_id: int
    ann_id: int
    image_id: int
    split: str
    sentences: tuple[tuple[int, str], ...]


def load_refer(root: Path, dataset: str, split: str, split_by: str | None = None) -> list[Sample]:
    """Read one split: one sample per sentence, samples of one picture next to each other.

    All masks are in memory at once (one per reference; 1.2 GB for the val split of RefCOCO); ``iter_refer`` holds
    those of one picture only.

    Args:
        root: folder with ``images`` and one folder per dataset.
        dataset: "refcoco", "refcoco+", "refcocog" or another folder of that format.
        split: for example "val"; several joined by plus signs ("testA+testB") are taken together.
        split_by: which published division, the name in ``refs(...).p``; by default that of ``SPLIT_BY``.

    Raises:
        DataError: a file or picture is missing or malformed, the split does not exist, a reference does not join.
    """
    return list(iter_refer(root, dataset, split, split_by))


def iter_refer(root: Path, dataset: str, split: str, split_by: str | None = None) -> Iterator[Sample]:
    """As ``load_refer``, one sample at a time. Files, joins and pictures are checked before the first sample."""
    path = _refs_path(root, dataset, split_by)
    coco = load_coco(path.parent / "instances.json", root / "images")
    annotations = {annotation.id: annotation for annotation in coco.annotations}
    groups: dict[int, list[tuple[_Ref, CocoAnnotation]]] = {}
    for ref in _of_split(path, _read_refs(path), split):
        annotation = annotations.get(ref.ann_id)
        if annotation is None or annotation.image_id != ref.image_id:
            raise DataError(
                f"{path}: ref {ref.ref_id} names ann_id {ref.ann_id} of image {ref.image_id}, expected one of the "
                f"{len(annotations)} annotations of {coco.source}; the two files are not of one release"
            )
        groups.setdefault(annotation.image_id, []).append((ref, annotation))
    images = [(coco.image(image_id), _find_image(root, coco.image(image_id))) for image_id in groups]
    return _samples(dataset, coco, groups, images)


def _samples(
    dataset: str,
    coco: CocoDataset,
    groups: Mapping[int, list[tuple[_Ref, CocoAnnotation]]],
    images: list[tuple[CocoImage, Path]],
) -> Iterator[Sample]:
    for image, path in images:
        known: dict[int, BoolMask] = {}
        for ref, annotation in groups[image.id]:
            rival = _rival(coco, annotation)
            for item in (annotation, rival):
                if item is not None and item.id not in known:
                    known[item.id] = _mask(coco, item)
            for sent_id, phrase in ref.sentences:
                yield Sample(
                    dataset=dataset,
                    split=ref.split,
                    image_id=image.id,
                    sent_id=sent_id,
                    image=path,
                    phrase=phrase,
                    mask=known[annotation.id],
                    category=annotation.category,
                    tags={"kind": "human"},
                    distractor=None if rival is None else known[rival.id],
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


def _mask(coco: CocoDataset, annotation: CocoAnnotation) -> BoolMask:
    mask = coco.mask_of(annotation)
    if mask is None:
        raise DataError(f"{coco.source}: annotation {annotation.id}: expected a segmentation, got only a box")
    mask.setflags(write=False)  # the sentences of one reference share it
    return mask


def _refs_path(root: Path, dataset: str, split_by: str | None) -> Path:
    folder = root / dataset
    if not folder.is_dir():
        there = sorted({path.parent.name for path in root.glob("*/refs(*).p")})
        raise DataError(
            f"{folder}: expected the folder of dataset {dataset!r}, found nothing; datasets in {root}: "
            f"{', '.join(there) or 'none'}"
        )
    if split_by is None and dataset not in SPLIT_BY:
        raise DataError(f"{folder}: expected split_by for a dataset other than {', '.join(SPLIT_BY)}; give it")
    path = folder / f"refs({split_by or SPLIT_BY[dataset]}).p"
    if not path.is_file():
        there = sorted(found.name for found in folder.glob("refs(*).p"))
        raise DataError(
            f"{path}: expected the references there, found nothing; {folder} has "
            f"{', '.join(there) or 'no references at all'}"
        )
    return path


def _of_split(path: Path, refs: list[_Ref], split: str) -> list[_Ref]:
    wanted = [name.strip() for name in split.split("+")]
    known = sorted({ref.split for ref in refs})
    for name in wanted:
        if name not in known:
            raise DataError(f"{path}: expected a split of {', '.join(known) or 'nothing'}, got {name!r}")
    return [ref for ref in refs if ref.split in wanted]


def _find_image(root: Path, image: CocoImage) -> Path:
    for folder in IMAGE_FOLDERS:
        path = root / folder / image.path.name
        if path.is_file():
            return path
    raise DataError(
        f"{root}: image {image.id}: expected {image.path.name} in {', '.join(IMAGE_FOLDERS)}, found "
        "nothing; unpack COCO's train2014.zip there"
    )


class _PlainUnpickler(pickle.Unpickler):
    """Builds lists, dicts, strings and numbers only, so that no pickle can run code."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise DataError(f"expected lists, dicts, strings and numbers, got the global {module}.{name}; do not trust it")


def _unpickle(path: Path) -> Any:
    content = path.read_bytes()
    try:
        try:
            return _PlainUnpickler(io.BytesIO(content), encoding="utf-8").load()
        except UnicodeDecodeError:  # Python 2 wrote its byte strings in whatever encoding they had
            return _PlainUnpickler(io.BytesIO(content), encoding="latin-1").load()
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(
            f"{path}: expected a pickle of references, it is damaged or incomplete ({error or type(error).__name__}); "
            "fetch it again"
        ) from error


def _read_refs(path: Path) -> list[_Ref]:
    rows = _unpickle(path)
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of references, got {type(rows).__name__}")
    refs: dict[int, _Ref] = {}
    for index, row in enumerate(rows):
        try:
            ref = _ref(row)
            if ref.ref_id in refs:
                raise DataError(f"expected unique ref_ids, got {ref.ref_id} a second time")
        except DataError as error:
            raise DataError(f"{path}: reference {index}: {error}") from error
        refs[ref.ref_id] = ref
    return list(refs.values())


def _ref(row: Any) -> _Ref:
    sentences = _value(row, "sentences", list)
    return _Ref(
        ref_id=_value(row, "ref_id", int),
        ann_id=_value(row, "ann_id", int),
        image_id=_value(row, "image_id", int),
        split=_value(row, "split", str),
        sentences=tuple((_value(sentence, "sent_id", int), _value(sentence, "sent", str)) for sentence in sentences),
    )


def _value(row: Any, key: str, kind: type) -> Any:
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, kind):
        got = f"{value!r:.60}" if isinstance(row, dict) else f"{row!r:.60}"
        raise DataError(f"expected a dict with {key!r} of type {kind.__name__}, got {got}")
    return value
