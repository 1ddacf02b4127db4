from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deixis import masks
from deixis.errors import DataError

BOOL_MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def rectangle(x0: int, y0: int, x1: int, y1: int) -> list[int]:
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def box_mask(x0: int, y0: int, x1: int, y1: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


@given(BOOL_MASKS)
def test_encode_then_decode_is_the_same_mask(mask: np.ndarray) -> None:
    rle = masks.encode_rle(mask)
    assert rle["size"] == list(mask.shape)
    assert isinstance(rle["counts"], str)
    np.testing.assert_array_equal(masks.decode(rle, *mask.shape), mask)
    np.testing.assert_array_equal(masks.decode_rle(rle), mask)


@given(BOOL_MASKS)
def test_uncompressed_counts_are_the_same_mask(mask: np.ndarray) -> None:
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flat)).astype(int)))
    counts = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    np.testing.assert_array_equal(masks.decode({"size": list(mask.shape), "counts": counts}, *mask.shape), mask)


def test_a_hand_worked_run_length() -> None:
    # Column by column: 1 background, 2 foreground, 3 background.
    decoded = masks.decode({"size": [3, 2], "counts": [1, 2, 3]}, 3, 2)
    np.testing.assert_array_equal(decoded, [[False, False], [True, False], [True, False]])
    assert decoded.dtype == np.bool_


def test_a_rectangle_covers_its_pixels() -> None:
    np.testing.assert_array_equal(masks.decode([rectangle(2, 1, 6, 4)], 8, 10), box_mask(2, 1, 6, 4, 8, 10))


COORDINATES = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 10), st.integers(1, 10))


@given(st.lists(COORDINATES, min_size=1, max_size=4))
def test_overlapping_polygons_are_a_union_without_holes(corners: list[tuple[int, int, int, int]]) -> None:
    boxes = [(x, y, x + w, y + h) for x, y, w, h in corners]
    decoded = masks.decode([rectangle(*box) for box in boxes], 20, 20)
    expected = masks.union([box_mask(*box, 20, 20) for box in boxes], 20, 20)
    np.testing.assert_array_equal(decoded, expected)


def test_the_overlap_of_two_parts_is_foreground() -> None:
    decoded = masks.decode([rectangle(0, 0, 6, 6), rectangle(4, 4, 10, 10)], 10, 10)
    assert decoded[4:6, 4:6].all()
    assert decoded.sum() == 36 + 36 - 4


def test_polygons_may_leave_the_picture() -> None:
    assert masks.decode([rectangle(-5, -5, 50, 50)], 10, 10).all()


def test_coordinates_may_be_sixteen_sides_away() -> None:
    assert masks.decode([rectangle(-80, -160, 80, 160)], 10, 5).all()
    with pytest.raises(DataError, match="polygons of numbers near a picture of 10 x 5"):
        masks.decode([rectangle(-80, -161, 80, 160)], 10, 5)


