"""Counts to intersection over union: the ONLY metrics (protocol ``strict``; others in protocols.py call these).

Per expression I = |prediction & truth| and U = |prediction | truth| in pixels of the ORIGINAL picture. Then
overall IoU = sum I / sum U; mean IoU = mean of I / U; prec@X = share of expressions with I / U >= X. Where both masks
are empty I / U is 1. The denominator is always the number of expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deixis.errors import DataError
from deixis.types import BoolMask, Record

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)

Parts = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Counts:
    """Sums over expressions. Adding two of them is the same as one pass over both.

    Attributes:
        n: expressions.
        intersection, union: sums of pixels.
        iou_sum: sum of I / U.
        hits: expressions with I / U of at least each of ``THRESHOLDS``.
    """

    n: int = 0
    intersection: int = 0
    union: int = 0
    iou_sum: float = 0.0
    hits: tuple[int, ...] = (0,) * len(THRESHOLDS)

    @classmethod
    def of(cls, intersections: ArrayLike, unions: ArrayLike) -> Counts:
        """Counts of expressions given as (n,) intersections and (n,) unions, in pixels."""
        inter, union = _pairs(intersections, unions)
        values = ious(inter, union)
        return cls(
            n=len(values),
            intersection=int(inter.sum()),
            union=int(union.sum()),
            iou_sum=math.fsum(values),  # exact, so the order of the expressions does not matter
            hits=tuple(int(np.count_nonzero(values >= threshold)) for threshold in THRESHOLDS),
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            n=self.n + other.n,
            intersection=self.intersection + other.intersection,
            union=self.union + other.union,
            iou_sum=self.iou_sum + other.iou_sum,
            hits=tuple(mine + theirs for mine, theirs in zip(self.hits, other.hits, strict=True)),
        )

    def summary(self) -> Summary:
        """The numbers to report.

        Raises:
            DataError: nothing was counted.
        """
        if not self.n:
            raise DataError("expected at least one expression to summarize, got none")
        return Summary(
            n=self.n,
            oiou=self.intersection / self.union if self.union else 1.0,
            miou=self.iou_sum / self.n,
            precision={threshold: hits / self.n for threshold, hits in zip(THRESHOLDS, self.hits, strict=True)},
        )


@dataclass(frozen=True)
class Summary:
    """What a table shows of a set of expressions, all in [0, 1].

    Attributes:
        n: expressions.
        oiou: overall IoU.
        miou: mean IoU.
        precision: prec@X by X of ``THRESHOLDS``.
    """

    n: int
    oiou: float
    miou: float
    precision: Mapping[float, float]


def overlap(pred: BoolMask, truth: BoolMask) -> tuple[int, int]:
    """Pixels of the intersection and of the union of two (H, W) bool masks.

    Raises:
        DataError: the masks differ in shape or are not bool.
    """
    if pred.shape != truth.shape or pred.dtype != np.bool_ or truth.dtype != np.bool_:
        raise DataError(
            f"expected two bool masks of one shape, got {pred.shape} {pred.dtype} and {truth.shape} {truth.dtype}; "
            "masks are compared at the picture's original size"
        )
    return int(np.count_nonzero(pred & truth)), int(np.count_nonzero(pred | truth))


def ious(intersections: ArrayLike, unions: ArrayLike, empty: ArrayLike = 1.0) -> NDArray[np.float64]:
    """(n,) intersections and (n,) unions -> (n,) I / U, ``empty`` (one number, or (n,)) where both masks are empty."""
    inter, union = _pairs(intersections, unions)
    return np.where(union > 0, inter / np.maximum(union, 1), empty)


@dataclass(frozen=True)
class Ratio:
    """A number that is one sum over expressions divided by another; 1 where there is nothing to divide by.

    Attributes:
        parts: (n,) intersections and (n,) unions to what is summed above and below the line, (n,) each.
    """

    parts: Callable[[NDArray[np.int64], NDArray[np.int64]], Parts]

    def __call__(self, intersections: ArrayLike, unions: ArrayLike) -> float:
        """The number of these expressions.

        Raises:
            DataError: there are none.
        """
        above, below = self.parts(*_pairs(intersections, unions))
        if not len(below):
            raise DataError("expected at least one expression, got none")
        divisor = math.fsum(below)
        return math.fsum(above) / divisor if divisor else 1.0


def reaching(threshold: float) -> Ratio:
    """prec@X: the share of expressions with I / U of at least the threshold."""
    return Ratio(lambda inter, union: (ious(inter, union) >= threshold, np.ones(len(union))))


overall_iou = Ratio(lambda inter, union: (inter, union))  # sum of I / sum of U
mean_iou = Ratio(lambda inter, union: (ious(inter, union), np.ones(len(union))))  # mean of I / U


def share_reaching(
    values: NDArray[np.float64], thresholds: Sequence[float] = THRESHOLDS, above: bool = False
) -> dict[float, float]:
    """Share of (n,) I / U of at least each threshold, or above it.

    Raises:
        DataError: there are no values.
    """
    if not len(values):
        raise DataError("expected at least one expression, got none")
    compare = np.greater if above else np.greater_equal
    return {threshold: float(np.mean(compare(values, threshold))) for threshold in thresholds}


def summarize(records: Sequence[Record]) -> Summary:
    """The numbers to report of records.

    Raises:
        DataError: there are none.
    """
    return Counts.of(*_columns(records)).summary()


def of_records(records: Sequence[Record], number: Ratio) -> float:
    """A number such as ``overall_iou`` of records."""
    return number(*_columns(records))


def bootstrap_interval(
    records: Sequence[Record], number: Ratio = overall_iou, repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of 95 % from drawing PICTURES with replacement: expressions of one picture go together.

    Args:
        records: of one dataset, whose image_ids name pictures.
        number: for example ``overall_iou`` or ``mean_iou``.
        repeats: number of draws.
        seed: same seed, same interval.

    Raises:
        DataError: no records, or no repeats.
    """
    return _percentiles(_drawn([records], number, repeats, seed)[:, 0])


