"""What figures show: answers to one's own pictures and to a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deixis.errors import DataError, InputError
from deixis.panels import ask, of_dataset
from deixis.types import BoolMask, Sample
from fakes import colour_segmenter, scene


def test_a_phrase_a_picture_or_several_of_one(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, colour in zip(paths, ("red", "green"), strict=True):
        Image.fromarray(scene(40, 60, (0, 0, 30, 40), colour)).save(path)
    pairs = ask(colour_segmenter(), paths, ["red", "green"])
    assert [panel.answer.phrase for panel in pairs] == ["red", "green"]
    assert all(panel.answer.mask[20, 10] and not panel.answer.mask[20, 50] for panel in pairs)
    assert pairs[0].truth is None and pairs[0].iou is None and "p1" in pairs[0].answer.terms
    one = ask(colour_segmenter(), paths[:1], ["red", "green"])
    np.testing.assert_array_equal(one[0].image, one[1].image)
    assert not one[1].answer.mask.any()
    for images, phrases in ((paths, ["red"]), (paths, []), ([], ["red"]), (paths[:1], [])):
        with pytest.raises(InputError, match="expected a phrase for each picture, or several for one, got"):
            ask(colour_segmenter(), images, phrases)


@pytest.fixture
def rows(tmp_path: Path) -> list[Sample]:
    """Four expressions for a red box: the whole of it, a half, a phrase that nobody knows, and nothing of it."""
    path = tmp_path / "a.png"
    Image.fromarray(scene(40, 60, (0, 0, 30, 40))).save(path)

    def truth(x0: int, x1: int) -> BoolMask:
        return scene(40, 60, (x0, 0, x1, 40))[..., 0] > 0

    named = [("red", truth(0, 15)), ("red thing", truth(0, 30)), ("qwertz", truth(0, 30)), ("the red", truth(40, 60))]
    return [Sample("toy", "val", 1, index, path, phrase, mask) for index, (phrase, mask) in enumerate(named)]


def test_the_best_and_the_worst_of_a_dataset(rows: list[Sample]) -> None:
    best = of_dataset(colour_segmenter(), lambda: iter(rows), "best", 2)
    assert [panel.answer.phrase for panel in best] == ["red thing", "red"]
    assert best[0].iou is not None and best[0].iou > 0.9
    worst = of_dataset(colour_segmenter(), lambda: iter(rows), "worst", 9)
    assert [panel.answer.phrase for panel in worst] == ["the red", "red", "red thing"]
    assert worst[0].iou == 0.0


def test_a_random_choice_depends_on_its_seed_only(rows: list[Sample]) -> None:
    def phrases(seed: int) -> list[str]:
        return [panel.answer.phrase for panel in of_dataset(colour_segmenter(), lambda: iter(rows), "random", 2, seed)]

    assert phrases(0) == phrases(0) and len(set(phrases(0))) == 2
    assert len({tuple(phrases(seed)) for seed in range(10)}) > 1


def test_nothing_to_draw_is_explained(rows: list[Sample]) -> None:
    with pytest.raises(DataError, match="expected expressions with a known word to draw, got none"):
        of_dataset(colour_segmenter(), lambda: iter(rows[2:3]), "best", 2)
