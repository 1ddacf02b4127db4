from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deixis.data import attributes


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((0, 0, 0), "black"),
        ((250, 250, 250), "white"),
        ((110, 110, 110), "gray"),
        ((220, 20, 20), "red"),
        ((255, 140, 0), "orange"),
        ((240, 220, 30), "yellow"),
        ((30, 160, 40), "green"),
        ((20, 40, 200), "blue"),
        ((130, 30, 170), "purple"),
        ((255, 105, 180), "pink"),
        ((110, 65, 25), "brown"),
        ((215, 185, 140), "tan"),
        ((170, 170, 170), "pale"),
        ((40, 45, 70), "dark"),
    ],
)
def test_name_pixels(rgb: tuple[int, int, int], expected: str) -> None:
    index = attributes.name_pixels(np.array([rgb], dtype=np.uint8))[0]
    assert attributes.COLOURS[index] == expected


def test_every_pixel_keeps_its_name() -> None:
    """In steps of five: synthesized colours are comparable only while these stay what they are."""
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    assert hashlib.sha256(attributes.name_pixels(grid).tobytes()).hexdigest()[:16] == "b02b6e22af824830"


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((54, 60, 60), "black"),  # charcoal
        ((230, 230, 250), "white"),  # lavender
        ((128, 0, 0), "red"),  # maroon
        ((220, 20, 60), "red"),  # crimson
        ((255, 215, 0), "yellow"),  # gold
        ((220, 175, 40), "yellow"),  # mustard
        ((225, 215, 120), "yellow"),  # straw
        ((0, 255, 0), "green"),  # lime
        ((34, 100, 34), "green"),  # forest
        ((0, 0, 128), "blue"),  # navy
        ((135, 206, 235), "blue"),  # sky
        ((60, 90, 140), "blue"),  # denim
        ((148, 0, 211), "purple"),  # violet
        ((110, 40, 100), "purple"),  # plum
        ((255, 180, 190), "pink"),  # rose
        ((200, 90, 200), "pink"),  # orchid
        ((255, 0, 255), "pink"),  # magenta
        ((139, 69, 19), "brown"),  # chocolate
        ((195, 176, 145), "tan"),  # khaki
        ((255, 205, 160), "tan"),  # peach
        ((0, 255, 255), "teal"),  # cyan
        ((180, 190, 215), "pale"),  # light steel
    ],
)
def test_shades_have_the_name_of_their_colour(rgb: tuple[int, int, int], expected: str) -> None:
    assert attributes.COLOURS[attributes.name_pixels(np.array([rgb], dtype=np.uint8))[0]] == expected


def test_palette_agrees_with_the_rule_at_its_grid() -> None:
    rgb = np.array([[220, 20, 20], [20, 44, 204], [252, 252, 252]], dtype=np.uint8) // 8 * 8 + 4
    codes = (rgb >> 3).astype(int)
    looked_up = attributes._palette()[codes[:, 0] * 1024 + codes[:, 1] * 32 + codes[:, 2]]
    np.testing.assert_array_equal(looked_up, attributes.name_pixels(rgb))


def _shares(**known: float) -> np.ndarray:
    return np.array([known.get(name, 0.0) for name in attributes.COLOURS])


def test_dominant_only_when_clear() -> None:
    assert attributes.dominant(_shares(red=0.8, black=0.2)) == "red"
    assert attributes.dominant(_shares(red=0.5, black=0.5)) is None
    assert attributes.dominant(_shares(red=0.6, black=0.4)) is None
    assert attributes.dominant(_shares()) is None


@pytest.mark.parametrize("bucket", ["teal", "pale", "dark"])
def test_dominant_never_says_a_bucket(bucket: str) -> None:
    assert attributes.dominant(_shares(**{bucket: 1.0})) is None


def test_could_be() -> None:
    assert attributes.could_be(_shares(red=0.4, black=0.6), "red")
    assert attributes.could_be(_shares(orange=1.0), "red"), "a close colour is in doubt"
    assert not attributes.could_be(_shares(green=1.0), "red")
    assert attributes.could_be(_shares(), "red"), "nothing known rules nothing out"


