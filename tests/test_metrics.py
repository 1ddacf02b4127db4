from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deixis.errors import DataError
from deixis.metrics import (
    THRESHOLDS,
    Counts,
    bootstrap_interval,
    difference_interval,
    ious,
    mean_iou,
    overall_iou,
    overlap,
    picture_draws,
    reaching,
    roc_auc,
    share_reaching,
    summarize,
)
from deixis.types import Record

MASK_PAIRS = st.tuples(hnp.arrays(np.bool_, (6, 7)), hnp.arrays(np.bool_, (6, 7)))
PAIRS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(sorted), min_size=1, max_size=30)


def make_record(intersection: int, union: int, image_id: int = 0, sent_id: int = 0) -> Record:
    return Record(
        dataset="toy",
        split="val",
        image_id=image_id,
        sent_id=sent_id,
        phrase="dog",
        intersection=intersection,
        union=union,
        predicted=intersection,
        target=union,
        height=40,
        width=40,
        score=0.5,
    )


# I / U by hand: .9, .5, .25, 1 (both empty), 0.
INTERSECTIONS, UNIONS = [90, 50, 10, 0, 0], [100, 100, 40, 0, 60]


def test_golden_numbers() -> None:
    summary = summarize([make_record(i, u) for i, u in zip(INTERSECTIONS, UNIONS, strict=True)])
    assert summary.n == 5
    assert summary.oiou == pytest.approx(150 / 300)
    assert summary.miou == pytest.approx((0.9 + 0.5 + 0.25 + 1 + 0) / 5)
    assert summary.precision == {0.5: 3 / 5, 0.6: 2 / 5, 0.7: 2 / 5, 0.8: 2 / 5, 0.9: 2 / 5}


def test_the_functions_agree_with_the_summary() -> None:
    summary = Counts.of(INTERSECTIONS, UNIONS).summary()
    assert overall_iou(INTERSECTIONS, UNIONS) == summary.oiou
    assert mean_iou(INTERSECTIONS, UNIONS) == summary.miou
    assert {threshold: reaching(threshold)(INTERSECTIONS, UNIONS) for threshold in THRESHOLDS} == summary.precision
    assert reaching(0.25)(INTERSECTIONS, UNIONS) == 4 / 5 and reaching(0.95)(INTERSECTIONS, UNIONS) == 1 / 5
    assert ious(INTERSECTIONS, UNIONS).tolist() == [0.9, 0.5, 0.25, 1.0, 0.0]
    assert [make_record(i, u).iou for i, u in zip(INTERSECTIONS, UNIONS, strict=True)] == [0.9, 0.5, 0.25, 1.0, 0.0]


def test_one_pixel_and_no_pixel() -> None:
    assert ious([0, 1, 0], [1, 1, 0]).tolist() == [0.0, 1.0, 1.0]
    assert ious([0, 1], [0, 2], empty=0.0).tolist() == [0.0, 0.5]
    assert overall_iou([0, 0], [0, 0]) == mean_iou([0, 0], [0, 0]) == Counts.of([0, 0], [0, 0]).summary().oiou == 1.0


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_exactly_at_the_threshold_counts(threshold: float) -> None:
    for scale in (1, 3, 7, 1234):
        tenths = round(threshold * 10)
        assert reaching(threshold)([tenths * scale], [10 * scale]) == 1.0
        assert reaching(threshold)([tenths * scale - 1], [10 * scale]) == 0.0


def test_overlap_by_hand() -> None:
    pred, truth = np.zeros((4, 5), dtype=bool), np.zeros((4, 5), dtype=bool)
    pred[:2], truth[1:3, :3] = True, True
    assert overlap(pred, truth) == (3, 13)
    assert overlap(pred, ~pred) == (0, 20)
    assert overlap(np.zeros((4, 5), dtype=bool), np.zeros((4, 5), dtype=bool)) == (0, 0)


def test_overlap_refuses_other_sizes_and_types() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    with pytest.raises(DataError, match=r"one shape, got \(4, 5\) bool and \(5, 4\) bool"):
        overlap(mask, mask.T)
    with pytest.raises(DataError, match="float64"):
        overlap(mask.astype(float), mask)  # type: ignore[arg-type]


@given(MASK_PAIRS)
def test_overlap_is_symmetric_and_bounded(pair: tuple[np.ndarray, np.ndarray]) -> None:
    pred, truth = pair
    intersection, union = overlap(pred, truth)
    assert overlap(truth, pred) == (intersection, union)
    assert 0 <= intersection <= min(pred.sum(), truth.sum())
    assert intersection + union == pred.sum() + truth.sum()


