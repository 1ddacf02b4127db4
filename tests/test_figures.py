"""The figures: what is on which axes, and that the same panels give the same bytes."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from deixis.errors import DataError, InputError
from deixis.odds import log_odds
from deixis.panels import Panel
from deixis.report.figures import ANSWER, DPI, TRUTH, WIDTH, answers, components, figure_named, gallery, mixture, save
from deixis.types import Segmentation

OPEN, CLOSE = "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"
RANDOM = np.random.default_rng(0)


def panel(phrase: str, truth: bool = True, terms: int = 3, size: tuple[int, int] = (40, 60)) -> Panel:
    maps = {f"p{index + 1}": RANDOM.random(size, dtype=np.float32) for index in range(terms)}
    probability = RANDOM.random(size, dtype=np.float32)
    weights = {"p1": 0.3, "p2": 0.1, "p3": 0.6} if terms == 3 else {"p1": 0.75, "p2": 0.25}
    answer = Segmentation(phrase, probability >= 0.5, partial(log_odds, probability), 0.9, {**maps, "weights": weights})
    image = RANDOM.integers(0, 256, (*size, 3), dtype=np.uint8)
    return Panel(image, answer, ~answer.mask if truth else None)


def pictures(figure: Figure) -> list[Axes]:
    """Axes with a picture, in reading order."""
    return [axis for axis in figure.axes if axis.images and not axis.axison]


def shown(axis: Axes) -> np.ndarray:
    (image,) = axis.images
    return np.asarray(image.get_array())


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def notes(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.texts]


def test_figure_4_has_input_heat_map_output_and_truth() -> None:
    first, second = panel("left dog"), panel("the $5 cat_1")
    figure = answers([first, second])
    axes = pictures(figure)
    assert len(axes) == 2 * 4
    for row, item in ((axes[:4], first), (axes[4:], second)):
        np.testing.assert_array_equal(shown(row[0]), item.image)
        np.testing.assert_array_equal(shown(row[1]), item.answer.probability)
        assert row[1].images[0].get_clim() == (0, 1) and row[1].images[0].get_cmap().name == "cividis"
        marked = item.answer.mask
        np.testing.assert_array_equal(shown(row[2])[~marked], item.image[~marked])
        assert (shown(row[2])[marked] != item.image[marked]).any(axis=1).mean() > 0.9
        np.testing.assert_array_equal(shown(row[3])[~item.truth], item.image[~item.truth])
        assert notes(row[2]) == ["IoU 0.00"]
    assert words(figure)[:2] == [f"{OPEN}left dog{CLOSE}", f"{OPEN}the $5 cat_1{CLOSE}"]
    assert {"input", "p_fg, heat map", "final output", "ground truth", "probability"} <= set(words(figure))


def test_without_truth_there_is_no_column_for_it() -> None:
    figure = answers([panel("dog", truth=False)])
    assert len(pictures(figure)) == 3 and "ground truth" not in words(figure)
    assert notes(pictures(figure)[2]) == []


@pytest.mark.parametrize("terms", [2, 3])
def test_figure_5_has_every_term_and_its_weight(terms: int) -> None:
    item = panel("dog", terms=terms)
    figure = components([item])
    image, *maps, answer = pictures(figure)
    np.testing.assert_array_equal(shown(image), item.image)
    assert len(maps) == terms
    for name, axis in zip(item.answer.terms, maps, strict=False):
        np.testing.assert_array_equal(shown(axis), item.answer.terms[name])
    np.testing.assert_array_equal(shown(answer), item.answer.probability)
    alpha, rest, *beta = [notes(axis)[0] for axis in maps]
    assert alpha.endswith("= 0.75") and rest.startswith("1") and rest.endswith("= 0.25")
    assert [text[-6:] for text in beta] == ["= 0.60"] * (terms - 2)
    heads = ["input", "p1: LSTM-CNN", "p2: category", "p3: objects", "answer"]
    assert set(heads) & set(words(figure)) == set(heads if terms == 3 else [*heads[:3], "answer"])


def test_weights_that_are_not_known_are_not_written() -> None:
    item = panel("dog")
    answer = dataclasses.replace(item.answer, terms={**item.answer.terms, "weights": {}})
    figure = components([dataclasses.replace(item, answer=answer)])
    assert [notes(axis) for axis in pictures(figure)[1:4]] == [[], [], []]
    assert list(mixture({"p1": 0.0, "p2": 0.0, "p3": 1.0})) == ["p3"]  # alpha cannot be told


def test_figure_6_is_a_gallery_with_titles() -> None:
    panels = [panel(f"dog {index}", size=(40, 30 + 10 * index)) for index in range(6)]
    panels += [panel("a very long phrase " * 20, truth=False), panel("$x_1$ and 5%")]
    figure = gallery(panels)
    axes = pictures(figure)
    assert [axis.get_title() for axis in axes[:2]] == ["dog 0", "dog 1"] and len(axes) == 8
    assert axes[6].get_title().count("\n") == 2 and axes[6].get_title().endswith("...")
    assert [notes(axis) for axis in axes[5:]] == [["IoU 0.00"], [], ["IoU 0.00"]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["answer", "ground truth"]
    boxes = [axis.get_position(original=True) for axis in axes]
    assert len({round(box.x0, 3) for box in boxes}) == 4
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    assert gallery([panel("dog", truth=False)]).legends == []


def test_answer_and_truth_have_other_colours() -> None:
    assert ANSWER != TRUTH


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
@pytest.mark.parametrize("number", [4, 5, 6])
def test_the_same_panels_give_the_same_bytes(tmp_path: Path, number: int, suffix: str) -> None:
    panels = [panel("left $dog"), panel("right_cat")]
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save(figure_named(number)(panels), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second and len(first) > 10_000
    assert b"CreationDate" not in first and b"Software" not in first


def test_the_resolution_is_that_of_print(tmp_path: Path) -> None:
    save(gallery([panel("dog")]), tmp_path / "a.PNG")
    save(gallery([panel("dog")]), tmp_path / "b.png", dpi=50)
    with Image.open(tmp_path / "a.PNG") as large, Image.open(tmp_path / "b.png") as small:
        assert (large.width, small.width) == (WIDTH * DPI, WIDTH * 50)


def test_what_cannot_be_drawn_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a figure of 4, 5, 6, got 7"):
        figure_named(7)
    with pytest.raises(InputError, match=r"a\.jpg: expected a name that ends in \.png or \.pdf, got '\.jpg'"):
        save(gallery([panel("dog")]), tmp_path / "a.jpg")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(DataError, match="found a folder there"):
        save(gallery([panel("dog")]), tmp_path / "b.png")