def test_colour_shares_look_only_at_the_mask_in_the_window() -> None:
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[:50], image[50:] = (220, 20, 20), (20, 40, 200)
    mask = np.zeros((100, 100), dtype=bool)
    mask[20:80, 20:80] = True
    top = attributes.colour_shares(image, mask, (20, 50), (20, 80))
    assert attributes.dominant(top) == "red"
    whole = attributes.colour_shares(image, mask, (0, 100), (0, 100))
    assert whole.sum() == pytest.approx(1.0)
    assert whole[attributes.COLOURS.index("blue")] == pytest.approx(0.5, abs=0.05)


def test_colour_shares_of_hardly_any_pixel_are_unknown() -> None:
    image = np.full((10, 10, 3), 255, dtype=np.uint8)
    mask = np.zeros((10, 10), dtype=bool)
    mask[0, :3] = True
    assert not attributes.colour_shares(image, mask, (0, 10), (0, 10)).any()
    assert not attributes.colour_shares(image, mask, (5, 5), (0, 10)).any()


def test_band_rows() -> None:
    assert attributes.band_rows((0.0, 10.0, 20.0, 110.0), (0.2, 0.5)) == (30, 61)


def test_extreme_needs_the_margin() -> None:
    assert attributes.extreme([0.2, 0.5, 0.9], [0.1] * 3) == 0
    assert attributes.extreme([0.2, 0.25, 0.9], [0.1] * 3) is None
    assert attributes.extreme([0.2, 0.5], [0.1, 0.4]) is None
    assert attributes.extreme([0.3], [0.1]) == 0
    assert attributes.extreme([], []) is None


def test_ordered_stops_where_it_is_unclear() -> None:
    assert attributes.ordered([0.9, 0.1, 0.5], 0.1) == [1, 2, 0]
    assert attributes.ordered([0.1, 0.3, 0.5, 0.55], 0.1) == [0, 1]
    assert attributes.ordered([0.1, 0.11, 0.5], 0.1) == []


@given(st.lists(st.floats(0, 1), max_size=7), st.floats(0.01, 0.3))
def test_ordered_is_a_clear_prefix_of_the_sorted_order(values: list[float], margin: float) -> None:
    order = attributes.ordered(values, margin)
    for rank, index in enumerate(order):
        below = [value for value in values if value < values[index] - margin]
        around = [
            value for other, value in enumerate(values) if other != index and abs(value - values[index]) <= margin
        ]
        assert len(below) == rank
        assert around == []


def test_dominates_and_dominated() -> None:
    assert attributes.dominates([1.0, 5.0, 2.0], 1.5) == 1
    assert attributes.dominates([4.0, 5.0], 1.5) is None
    assert attributes.dominates([4.0], 1.5) is None
    assert attributes.dominated([1.0, 5.0, 2.0], 1.5) == 0
    assert attributes.dominated([1.0, 1.2, 2.0], 1.5) is None


def test_intervals_and_boxes() -> None:
    assert attributes.overlap((0.0, 1.0), (0.5, 3.0)) == pytest.approx(0.5)
    assert attributes.overlap((0.0, 1.0), (2.0, 3.0)) == 0.0
    assert attributes.overlap((4.0, 6.0), (5.0, 9.0)) == attributes.overlap((5.0, 9.0), (4.0, 6.0)) == 0.5
    assert attributes.gap((0, 0, 1, 1), (4, 5, 6, 6)) == pytest.approx(5.0)
    assert attributes.gap((0, 0, 2, 2), (1, 1, 3, 3)) == 0.0
    assert attributes.gap((4, 5, 6, 6), (0, 0, 1, 1)) == pytest.approx(5.0)
    assert attributes.gap((0, 0, 2, 2), (1, 6, 3, 8)) == attributes.gap((0, 0, 2, 2), (6, 1, 8, 3)) == 4.0
    assert attributes.contained((0, 0, 2, 2), (1, 0, 9, 9)) == pytest.approx(0.5)
    assert attributes.contained((2, 3, 6, 7), (0, 6, 4, 9)) == pytest.approx(1 / 8)
    assert attributes.contained((2, 3, 6, 7), (7, 3, 9, 7)) == attributes.contained((2, 3, 6, 7), (2, 8, 6, 9)) == 0.0