def test_no_polygon_is_an_empty_mask() -> None:
    np.testing.assert_array_equal(masks.decode([], 4, 5), np.zeros((4, 5), dtype=bool), strict=True)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ("text", "list of polygons or an RLE"),
        (None, "list of polygons or an RLE"),
        ([[1, 2, 3, 4]], "at least three x, y pairs"),
        ([[1, 2, 3, 4, 5, 6, 7]], "at least three x, y pairs"),
        ([1, 2, 3, 4, 5, 6], "at least three x, y pairs"),
        ([[0, 0, 1, 0, 1, float("nan")]], "polygons of numbers"),
        ([[0, 0, 1, 0, 1, "1"]], "polygons of numbers"),
        (["123456"], "polygons of numbers"),
        ([[0, 0, 1e9, 0, 1e9, 1e9]], "near a picture of 10 x 10"),
        ({"size": [10, 11], "counts": [110]}, r"RLE of size \[10, 10\]"),
        ({"size": 10, "counts": [100]}, r"RLE of size \[10, 10\]"),
        ({"size": [10, 10]}, "with counts"),
        ({"counts": [100]}, r"RLE of size \[10, 10\]"),
        ({"size": [10, 10], "counts": [99]}, "add up to 100 pixels, got 99"),
        ({"size": [10, 10], "counts": [-1, 101]}, "whole numbers from 0"),
        ({"size": [10, 10], "counts": [99.5, 0.5]}, "whole numbers from 0"),
        ({"size": [10, 10], "counts": 100}, "whole numbers from 0"),
        ({"size": [10, 10], "counts": ""}, "cannot be decoded"),
        ({"size": [10, 10], "counts": "\x01\x02"}, "cannot be decoded"),
        ({"size": [10, 10], "counts": "é"}, "in ASCII"),
        ({"size": [10, 10], "counts": "\ud800"}, "in ASCII"),
        ({"size": [10, 10], "counts": "oooooooooooooooo"}, "cannot be decoded"),
    ],
)
def test_malformed_segmentations_are_explained(segmentation: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        masks.decode(segmentation, 10, 10)


@given(BOOL_MASKS, st.integers(1, 8))
def test_a_truncated_run_length_is_refused_and_never_decoded_to_noise(mask: np.ndarray, cut: int) -> None:
    rle = masks.encode_rle(mask)
    if mask.ravel(order="F")[-1] and cut < len(rle["counts"]):
        with pytest.raises(DataError, match="cannot be decoded"):
            masks.decode_rle({**rle, "counts": rle["counts"][:-cut]})


@pytest.mark.parametrize("counts", [b":<:\x0e", b":<:\x8e", b":<8p", b":<:NP", b"ZPPPPPP0<:N"])
def test_what_coco_never_writes_is_refused_though_the_runs_add_up(counts: bytes) -> None:
    masks.decode({"size": [6, 7], "counts": b":<:N"}, 6, 7)  # 10, 12, 10 and 10 pixels
    masks.decode({"size": [6, 7], "counts": b"ZPPPPP0<:N"}, 6, 7)  # the first in seven characters
    with pytest.raises(DataError, match=r"its counts (hold other characters|end in the middle of a number)"):
        masks.decode({"size": [6, 7], "counts": counts}, 6, 7)


@given(st.binary(max_size=30))
def test_any_bytes_are_decoded_or_refused(counts: bytes) -> None:
    try:
        decoded = masks.decode({"size": [6, 7], "counts": counts}, 6, 7)
    except DataError:
        return
    np.testing.assert_array_equal(decoded, masks.decode(masks.encode_rle(decoded), 6, 7))


def test_bounding_box() -> None:
    assert masks.bounding_box(box_mask(2, 1, 6, 4, 8, 10)) == (2.0, 1.0, 6.0, 4.0)
    assert masks.bounding_box(np.zeros((8, 10), dtype=bool)) == (0.0, 0.0, 0.0, 0.0)


@given(BOOL_MASKS)
def test_the_bounding_box_is_tight(mask: np.ndarray) -> None:
    x0, y0, x1, y1 = (int(edge) for edge in masks.bounding_box(mask))
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    if mask.any():
        inside = mask[y0:y1, x0:x1]
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


def test_a_coco_row() -> None:
    mask = box_mask(2, 1, 6, 4, 8, 10)
    row = masks.coco_row(mask)
    assert row == {"segmentation": masks.encode_rle(mask), "bbox": [2.0, 1.0, 4.0, 3.0], "area": 12}
    json.dumps(row)


def test_union_of_nothing_is_empty() -> None:
    np.testing.assert_array_equal(masks.union([], 3, 4), np.zeros((3, 4), dtype=bool), strict=True)


@given(st.lists(hnp.arrays(np.bool_, (5, 6)), max_size=4))
def test_union_leaves_its_arguments_alone(parts: list[np.ndarray]) -> None:
    before = [part.copy() for part in parts]
    result = masks.union(parts, 5, 6)
    assert all((part & ~result).sum() == 0 for part in parts)
    for part, copy in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part, copy)


@given(st.lists(BOOL_MASKS, min_size=1, max_size=3))
def test_a_list_of_rle_is_a_union(parts: list[np.ndarray]) -> None:
    height, width = min(part.shape[0] for part in parts), min(part.shape[1] for part in parts)
    same = [part[:height, :width] for part in parts]
    decoded = masks.decode([masks.encode_rle(part) for part in same], height, width)
    np.testing.assert_array_equal(decoded, masks.union(same, height, width))


def test_a_list_of_rle_is_checked_part_by_part() -> None:
    right = masks.encode_rle(np.ones((2, 3), dtype=bool))
    with pytest.raises(DataError, match=r"expected RLE of size \[2, 3\] with counts, got size \[3, 2\]"):
        masks.decode([right, masks.encode_rle(np.ones((3, 2), dtype=bool))], 2, 3)
    with pytest.raises(DataError, match="the RLE cannot be decoded"):
        masks.decode([right, {"size": [2, 3], "counts": "0"}], 2, 3)
    with pytest.raises(DataError, match="expected polygons"):
        masks.decode([right, [0, 0, 1, 0, 1, 1]], 2, 3)


@given(st.lists(COORDINATES, max_size=4))
def test_whole_boxes_cover_their_pixels_and_end_at_the_edges(corners: list[tuple[int, int, int, int]]) -> None:
    boxes = [(x - 3, y - 3, x - 3 + w, y - 3 + h) for x, y, w, h in corners]
    expected = np.zeros((8, 10), dtype=bool)
    for left, top, right, bottom in boxes:
        for row in range(8):
            for column in range(10):
                expected[row, column] |= left <= column < right and top <= row < bottom
    np.testing.assert_array_equal(masks.fill_boxes(boxes, 8, 10), expected, strict=True)


def test_a_box_covers_the_pixels_whose_centres_it_holds() -> None:
    np.testing.assert_array_equal(masks.fill_boxes([(0.4, 0.6, 2.6, 1.6)], 3, 4), box_mask(0, 1, 3, 2, 3, 4))
