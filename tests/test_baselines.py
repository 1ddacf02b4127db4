"""What evaluations are compared with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deixis.baselines import CategoryOnly, CentreBox, WholeImage, baselines_of, shuffled, swapped
from deixis.data.dataset import open_dataset
from deixis.evaluate import Predictor, compare, evaluate
from deixis.metrics import summarize
from deixis.types import Sample
from fakes import ColourBackend, colour_segmenter, scene


@given(st.integers(2, 30))
def test_every_phrase_gets_another_one(count: int) -> None:
    phrases = [f"phrase {index}" for index in range(count)]
    moved = shuffled(phrases)
    assert sorted(map(str, moved)) == sorted(phrases)
    assert all(new != old for new, old in zip(moved, phrases, strict=True))


def test_sentences_of_one_object_move_to_another() -> None:
    assert shuffled(["a1", "a2", "a3", "b1", "b2", "b3"]) == ["b1", "b2", "b3", "a1", "a2", "a3"]
    assert shuffled(["alone"]) == [None] and shuffled([]) == []


def test_only_left_and_right_are_swapped() -> None:
    assert swapped(["left dog", "top dog", "dog on the Right"]) == ["right dog", None, "dog on the Left"]


def test_all_baselines_of_a_segmenter_cost_one_encoding(samples: list[Sample]) -> None:
    backend = ColourBackend()
    segmenter = colour_segmenter(backend)
    rows = [dataclasses.replace(sample, phrase=f"{sample.phrase} red thing") for sample in samples]
    records, others = compare(segmenter, baselines_of(segmenter), rows)
    assert backend.encoded == 2
    counts = {"whole image": 3, "centre box": 3, "category only": 3, "another phrase": 2, "left and right swapped": 3}
    assert {name: len(found) for name, found in others.items()} == counts
    assert len(records) == 3


def test_the_category_baseline_is_the_second_term_alone() -> None:
    segmenter = colour_segmenter()
    image = scene(60, 80, (0, 0, 40, 60))
    p2 = segmenter.explain(image, "red").terms["p2"]  # the fake's p2 is at most 0.4
    for threshold, expected in ((0.5, np.zeros((60, 80), dtype=bool)), (0.3, p2 >= 0.3)):
        baseline = CategoryOnly(segmenter, threshold)
        red, _ = baseline.segment_many(baseline.encode_image(image), ["red", "green"])
        np.testing.assert_array_equal(red.mask, expected)
        np.testing.assert_allclose(red.probability, p2, atol=1e-6)
        assert red.phrase == "red" and red.score == segmenter.segment(image, "red").score


def test_the_whole_image_baseline() -> None:
    (answer,) = WholeImage().segment_many(WholeImage().encode_image(np.zeros((3, 5, 3), np.uint8)), ["x"])
    assert answer.mask.shape == (3, 5) and answer.mask.all()
    assert (answer.share, answer.score, answer.probability.dtype) == (1.0, 1.0, np.float32)


@pytest.mark.parametrize(("height", "width"), [(100, 200), (333, 500), (640, 480)])
def test_the_centre_box_is_central_and_half_the_area(height: int, width: int) -> None:
    mask = CentreBox().mask(height, width)
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert abs(rows[0] - (height - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (width - 1 - columns[-1])) <= 1
    assert mask.sum() == len(rows) * len(columns)


def test_the_centre_box_of_one_pixel_is_that_pixel() -> None:
    assert CentreBox().mask(1, 1).all()


@pytest.mark.parametrize("baseline", [WholeImage(), CentreBox()])
def test_an_empty_truth_and_baselines(samples: list[Sample], baseline: Predictor) -> None:
    nothing = dataclasses.replace(samples[0], mask=np.zeros((6, 8), dtype=bool), distractor=None)
    (result,) = evaluate(baseline, [nothing])
    assert result.intersection == 0 and result.union == result.predicted > 0 and result.iou == 0.0


def test_baselines_on_real_rows(shared_data: Path) -> None:
    rows = list(open_dataset(shared_data / "refer", "refcocog:val"))
    whole, centre = (summarize(evaluate(baseline, rows)) for baseline in (WholeImage(), CentreBox()))
    assert whole.n == centre.n == 15
    assert whole.miou == pytest.approx(np.mean([sample.mask.mean() for sample in rows]))
    assert whole.oiou < centre.oiou < 0.5
