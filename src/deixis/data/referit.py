"""ReferIt (Kazemzadeh et al. 2014) as the papers of 2016 used it: regions of IAPR TC-12 with expressions and masks.

    root/referit/referit_query_val.json     {"IMG_K": [expression, ...]}, also train, trainval, test
    root/referit/referit_val_imlist.txt     ids of the split's pictures, one a line
    root/referit/referit_imcrop.json        {"IMG.jpg": ["IMG_K", ...]}
    root/referit/referit_imsize.json        {"IMG.jpg": [width, height]}
    root/referit/images/IMG.jpg             the pictures
    root/referit/mask/IMG_K.mat             MATLAB file whose segimg_t is 0 ON the region and not 0 elsewhere

Pictures and masks may also be in ``root/referit/referit-dataset``. The lists have pictures without an expression (9,000
in train, of which 8,995 have one); they are left out.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from deixis.data.matfile import read_variables
from deixis.data.records import at, check_size, check_splits, shown
from deixis.data.references import HUMAN, ExpressionDataset, Reference, by_picture
from deixis.data.splits import split_names
from deixis.errors import DataError
from deixis.files import read_json
from deixis.types import BoolMask

NAME = "referit"
FOLDERS = (".", "referit-dataset")
MASK_KEY = "segimg_t"
_REGION, _PICTURE = re.compile(r"([0-9]+)_[0-9]+"), re.compile(r"([0-9]+)\.jpg")
_Value = TypeVar("_Value")


def load_referit(root: Path, split: str) -> ExpressionDataset:
    """Read one split; needs neither pictures nor masks until samples are asked for.

    ReferIt does not number its expressions: ``sent_id`` counts them from 0 in the order of the split's query file.

    Args:
        root: see above.
        split: "train", "val", "trainval" or "test"; several joined by plus signs are taken together.

    Raises:
        DataError: a file is missing or malformed, or regions and pictures do not join.
    """
    folder = root / NAME
    names = check_splits(folder, split, split_names(NAME))
    sizes = {
        int(Path(name).stem): size for name, size in _table(folder / "referit_imsize.json", _PICTURE, _size).items()
    }
    rows = [row for name in names for row in _references(folder, name, sizes)]
    return ExpressionDataset(
        name=NAME,
        split=split,
        source=_query_path(folder, names[0]),
        folders=tuple(folder / inner / "images" for inner in FOLDERS),
        pictures=by_picture(folder, rows),
        decode=partial(_mask_of, folder, sizes),
        locate=partial(_mask_path, folder),
    )


def _references(folder: Path, split: str, sizes: Mapping[int, tuple[int, int]]) -> Iterator[tuple[int, str, Reference]]:
    path = _query_path(folder, split)
    listed = _image_list(folder / f"referit_{split}_imlist.txt")
    regions = _table(folder / "referit_imcrop.json", _PICTURE, _strings)
    number = 0
    for region, expressions in _table(path, _REGION, _strings).items():
        image_id = int(region.partition("_")[0])
        if image_id not in sizes or image_id not in listed or region not in regions.get(f"{image_id}.jpg", ()):
            raise DataError(
                f"{path}: {region}: expected a region of a picture in referit_{split}_imlist.txt, referit_imsize.json "
                "and referit_imcrop.json, it is not in all of them; the files are not of one release, fetch them again"
            )
        sentences = tuple(enumerate(expressions, number))
        number += len(sentences)
        yield image_id, f"{image_id}.jpg", Reference(split, sentences, region, tags={**HUMAN, "region": region})


def _query_path(folder: Path, split: str) -> Path:
    return folder / f"referit_query_{split}.json"


def _image_list(path: Path) -> frozenset[int]:
    if not path.is_file():
        raise DataError(f"{path}: expected the list of the split's pictures, found nothing; fetch it")
    found: set[int] = set()
    for number, line in enumerate(path.read_text("utf-8", errors="replace").split(), 1):
        if not re.fullmatch("[0-9]+", line) or int(line) in found:
            raise DataError(f"{path}:{number}: expected the id of a picture, once, got {line!r:.60}; fetch it again")
        found.add(int(line))
    return frozenset(found)


def _mask_path(folder: Path, image_id: int, region: str) -> Path:
    for inner in FOLDERS:
        path = folder / inner / "mask" / f"{region}.mat"
        if path.is_file():
            return path
    raise DataError(
        f"{folder / 'mask' / region}.mat: expected the mask of a region there or in {folder / FOLDERS[1]}, found "
        "nothing; unpack the masks of the ReferIt release there"
    )


def _mask_of(folder: Path, sizes: Mapping[int, tuple[int, int]], image_id: int, region: str) -> BoolMask:
    return read_mask(_mask_path(folder, image_id, region), sizes[image_id])


def read_mask(path: Path, size: tuple[int, int]) -> BoolMask:
    """(H, W) bool of one MATLAB file: True where its ``segimg_t`` is 0.

    Only that array is read, and only when its declared shape is that of the picture.

    Args:
        path: the .mat file.
        size: height and width of the picture, in pixels.

    Raises:
        DataError: damaged, without the array, or of another size.
    """
    try:
        there = read_variables(path.read_bytes(), size[0] * size[1])
    except (ValueError, struct.error, zlib.error) as error:
        raise DataError(
            f"{path}: expected a MATLAB file (version 5 to 7.2), it is damaged or of another kind ({error}); "
            "fetch it again"
        ) from error
    found = there.get(MASK_KEY)
    if found is None or found.shape != size:
        got = found.shape if found else f"no such array but {', '.join(there) or 'none'}"
        raise DataError(
            f"{path}: expected {MASK_KEY!r} of the picture's height and width {size}, got {got}; "
            "the mask belongs to another picture or another scale"
        )
    if found.numbers is None:
        raise DataError(f"{path}: expected {MASK_KEY!r} as numbers, got something else; fetch it again")
    return np.ascontiguousarray(found.numbers == 0)


def _table(path: Path, key: re.Pattern[str], parse: Callable[[Any], _Value]) -> dict[str, _Value]:
    """A JSON object by region or picture, every record checked; names file and record in every error."""
    content = read_json(path, unique_keys=True)
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a JSON object by region or picture, got a {type(content).__name__}")
    records: dict[str, _Value] = {}
    for name, row in content.items():
        with at(f"{path}: {name!r:.60}"):
            if not key.fullmatch(name):
                example = "1000_1" if key is _REGION else "1000.jpg"
                raise DataError(f"expected a key such as {example!r}; fetch the file again")
            records[name] = parse(row)
    return records


def _strings(row: Any) -> tuple[str, ...]:
    if not isinstance(row, list) or not row or not all(isinstance(item, str) for item in row):
        raise DataError(f"expected a list of strings, at least one, got {shown(row)}")
    return tuple(row)


def _size(row: Any) -> tuple[int, int]:
    if not isinstance(row, list) or len(row) != 2 or any(type(item) is not int for item in row):
        raise DataError(f"expected [width, height] as 2 whole numbers, got {shown(row)}")
    return check_size(row[1], row[0])
