from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import Run, refused, size_of
from deixis.errors import InputError
from deixis.report.why import CATEGORIES, heat_map, why
from deixis.vocabulary import Words
from fakes import colour_segmenter, scene


@pytest.fixture
def image() -> np.ndarray:
    return scene(80, 120, (0, 0, 60, 80))


def test_bright_is_probable(image: np.ndarray) -> None:
    grid = np.tile(np.linspace(0, 1, 120, dtype=np.float32), (80, 1))
    drawn = heat_map(np.zeros_like(image), grid)
    assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8)
    brightness = drawn.sum(axis=2)[0].astype(int)
    assert (np.diff(brightness) >= -1).all() and brightness[-1] - brightness[0] > 400


def test_each_term_has_a_tile_and_the_numbers_matter(image: np.ndarray) -> None:
    segmenter = colour_segmenter()
    explained = segmenter.explain(image, "red")
    two = why(image, explained)
    assert two.dtype == np.uint8 and two.shape[1] > 3 * 320
    weighed = replace(explained, terms={**explained.terms, "weights": {"p1": 0.6, "p2": 0.2, "p3": 0.2}})
    assert (why(image, weighed) != two).any()
    many = segmenter.explain(image, "red")
    many.terms["categories"].update({f"class {index}": 0.1 for index in range(CATEGORIES + 3)})
    assert why(image, many).shape == two.shape


def test_an_unknown_word_is_red(image: np.ndarray) -> None:
    def red(phrase: str) -> int:
        pixels = why(image, colour_segmenter().explain(image, phrase))[:40].astype(int)
        return int(((pixels[..., 0] > 150) & (pixels[..., 1] < 80)).sum())

    assert red("red thing") == 0 and red("red qwertz") > 20


def test_a_word_taken_for_another_is_told(image: np.ndarray) -> None:
    explained = colour_segmenter().explain(image, "red thing")
    words = Words(("rde", "thing"), (("red",), ("thing",)))
    taken = replace(explained, terms={**explained.terms, "words": words})
    plain = replace(explained, terms={**explained.terms, "words": Words(("rde", "thing"), (("rde",), ("thing",)))})
    changed = (why(image, taken) != why(image, plain)).any(axis=2)
    assert changed[:40].any() and not changed[40:].any(), "a note beside the phrase, and nothing else"


def test_an_answer_without_terms_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected an answer of"):
        why(image, colour_segmenter().segment(image, "red"))


def test_the_command_writes_one_picture(run: Run, picture: Path, tmp_path: Path) -> None:
    outcome = run("explain", picture, "red thing", "--out", tmp_path / "made" / "why.png")
    assert (outcome.code, outcome.lines) == (0, [str(tmp_path / "made" / "why.png")])
    assert min(size_of(tmp_path / "made" / "why.png")) > 300
    refused(run("explain", picture, "red", "--out", tmp_path / "why.txt"), "why.txt", "ends in")
    refused(run("explain", tmp_path / "none.jpg", "red"), "none.jpg")
    refused(run("explain", picture, " "), "got only blanks")
    with Image.open(tmp_path / "made" / "why.png") as made:
        assert made.mode == "RGB"
