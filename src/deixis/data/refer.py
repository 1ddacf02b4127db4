"""RefCOCO, RefCOCO+, RefCOCOg, RefCLEF (https://github.com/lichengunc/refer) and gRefCOCO (Liu et al. 2023).

    root/images/COCO_train2014_000000000309.jpg     or images/train2014/, or images/mscoco/images/train2014/
    root/images/saiapr_tc-12/25.jpg                 the pictures of RefCLEF
    root/refcoco/refs(unc).p                        pickled list of references, each with its sentences
    root/refcoco/instances.json                     COCO instances; of RefCLEF with lists of RLE
    root/grefcoco/grefs(unc).json                   as refs, but ``ann_id`` is a list, [-1] when nothing is named
    root/grefcoco/instances.json

A reference names its object by ``ann_id``; its ``file_name`` is not the picture's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deixis.data.coco import load_coco
from deixis.data.coco_references import CocoReference, join_coco
from deixis.data.plain_pickle import load_plain
from deixis.data.records import at, check_splits, integer, items, shown, string
from deixis.data.references import ExpressionDataset
from deixis.errors import DataError
from deixis.files import read_json

SPLIT_BY: Mapping[str, str] = {
    "refcoco": "unc",
    "refcoco+": "unc",
    "refcocog": "umd",
    "refclef": "unc",
    "grefcoco": "unc",
}
NO_TARGET = [-1]
_SEVERAL_TESTS = re.compile(r"test([A-Z]{2,})")  # RefCLEF has references in "testAB": of testA and of testB


def load_refer(root: Path, dataset: str, split: str, split_by: str | None = None) -> ExpressionDataset:
    """Read one split; its samples have the published split's name, and the name of the dataset and its division.

    Args:
        root: folder with ``images`` and one folder per dataset.
        dataset: "refcoco", "refcoco+", "refcocog", "refclef", "grefcoco" or another folder of that format.
        split: for example "val"; several joined by plus signs ("testA+testB") are taken together.
        split_by: which published division, the name in ``refs(...).p``; by default that of ``SPLIT_BY``.

    Raises:
        DataError: a file is missing or malformed, the split does not exist, a reference does not join.
    """
    path = _refs_path(root, dataset, split_by)
    rows = list(_of_split(path, list(_rows(path)), split))
    coco = load_coco(path.parent / "instances.json", Path())
    name = dataset if split_by in (None, SPLIT_BY.get(dataset)) else f"{dataset}-{split_by}"
    return join_coco(root, name, split, path, rows, coco)


def images_by_split(path: Path) -> dict[str, frozenset[int]]:
    """Ids of the pictures of each split in a file of references; needs no instances.json.

    Raises:
        DataError: the file is missing or malformed.
    """
    images: dict[str, set[int]] = {}
    for row in _rows(path):
        for split in _splits_of(row.split):
            images.setdefault(split, set()).add(row.image_id)
    return {split: frozenset(ids) for split, ids in images.items()}


def _refs_path(root: Path, dataset: str, split_by: str | None) -> Path:
    folder = root / dataset
    if not folder.is_dir():
        there = sorted({path.parent.name for path in root.glob("*/*refs(*).*")})
        raise DataError(
            f"{folder}: expected the folder of dataset {dataset!r}, found nothing; datasets in {root}: "
            f"{', '.join(there) or 'none'}"
        )
    if split_by is None and dataset not in SPLIT_BY:
        raise DataError(f"{folder}: expected split_by for a dataset other than {', '.join(SPLIT_BY)}; give it")
    division = split_by or SPLIT_BY[dataset]
    path = folder / (f"grefs({division}).json" if dataset == "grefcoco" else f"refs({division}).p")
    if not path.is_file():
        there = sorted(found.name for found in folder.glob("*refs(*).*"))
        raise DataError(
            f"{path}: expected the references there, found nothing; {folder} has "
            f"{', '.join(there) or 'no references at all'}"
        )
    return path


def _of_split(path: Path, rows: list[CocoReference], split: str) -> Iterator[CocoReference]:
    """The rows of the splits asked for, under the name asked for."""
    known = sorted({name for row in rows for name in _splits_of(row.split)})
    wanted = check_splits(path, split, known)
    for row in rows:
        for name in wanted:
            if name in _splits_of(row.split):
                yield replace(row, split=name)
                break


def _splits_of(written: str) -> list[str]:
    several = _SEVERAL_TESTS.fullmatch(written)
    return [f"test{letter}" for letter in several[1]] if several else [written]


def _rows(path: Path) -> Iterator[CocoReference]:
    if path.suffix == ".json":
        content = read_json(path)
    else:
        with at(path):
            content = load_plain(path.read_bytes())
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of references, got {type(content).__name__}; fetch it again")
    for index, row in enumerate(content):
        with at(f"{path}: reference {index}"):
            parsed = _row(row)
        yield parsed


def _row(row: Any) -> CocoReference:
    sentences = tuple((integer(item, "sent_id"), string(item, "sent")) for item in items(row, "sentences"))
    return CocoReference(
        row=f"ref {integer(row, 'ref_id')}",
        split=string(row, "split"),
        image_id=integer(row, "image_id"),
        ann_ids=_ann_ids(row),
        sentences=sentences,
    )


def _ann_ids(row: Any) -> tuple[int, ...]:
    if not isinstance(row.get("ann_id"), list):
        return (integer(row, "ann_id"),)
    ids = items(row, "ann_id")
    if ids == NO_TARGET:
        return ()
    if not ids or any(type(ann_id) is not int or ann_id < 0 for ann_id in ids):
        raise DataError(f"expected 'ann_id' as an id, a list of ids, or {NO_TARGET} for no target; got {shown(ids)}")
    return tuple(ids)
