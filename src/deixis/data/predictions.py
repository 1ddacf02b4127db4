"""Finished masks of any system, by sent_id: a folder of PNG files, COCO results with sent_id, or JSON lines.

masks/42.png, masks/43.png                                                       0 and one other value
[{"sent_id": 42, "segmentation": {"size": [h, w], "counts": "..."}}, ...]        .json, other keys are ignored
{"sent_id": 42, "segmentation": {"size": [h, w], "counts": "..."}}               .jsonl, one a line
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deixis.errors import DataError
from deixis.files import read_json
from deixis.masks import decode
from deixis.types import BoolMask


@dataclass(frozen=True, eq=False)
class Prediction:
    """A finished mask that is not decoded yet.

    Attributes:
        where: file (and row) for messages.
        size: (height, width) in pixels, known before the mask is decoded.
        read: gives the (height, width) bool mask; raises DataError when it is damaged.
    """

    where: str
    size: tuple[int, int]
    read: Callable[[], BoolMask]


def read_predictions(path: Path) -> dict[int, Prediction]:
    """Find a system's masks by sent_id; each is decoded when it is asked for.

    Args:
        path: a folder, a ``.json`` or a ``.jsonl`` file, as the head of this module shows.

    Raises:
        DataError: nothing there, another format, a malformed row, a sent_id twice; names file and row.
    """
    predictions: dict[int, Prediction] = {}
    for sent_id, prediction in _found(path):
        if sent_id in predictions:
            raise DataError(
                f"{prediction.where}: expected one mask per sent_id, got {sent_id} a second time, first in "
                f"{predictions[sent_id].where}; keep one"
            )
        predictions[sent_id] = prediction
    return predictions


def _found(path: Path) -> Iterator[tuple[int, Prediction]]:
    if path.is_dir():
        return _of_folder(path)
    if not path.exists():
        raise DataError(f"{path}: expected a folder of PNG files, a .json or a .jsonl file, found nothing there")
    if path.suffix.lower() == ".jsonl":
        return _of_lines(path)
    if path.suffix.lower() == ".json":
        return _of_list(path)
    raise DataError(f"{path}: expected a folder of PNG files, a .json or a .jsonl file, got {path.name!r}")


def _of_folder(folder: Path) -> Iterator[tuple[int, Prediction]]:
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png"):
        if not (path.stem.isascii() and path.stem.isdigit()):
            raise DataError(f"{path}: expected a name that is a sent_id, such as 42.png")
        yield int(path.stem), Prediction(str(path), _png_size(path), functools.partial(_png_mask, path))


def _of_list(path: Path) -> Iterator[tuple[int, Prediction]]:
    rows = read_json(path)
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of results with sent_id and segmentation, got {type(rows).__name__}")
    for index, row in enumerate(rows):
        yield _of_row(f"{path}: row {index}", row)


def _of_lines(path: Path) -> Iterator[tuple[int, Prediction]]:
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}:{number}: expected one JSON object a line, got something else") from error
            yield _of_row(f"{path}:{number}", row)


def _of_row(where: str, row: Any) -> tuple[int, Prediction]:
    sent_id = row.get("sent_id") if isinstance(row, dict) else None
    if type(sent_id) is not int:
        raise DataError(f"{where}: expected an object with a whole number 'sent_id', got {row!r:.60}")
    rle = row.get("segmentation")
    size = rle.get("size") if isinstance(rle, dict) else None
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise DataError(
            f"{where}: expected 'segmentation' as RLE {{'size': [h, w], 'counts': str}}, got {rle!r:.60}; "
            "polygons and boxes are not scored"
        )
    height, width = size
    return sent_id, Prediction(where, (height, width), functools.partial(decode, rle, height, width))


def _open(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's about size: the size is checked before pixels are read
            return Image.open(path, formats=["PNG"])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: expected a PNG file that can be read ({error}); write it again") from error


def _png_size(path: Path) -> tuple[int, int]:
    with _open(path) as image:
        return image.height, image.width


def _png_mask(path: Path) -> BoolMask:
    with _open(path) as image:
        if image.mode not in ("1", "L", "P"):
            raise DataError(f"expected a PNG with one channel of 8 bits or 1, got mode {image.mode}; write a mask")
        try:
            values = np.asarray(image)
        except Exception as error:  # damaged files make Pillow raise OSError, SyntaxError, struct.error, ...
            raise DataError(f"the PNG is damaged or incomplete ({error}); write it again") from error
    others = np.unique(values[values != 0])
    if len(others) > 1:
        raise DataError(
            f"expected a finished mask of 0 and one other value, got {len(others) + 1} values; apply the system's "
            "threshold first"
        )
    return np.asarray(values != 0, dtype=np.bool_)