@given(st.lists(hnp.arrays(np.bool_, (6, 7)), min_size=1, max_size=5))
def test_a_perfect_prediction_scores_one(masks: list[np.ndarray]) -> None:
    pairs = [overlap(mask, mask.copy()) for mask in masks]
    summary = Counts.of(*zip(*pairs, strict=True)).summary()
    assert (summary.oiou, summary.miou) == (1.0, 1.0)
    assert set(summary.precision.values()) == {1.0}


@given(PAIRS, st.randoms())
def test_the_order_does_not_matter(pairs: list[list[int]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Counts.of(*np.array(pairs).T) == Counts.of(*np.array(shuffled).T)


@given(PAIRS, st.integers(0, 30))
def test_merging_is_one_pass(pairs: list[list[int]], cut: int) -> None:
    inter, union = np.array(pairs).T
    whole = Counts.of(inter, union)
    merged = Counts.of(inter[:cut], union[:cut]) + Counts.of(inter[cut:], union[cut:]) + Counts()
    assert (merged.n, merged.intersection, merged.union, merged.hits) == (
        whole.n,
        whole.intersection,
        whole.union,
        whole.hits,
    )
    assert merged.iou_sum == pytest.approx(whole.iou_sum, rel=1e-12)


@given(PAIRS)
def test_everything_lies_between_nought_and_one(pairs: list[list[int]]) -> None:
    summary = Counts.of(*np.array(pairs).T).summary()
    values = [summary.precision[threshold] for threshold in THRESHOLDS]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= 1 for value in [summary.oiou, summary.miou, *values])


def test_large_counts_do_not_overflow() -> None:
    summary = Counts.of([2**40] * 1000, [2**41] * 1000).summary()
    assert summary.oiou == 0.5


def test_nothing_to_summarize_is_an_error() -> None:
    for call in (lambda: summarize([]), lambda: Counts().summary(), lambda: overall_iou([], [])):
        with pytest.raises(DataError, match="at least one"):
            call()
    with pytest.raises(DataError, match="at least one"):
        reaching(0.5)([], [])
    with pytest.raises(DataError, match="at least one"):
        share_reaching(ious([], []))


def test_the_share_that_reaches_a_threshold_has_those_at_it_unless_it_is_to_be_exceeded() -> None:
    values = ious([1, 1, 3, 4], [4, 2, 4, 4])
    assert share_reaching(values, (0.25, 0.5, 0.8)) == {0.25: 1.0, 0.5: 0.75, 0.8: 0.25}
    assert share_reaching(values, (0.25, 0.5, 0.8), above=True) == {0.25: 0.75, 0.5: 0.5, 0.8: 0.25}


@pytest.mark.parametrize(("inter", "union"), [([2], [1]), ([-1], [1]), ([1, 2], [3]), ([[1]], [[2]])])
def test_impossible_counts_are_refused(inter: list[int], union: list[int]) -> None:
    with pytest.raises(DataError, match="0 <= I <= U"):
        Counts.of(inter, union)


# --- bootstrap ---------------------------------------------------------------------------------------------------


def test_the_interval_holds_the_value_and_repeats_itself() -> None:
    random = np.random.default_rng(1)
    records = [make_record(int(random.integers(0, 101)), 100, image_id=index // 3) for index in range(300)]
    low, high = bootstrap_interval(records, repeats=300, seed=3)
    assert (low, high) == bootstrap_interval(records, repeats=300, seed=3)
    assert low < summarize(records).oiou < high
    assert high - low == pytest.approx(2 * 1.96 * 0.289 / np.sqrt(300), rel=0.25)  # standard error of a uniform
    assert bootstrap_interval(records, mean_iou, 300, 3) == pytest.approx((low, high))  # all unions are equal


def test_the_interval_is_that_of_drawing_expressions_one_by_one() -> None:
    random = np.random.default_rng(5)
    unions = random.integers(1, 500, 60)
    inters = random.integers(0, unions + 1)
    records = [make_record(int(inters[n]), int(unions[n]), image_id=n // 4) for n in range(60)]
    for number in (overall_iou, mean_iou, reaching(0.5)):
        slow = [number(inters[rows], unions[rows]) for rows in picture_draws([r.image_id for r in records], 50, 7)]
        assert bootstrap_interval(records, number, 50, 7) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])))


def test_intervals_are_of_a_thousand_draws_from_seed_0_unless_said_otherwise() -> None:
    records = [make_record(image, 30, image_id=image) for image in range(30)]
    others = [make_record((7 * image) % 30, 30, image_id=image) for image in range(30)]
    assert bootstrap_interval(records) == bootstrap_interval(records, overall_iou, 1000, 0)
    assert bootstrap_interval(records, seed=1) != bootstrap_interval(records)
    assert difference_interval(records, others) == difference_interval(records, others, overall_iou, 1000, 0)
    drawn = list(picture_draws(range(30)))
    assert len(drawn) == 1000
    assert [rows.tolist() for rows in drawn[:3]] == [rows.tolist() for rows in picture_draws(range(30), 3, 0)]


def test_a_union_of_one_pixel_in_a_draw() -> None:
    assert bootstrap_interval([make_record(0, 1)], overall_iou, 10) == (0.0, 0.0)


def test_each_answer_has_unions_of_its_own() -> None:
    assert difference_interval([make_record(1, 2)], [make_record(1, 4)], overall_iou, 10) == (0.25, 0.25)


def test_empty_masks_in_a_draw_agree() -> None:
    assert bootstrap_interval([make_record(0, 0)], overall_iou, 10) == (1.0, 1.0)
    assert bootstrap_interval([make_record(0, 0)], mean_iou, 10) == (1.0, 1.0)


def test_a_difference_is_drawn_in_pairs() -> None:
    random = np.random.default_rng(2)
    ours = [make_record(int(random.integers(10, 100)), 100, image_id=image) for image in range(40)]
    worse = [dataclasses.replace(record, intersection=record.intersection - 10) for record in ours]
    assert difference_interval(ours, worse, mean_iou, 100) == pytest.approx((0.1, 0.1))  # the same in every draw
    assert difference_interval(worse, ours, overall_iou, 100) == pytest.approx((-0.1, -0.1))
    with pytest.raises(DataError, match="the same expressions, got 40 and 39 others"):
        difference_interval(ours, worse[1:])


def test_pictures_are_drawn_not_expressions() -> None:
    # Ten copies of each expression on one picture say nothing new.
    once = [make_record(10 * image, 100, image_id=image) for image in range(10)]
    often = [record for record in once for _ in range(10)]
    assert bootstrap_interval(often, repeats=200) == pytest.approx(bootstrap_interval(once, repeats=200))


def test_one_picture_has_no_spread() -> None:
    assert bootstrap_interval([make_record(1, 2), make_record(1, 4)], mean_iou, 50) == (0.375, 0.375)


def test_the_bootstrap_needs_records_and_repeats() -> None:
    with pytest.raises(DataError, match="got 0 records"):
        bootstrap_interval([])
    with pytest.raises(DataError, match="0 repeats"):
        bootstrap_interval([make_record(1, 2)], repeats=0)
    assert bootstrap_interval([make_record(1, 2)], repeats=1) == (0.5, 0.5)


# --- ROC AUC -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "present", "area"),
    [
        ([0.1, 0.4, 0.35, 0.8], [False, False, True, True], 0.75),
        ([1, 2, 3], [False, True, True], 1.0),
        ([3, 2, 1], [False, True, True], 0.0),
        ([1, 1, 1, 1], [True, False, True, False], 0.5),
        ([1, 1, 0], [True, False, False], 0.75),
        ([-np.inf, np.inf], [False, True], 1.0),
    ],
)
def test_roc_auc_by_hand(scores: list[float], present: list[bool], area: float) -> None:
    assert roc_auc(scores, present) == roc_auc(scores, [int(label) for label in present]) == pytest.approx(area)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_roc_auc_is_the_chance_of_the_right_order(present: list[int], absent: list[int]) -> None:
    wins = [1.0 if yes > no else 0.5 if yes == no else 0.0 for yes, no in product(present, absent)]
    labels = [True] * len(present) + [False] * len(absent)
    assert roc_auc(present + absent, labels) == pytest.approx(np.mean(wins))


@pytest.mark.parametrize(
    ("scores", "present", "message"),
    [
        ([0.1, 0.2], [True, True], "2 present and 0 absent"),
        ([], [], "0 present and 0 absent"),
        ([0.1], [True, False], "as many scores as labels"),
        ([np.nan, 0.1], [True, False], "no NaN"),
    ],
)
def test_roc_auc_needs_both_kinds(scores: list[float], present: list[bool], message: str) -> None:
    with pytest.raises(DataError, match=message):
        roc_auc(scores, present)
