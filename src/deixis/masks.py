"""Polygons and run-length encoding to bool masks and back, as COCO defines them.

A polygon annotation is the UNION of its parts; where parts overlap the pixel is foreground.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from deixis.errors import DataError
from deixis.types import BoolMask, Box


def decode(segmentation: Any, height: int, width: int) -> BoolMask:
    """Turn a COCO ``segmentation`` into a mask.

    Args:
        segmentation: a list of polygons [x0, y0, x1, y1, ...], RLE {"size": [h, w], "counts": list | str}, or a list
            of RLE (as RefCLEF has it); several parts are one mask, their union.
        height: of the picture, in pixels.
        width: of the picture, in pixels.

    Returns:
        (height, width) bool.

    Raises:
        DataError: the segmentation is of no known form, or of another size than the picture.
    """
    return decode_rle(to_rle(segmentation, height, width))


def to_rle(segmentation: Any, height: int, width: int) -> dict[str, Any]:
    """Compressed RLE {"size": [h, w], "counts": bytes} of any COCO ``segmentation`` (see ``decode``)."""
    if isinstance(segmentation, Mapping):
        return _checked_rle(segmentation, height, width)
    if isinstance(segmentation, Sequence) and not isinstance(segmentation, (str, bytes)):
        if segmentation and all(isinstance(part, Mapping) for part in segmentation):
            parts = [decode_rle(_checked_rle(part, height, width)) for part in segmentation]
            return encode_rle(union(parts, height, width))
        return _polygons_to_rle(segmentation, height, width)
    raise DataError(f"expected a list of polygons or an RLE object as segmentation, got {type(segmentation).__name__}")


def decode_rle(rle: Mapping[str, Any]) -> BoolMask:
    """Mask (H, W) bool of a compressed RLE.

    Raises:
        DataError: the counts are damaged or do not add up to the size.
    """
    try:
        height, width = rle["size"]
        runs = _runs(rle["counts"])
        # Not pycocotools: it leaves the pixels behind the last run uninitialised, and warns on NumPy 2.
        if runs.sum() != height * width or (runs < 0).any():
            raise ValueError(f"its runs add up to {runs.sum()} pixels, expected {height} x {width}")
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"the RLE cannot be decoded ({error}); the annotation file is damaged") from error
    foreground = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(foreground, runs).reshape(width, height).T)


def encode_rle(mask: BoolMask) -> dict[str, Any]:
    """Compressed RLE {"size": [h, w], "counts": str} of a mask, ready for JSON."""
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def coco_row(mask: BoolMask) -> dict[str, Any]:
    """What a COCO annotation says of a mask: compressed RLE, box x, y, width, height, and area, ready for JSON."""
    x0, y0, x1, y1 = bounding_box(mask)
    return {
        "segmentation": encode_rle(mask),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int(np.count_nonzero(mask)),
    }


def bounding_box(mask: BoolMask) -> Box:
    """Tight box (x0, y0, x1, y1) of a mask, right and bottom exclusive; zeros for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def union(masks: Sequence[BoolMask], height: int, width: int) -> BoolMask:
    """Union of masks, all False when there are none."""
    result = np.zeros((height, width), dtype=bool)
    for mask in masks:
        result |= mask
    return result


def fill_boxes(boxes: Sequence[Box], height: int, width: int) -> BoolMask:
    """Union (height, width) of boxes (x0, y0, x1, y1), cut at the picture's edges: pixels whose centre lies inside."""
    mask = np.zeros((height, width), dtype=bool)
    for box in boxes:
        left, top, right, bottom = (max(0, math.ceil(side - 0.5)) for side in box)
        mask[top:bottom, left:right] = True
    return mask


def _polygons_to_rle(polygons: Sequence[Any], height: int, width: int) -> dict[str, Any]:
    if not polygons:
        return dict(coco_mask.encode(np.zeros((height, width), dtype=np.uint8, order="F")))
    limit = 16 * max(height, width)
    for polygon in polygons:
        if not isinstance(polygon, Sequence) or len(polygon) < 6 or len(polygon) % 2:
            raise DataError(
                "expected polygons of at least three x, y pairs, got one of length "
                f"{len(polygon) if isinstance(polygon, Sequence) else polygon!r}"
            )
        # pycocotools walks every edge point by point, so an absurd coordinate would fill the memory.
        if not all(isinstance(value, (int, float)) and abs(value) <= limit for value in polygon):
            raise DataError(
                f"expected polygons of numbers near a picture of {height} x {width} pixels, got {polygon!r:.60}"
            )
    parts = coco_mask.frPyObjects([[float(value) for value in polygon] for polygon in polygons], height, width)
    return dict(coco_mask.merge(parts, intersect=False))


def _checked_rle(rle: Mapping[str, Any], height: int, width: int) -> dict[str, Any]:
    size, counts = rle.get("size"), rle.get("counts")
    if not isinstance(size, Sequence) or list(size) != [height, width] or counts is None:
        raise DataError(f"expected RLE of size {[height, width]} with counts, got size {size}")
    if isinstance(counts, str):
        if not counts.isascii():
            raise DataError(f"expected RLE counts in ASCII, got {counts!a:.60}")
        counts = counts.encode()
    if isinstance(counts, bytes):
        return {"size": [height, width], "counts": counts}
    if not isinstance(counts, Sequence) or not all(isinstance(run, int) and run >= 0 for run in counts):
        raise DataError(f"expected RLE counts as a string or a list of whole numbers from 0, got {counts!r:.60}")
    if sum(counts) != height * width:
        raise DataError(f"expected RLE counts that add up to {height * width} pixels, got {sum(counts)}")
    return dict(coco_mask.frPyObjects({"size": [height, width], "counts": list(counts)}, height, width))


def _runs(counts: bytes | str) -> NDArray[np.int64]:
    """Run lengths of COCO's compressed counts: 6-bit characters from "0", 5 bits of value and 1 of continuation,
    least significant first, signed; from the fourth run on the difference to the last run but one (maskApi.c).
    """
    characters = np.frombuffer(counts.encode() if isinstance(counts, str) else counts, dtype=np.uint8).astype(np.int64)
    if not len(characters) or characters.min() < 48 or characters.max() > 111:
        raise ValueError("its counts hold other characters than those of COCO's compression")
    bits = characters - 48
    ends = np.flatnonzero(bits & 32 == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if not len(ends) or ends[-1] != len(bits) - 1 or (ends - starts).max() > 6:
        raise ValueError("its counts end in the middle of a number or hold one that is too long")
    position = np.arange(len(bits)) - np.repeat(starts, ends - starts + 1)
    runs = np.add.reduceat((bits & 31) << (5 * position), starts)
    runs -= np.where(bits[ends] & 16, np.int64(1) << (5 * (ends - starts + 1)), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs
