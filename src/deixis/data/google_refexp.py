"""Google's referring expressions (G-Ref, Mao et al. 2016, https://github.com/mjhucla/Google_Refexp_toolbox).

    root/google_refexp/google_refexp_val_201511.json    or _val_201511_coco_aligned.json; also train
    root/annotations/instances_train2014.json           COCO's own
    root/images/train2014/                              COCO's pictures, or another folder of ``IMAGE_FOLDERS``

The release is {"annotations": [{annotation_id, image_id, refexp_ids, ...}], "refexps": [{refexp_id, raw, ...}]}; the
aligned files, which the toolbox makes, have dicts keyed by string ids instead of lists. Both are joined with COCO by
annotation_id. The folder may keep the toolbox's name, ``google_refexp_dataset_release``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deixis.data.coco import load_coco
from deixis.data.coco_references import CocoReference, join_coco
from deixis.data.records import at, check_splits, integer, items, shown, string
from deixis.data.references import ExpressionDataset
from deixis.data.splits import split_names
from deixis.errors import DataError
from deixis.files import read_json

NAME = "google_refexp"
FOLDERS = (NAME, "google_refexp_dataset_release")
FILES = ("google_refexp_{}_201511.json", "google_refexp_{}_201511_coco_aligned.json")


def load_google_refexp(root: Path, split: str) -> ExpressionDataset:
    """Read one split, or both as "train+val"; a sample's sent_id is the refexp_id, its phrase the raw text.

    Args:
        root: see above.
        split: "train" or "val".

    Raises:
        DataError: a file is missing or malformed, or ids do not join.
    """
    names = check_splits(root / NAME, split, split_names(NAME))
    paths = {name: _find(root, name) for name in names}
    rows = [row for name, path in paths.items() for row in _rows(path, name)]
    coco = load_coco(root / "annotations" / "instances_train2014.json", Path())
    return join_coco(root, NAME, split, paths[names[0]].parent, rows, coco)


def _find(root: Path, split: str) -> Path:
    names = [name.format(split) for name in FILES]
    for folder in FOLDERS:
        for name in names:
            if (root / folder / name).is_file():
                return root / folder / name
    raise DataError(
        f"{root / NAME}: expected {' or '.join(names)} there, found neither; unpack "
        "google_refexp_dataset_release.zip there"
    )


def _rows(path: Path, split: str) -> Iterator[CocoReference]:
    content = read_json(path, unique_keys=True)
    phrases = dict(_phrases(path, _entries(path, content, "refexps", "refexp_id")))
    # The release may have an annotation in several rows, each with some of its expressions.
    images: dict[int, int] = {}
    refexps: dict[int, list[int]] = {}
    for where, row in _entries(path, content, "annotations", "annotation_id"):
        with at(f"{path}: {where}"):
            ann_id, image_id = integer(row, "annotation_id"), integer(row, "image_id")
            refexp_ids = items(row, "refexp_ids")
            unknown = [item for item in refexp_ids if type(item) is not int or item not in phrases]
            if unknown:
                raise DataError(f"expected refexp_ids of this file's {len(phrases)} refexps, got {shown(unknown[0])}")
            if images.setdefault(ann_id, image_id) != image_id:
                raise DataError(f"expected annotation {ann_id} in one picture, got {images[ann_id]} and {image_id}")
        refexps.setdefault(ann_id, []).extend(refexp_ids)
    for ann_id, ids in refexps.items():
        sentences = tuple((refexp_id, phrases[refexp_id]) for refexp_id in ids)
        yield CocoReference(f"annotation {ann_id}", split, images[ann_id], (ann_id,), sentences)


def _phrases(path: Path, entries: Iterator[tuple[str, Any]]) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    for where, row in entries:
        with at(f"{path}: {where}"):
            refexp_id, phrase = integer(row, "refexp_id"), string(row, "raw").strip()
            if refexp_id in seen:
                raise DataError(f"expected unique refexp_ids, got {refexp_id} a second time; remove one of the two")
        seen.add(refexp_id)
        yield refexp_id, phrase


def _entries(path: Path, content: Any, key: str, identity: str) -> Iterator[tuple[str, Any]]:
    """The rows of a list, or of a dict by string id, each with a name for messages."""
    entries = content.get(key) if isinstance(content, Mapping) else None
    if isinstance(entries, list):
        yield from ((f"{key}[{index}]", row) for index, row in enumerate(entries))
    elif isinstance(entries, Mapping):
        for name, row in entries.items():
            if not isinstance(row, Mapping) or str(row.get(identity)) != name:
                raise DataError(
                    f"{path}: {key}[{name!r}]: expected a row whose {identity!r} is {name}, got {shown(row)}"
                )
            yield f"{key}[{name!r}]", row
    else:
        raise DataError(f"{path}: expected a list or a dict {key!r}, got {shown(entries)}; fetch the file again")