def difference_interval(
    records: Sequence[Record],
    others: Sequence[Record],
    number: Ratio = overall_iou,
    repeats: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """As ``bootstrap_interval``, of the number of ``records`` minus that of ``others``, on the same draws.

    Both are answers to the same expressions, in the same order.

    Raises:
        DataError: as there, or the expressions are not the same.
    """
    if [(item.image_id, item.sent_id) for item in records] != [(item.image_id, item.sent_id) for item in others]:
        raise DataError(f"expected two answers to the same expressions, got {len(records)} and {len(others)} others")
    ours, theirs = _drawn([records, others], number, repeats, seed).T
    return _percentiles(ours - theirs)


def picture_draws(image_ids: Sequence[int], repeats: int = 1000, seed: int = 0) -> Iterator[NDArray[np.int64]]:
    """Rows of ``repeats`` draws of as many pictures as there are, with replacement; all rows of a picture go together.

    Args:
        image_ids: (n,) the picture of each row, at least one.
        repeats: number of draws.
        seed: same seed, same draws.
    """
    of_image: dict[int, list[int]] = {}
    for index, image_id in enumerate(image_ids):
        of_image.setdefault(image_id, []).append(index)
    groups = [np.array(of_image[image_id]) for image_id in sorted(of_image)]
    for drawn in _draws(len(groups), repeats, seed):
        yield np.concatenate([groups[index] for index in drawn])


def _draws(count: int, repeats: int, seed: int) -> Iterator[NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    for _ in range(repeats):
        yield random.integers(count, size=count)


def _drawn(answers: Sequence[Sequence[Record]], number: Ratio, repeats: int, seed: int) -> NDArray[np.float64]:
    """(repeats, A) the number in each draw, of each of A answers to the same expressions.

    A draw of pictures adds up the pictures' sums, so that the expressions are gone through once and not in each draw.
    """
    if not answers[0] or repeats < 1:
        raise DataError(f"expected records and at least one repeat, got {len(answers[0])} records, {repeats} repeats")
    images, of_image = np.unique([record.image_id for record in answers[0]], return_inverse=True)
    summed = [part for records in answers for part in number.parts(*_columns(records))]
    sums = np.stack([np.bincount(of_image, weights=part) for part in summed], axis=1)
    count = len(images)
    drawn = np.stack([np.bincount(rows, minlength=count) @ sums for rows in _draws(count, repeats, seed)])
    above, below = drawn[:, ::2], drawn[:, 1::2]
    return np.divide(above, below, out=np.ones_like(above), where=below > 0)


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def roc_auc(scores: ArrayLike, present: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a phrase that is there scores above one that is not, ties half.

    Args:
        scores: (n,) confidences.
        present: (n,) bool, whether the phrase names something.

    Raises:
        DataError: lengths differ, a score is not a number, or one of the two kinds is missing.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(present, dtype=bool)
    if values.ndim != 1 or values.shape != positive.shape or np.isnan(values).any():
        raise DataError(f"expected as many scores as labels and no NaN, got {values.shape} and {positive.shape}")
    n_positive = int(positive.sum())
    n_negative = len(values) - n_positive
    if not n_positive or not n_negative:
        raise DataError(f"expected phrases of both kinds, got {n_positive} present and {n_negative} absent")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # equal scores share their mean rank
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def _columns(records: Sequence[Record]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return _pairs([record.intersection for record in records], [record.union for record in records])


def _pairs(intersections: ArrayLike, unions: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    inter, union = np.asarray(intersections, dtype=np.int64), np.asarray(unions, dtype=np.int64)
    if inter.ndim != 1 or inter.shape != union.shape or (inter < 0).any() or (inter > union).any():
        raise DataError(
            f"expected as many intersections as unions with 0 <= I <= U, got shapes {inter.shape} and {union.shape}"
        )
    return inter, union
