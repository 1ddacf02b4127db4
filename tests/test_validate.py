"""The threshold that a validation finds, against counting by hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from deixis.metrics import mean_iou, overall_iou
from deixis.odds import log_odds
from deixis.train.validate import THRESHOLDS, ThresholdCurve
from deixis.types import Sample, Segmentation


def sample(mask: np.ndarray) -> Sample:
    return Sample("d", "s", 1, 1, Path("x.jpg"), "dog", mask)


def answer(probability: np.ndarray) -> Segmentation:
    return Segmentation("dog", probability >= 0.5, partial(log_odds, probability), 0.5)


def test_the_best_threshold_by_counting() -> None:
    rng = np.random.default_rng(0)
    curve = ThresholdCurve()
    pairs = []
    for size in (4, 9, 15):
        truth = np.zeros((20, 20), dtype=bool)
        truth[:size, :size] = True
        probability = np.clip(0.35 * truth + rng.random((20, 20)) * 0.5, 0, 1)
        pairs.append((truth, probability.astype(np.float32)))
        curve.add(sample(truth), answer(probability))
    curve.add(sample(np.zeros((20, 20), dtype=bool)), answer(np.ones((20, 20))))  # names nothing: left out
    scores = {}
    for threshold in THRESHOLDS:
        counts = [(int((truth & (p >= threshold)).sum()), int((truth | (p >= threshold)).sum())) for truth, p in pairs]
        columns = tuple(zip(*counts, strict=True))
        scores[threshold] = (mean_iou(*columns) + overall_iou(*columns), mean_iou(*columns))
    best = max(scores, key=scores.__getitem__)
    assert THRESHOLDS[0] < best < THRESHOLDS[-1], "the drawing has a best one inside"
    assert curve.best() == (best, pytest.approx(scores[best][1]))


def test_without_named_things_it_stays_at_a_half() -> None:
    assert ThresholdCurve().best() == (0.5, 0.0)
