from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deixis import masks
from deixis.contours import components, polygons

BOOL_MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


def drawn(*rows: str) -> np.ndarray:
    """A mask as it looks: # is foreground."""
    return np.array([[character == "#" for character in row] for row in rows])


@given(BOOL_MASKS)
def test_components_are_those_of_scipy(mask: np.ndarray) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy, the oracle of this test, is not installed")
    expected, count = ndimage.label(mask)
    np.testing.assert_array_equal(components(mask), expected)
    assert components(mask).max(initial=0) == count


def test_corners_do_not_connect() -> None:
    np.testing.assert_array_equal(components(drawn("#.#", ".#.", "###")), [[1, 0, 2], [0, 3, 0], [3, 3, 3]])


def test_rows_do_not_connect_around_the_edge() -> None:
    np.testing.assert_array_equal(components(drawn("..#", "#..")), [[0, 0, 1], [2, 0, 0]])


@given(BOOL_MASKS)
def test_polygons_give_the_mask_again(mask: np.ndarray) -> None:
    found = polygons(mask)
    assert len(found) == components(mask).max(initial=0)
    np.testing.assert_array_equal(masks.decode([points.ravel().tolist() for points in found], *mask.shape), mask)


def test_a_rectangle_has_four_corners() -> None:
    mask = np.zeros((8, 10), dtype=bool)
    mask[1:4, 2:6] = True
    (points,) = polygons(mask)
    assert points.tolist() == [[2, 1], [6, 1], [6, 4], [2, 4]]


def test_a_hole_is_in_the_polygon_of_its_part() -> None:
    mask = drawn("####.", "#..#.", "####.", "....#")
    ring, dot = polygons(mask)
    assert len(ring) > 8 and len(dot) == 4
    np.testing.assert_array_equal(masks.decode([ring.ravel().tolist(), dot.ravel().tolist()], 4, 5), mask)


def test_nothing_has_no_outline() -> None:
    assert polygons(np.zeros((3, 4), dtype=bool)) == []


@given(BOOL_MASKS, st.floats(0.1, 5))
def test_simplified_outlines_have_corners_of_the_exact_ones(mask: np.ndarray, tolerance: float) -> None:
    exact, simple = polygons(mask), polygons(mask, tolerance)
    assert len(exact) == len(simple)
    for before, after in zip(exact, simple, strict=True):
        assert 3 <= len(after) <= len(before)
        assert {tuple(point) for point in after.tolist()} <= {tuple(point) for point in before.tolist()}


def test_a_simplified_disc_is_nearly_the_disc() -> None:
    y, x = np.mgrid[:200, :200]
    disc = (x - 100) ** 2 + (y - 90) ** 2 < 70**2
    (exact,), (simple,) = polygons(disc), polygons(disc, 1.5)
    assert len(simple) < len(exact) / 5
    decoded = masks.decode([simple.ravel().tolist()], 200, 200)
    assert (decoded & disc).sum() / (decoded | disc).sum() > 0.97
