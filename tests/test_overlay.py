from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deixis.errors import InputError
from deixis.report.overlay import PALETTE, boundary, cutout, draw_outline, highlight, line_width, overlay, palette

masks = st.tuples(st.integers(1, 14), st.integers(1, 14)).flatmap(lambda shape: arrays(np.bool_, shape))


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 100, dtype=np.uint8)


def square(height: int, width: int, top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_a_tint_by_hand() -> None:
    image, mask = grey(3, 4), square(3, 4, 0, 1, 2)
    result = overlay(image, mask, (200, 0, 100), 0.25)
    assert result[0, 1].tolist() == [125, 75, 100]
    assert result[2, 0].tolist() == [100, 100, 100]
    assert image.min() == image.max() == 100  # the input is left alone


@given(masks, st.floats(0, 1))
def test_a_tint_changes_the_mask_only(mask: np.ndarray, alpha: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    result = overlay(image, mask, (255, 0, 0), alpha)
    np.testing.assert_array_equal(result[~mask], image[~mask])
    expected = (1 - alpha) * image[mask].astype(float) + alpha * np.array([255.0, 0, 0])
    assert np.abs(result[mask] - expected).max(initial=0) <= 0.5 + 1e-9


def test_the_ends_of_alpha() -> None:
    image, mask = grey(4, 4), square(4, 4, 1, 1, 2)
    np.testing.assert_array_equal(overlay(image, mask, alpha=0), image)
    assert overlay(image, mask, (1, 2, 3), 1)[1, 1].tolist() == [1, 2, 3]


def test_a_boundary_by_hand() -> None:
    mask = square(7, 7, 1, 1, 5)
    assert boundary(mask).sum() == 16
    assert boundary(mask, 2).sum() == 24
    np.testing.assert_array_equal(boundary(mask, 3), mask)


def test_the_edge_of_the_picture_closes_an_outline() -> None:
    assert boundary(np.ones((4, 5), dtype=bool)).sum() == 14


@given(masks, st.integers(1, 5))
def test_a_boundary_is_what_a_naive_erosion_leaves(mask: np.ndarray, width: int) -> None:
    padded = np.pad(mask, width)
    height, columns = mask.shape
    inner = np.array(
        [[padded[y : y + 2 * width + 1, x : x + 2 * width + 1].all() for x in range(columns)] for y in range(height)]
    )
    np.testing.assert_array_equal(boundary(mask, width), mask & ~inner)


def test_an_outline_is_drawn_on_the_boundary_in_the_colour() -> None:
    image, mask = grey(9, 9), square(9, 9, 2, 2, 5)
    result = draw_outline(image, mask, (0, 255, 0), 1)
    np.testing.assert_array_equal((result == [0, 255, 0]).all(2), boundary(mask, 1))
    assert (line_width(10, 10), line_width(640, 480), line_width(9000, 12000)) == (1, 2, 38)


def test_several_masks_have_several_colours() -> None:
    left, right = square(40, 40, 0, 0, 15), square(40, 40, 20, 20, 15)
    result = highlight(grey(40, 40), [left, right])
    assert result[0, 0].tolist() == list(PALETTE[0]) and result[20, 20].tolist() == list(PALETTE[1])
    assert result[7, 7].tolist() != result[27, 27].tolist()
    np.testing.assert_array_equal(highlight(grey(5, 5), []), grey(5, 5))


def test_the_palette_comes_round() -> None:
    assert len(set(PALETTE)) == len(PALETTE)
    assert palette(len(PALETTE) + 1)[-1] == PALETTE[0]
    assert palette(0) == []


@given(masks)
def test_a_cutout_shows_the_mask(mask: np.ndarray) -> None:
    result = cutout(np.full((*mask.shape, 3), 7, dtype=np.uint8), mask)
    np.testing.assert_array_equal(result[..., 3] == 255, mask)
    assert (result[mask] == [7, 7, 7, 255]).all() and not result[~mask].any()


@pytest.mark.parametrize("draw", [overlay, draw_outline, cutout])
def test_wrong_shapes_are_explained(draw: object) -> None:
    with pytest.raises(InputError, match=r"the picture's size \(4, 5\), got \(5, 4\) bool"):
        draw(grey(4, 5), np.zeros((5, 4), dtype=bool))  # type: ignore[operator]
    with pytest.raises(InputError, match=r"got \(4, 5\) uint8"):
        draw(grey(4, 5), np.zeros((4, 5), dtype=np.uint8))  # type: ignore[operator]
    with pytest.raises(InputError, match=r"expected an \(H, W, 3\) uint8 picture, got \(4, 5\) bool"):
        draw(np.zeros((4, 5), dtype=bool), np.zeros((4, 5), dtype=bool))  # type: ignore[operator]


def test_wrong_values_are_explained() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    with pytest.raises(InputError, match=r"alpha between 0 and 1, got 1\.5"):
        overlay(grey(4, 5), mask, alpha=1.5)
    with pytest.raises(InputError, match=r"three numbers 0\.\.255, got \(0, 0, 300\)"):
        overlay(grey(4, 5), mask, (0, 0, 300))
    with pytest.raises(InputError, match="at least 1 pixel, got -1"):
        draw_outline(grey(4, 5), mask, width=-1)


def test_highlight_without_a_copy_draws_the_same_on_the_picture_itself() -> None:
    picture, mask = grey(40, 40), np.zeros((40, 40), bool)
    mask[10:30, 5:20] = True
    expected = highlight(picture, [mask])
    assert not np.array_equal(expected, picture)
    assert highlight(picture, [mask], copy=False) is picture
    np.testing.assert_array_equal(picture, expected)
