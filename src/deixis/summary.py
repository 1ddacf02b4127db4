"""Records to numbers (protocol ``strict``): by split and by slice, beside baselines, with intervals; and their file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from deixis.errors import DataError
from deixis.files import atomic_write
from deixis.metrics import (
    Ratio,
    bootstrap_interval,
    difference_interval,
    mean_iou,
    overall_iou,
    summarize,
)
from deixis.slices import slices
from deixis.types import Record

PROTOCOL = "strict"  # see metrics.py
ALL = "all"  # all splits together, beside names such as "refcoco val"

Interval = tuple[float, float]
T = TypeVar("T")


@dataclass(frozen=True)
class WhichReport:
    """Whether the predictor tells WHICH object is meant, over samples that have a distractor.

    Attributes:
        n: samples with a distractor.
        right_iou: mean IoU with the object that is meant.
        distractor_iou: mean IoU with the object that a swapped phrase would mean.
        right_share: share of samples whose IoU is higher with the object that is meant.
    """

    n: int
    right_iou: float
    distractor_iou: float
    right_share: float


@dataclass(frozen=True)
class Numbers:
    """What is reported of some expressions, all in [0, 1]; intervals are of 95 %, over pictures.

    Attributes:
        n, images: expressions and pictures.
        oiou, miou: overall and mean IoU.
        precision: prec@X by X.
        which: over the expressions with a distractor; None where there is none.
    """

    n: int
    images: int
    oiou: float
    oiou_interval: Interval
    miou: float
    miou_interval: Interval
    precision: Mapping[float, float]
    which: WhichReport | None


@dataclass(frozen=True)
class Difference:
    """The predictor minus a baseline, on the expressions that the baseline answers; intervals as in ``Numbers``.

    Attributes:
        n: those expressions.
        as_said_oiou, as_said_miou: of the predictor, asked the phrases as they are, on these expressions.
        oiou, miou: the predictor's minus the baseline's.
    """

    n: int
    as_said_oiou: float
    as_said_miou: float
    oiou: float
    oiou_interval: Interval
    miou: float
    miou_interval: Interval


@dataclass(frozen=True)
class Comparison:
    """A baseline's numbers, and what the predictor is better by; by "dataset split" and ``ALL``."""

    numbers: Mapping[str, Numbers]
    difference: Mapping[str, Difference]


@dataclass(frozen=True)
class Results:
    """All numbers of an evaluation; each by "dataset split" and ``ALL``.

    Attributes:
        numbers: of the predictor.
        slices: of the predictor, by the slice's name.
        baselines: by name; one that left everything out is not there.
    """

    numbers: Mapping[str, Numbers]
    slices: Mapping[str, Mapping[str, Numbers]]
    baselines: Mapping[str, Comparison]


def results(records: Sequence[Record], baselines: Mapping[str, Sequence[Record]] | None = None) -> Results:
    """The numbers of records and of baselines on the same expressions (``evaluate.compare``).

    Raises:
        DataError: there are no records.
    """
    return Results(
        numbers=_over_splits(records, numbers),
        slices=_over_splits(records, lambda group: {name: numbers(part) for name, part in slices(group).items()}),
        baselines={name: _comparison(records, found) for name, found in (baselines or {}).items() if found},
    )


def numbers(records: Sequence[Record]) -> Numbers:
    """The numbers of some records.

    Raises:
        DataError: there are none.
    """
    summary = summarize(records)
    return Numbers(
        n=summary.n,
        images=len({item.image_id for item in records}),
        oiou=summary.oiou,
        oiou_interval=bootstrap_interval(records, overall_iou),
        miou=summary.miou,
        miou_interval=bootstrap_interval(records, mean_iou),
        precision=summary.precision,
        which=which_report(records) if any(item.distractor_iou is not None for item in records) else None,
    )


def which_report(records: Iterable[Record]) -> WhichReport:
    """Mean IoU with the right object and with the distractor, over the records that have one.

    Raises:
        DataError: none has one.
    """
    pairs = [(item.iou, item.distractor_iou) for item in records if item.distractor_iou is not None]
    if not pairs:
        raise DataError("expected records of samples with a distractor, got none")
    right, distractor = np.array(pairs, dtype=np.float64).T
    return WhichReport(len(pairs), float(right.mean()), float(distractor.mean()), float((right > distractor).mean()))


def by_split(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by "dataset split", in order of first appearance."""
    groups: dict[str, list[Record]] = {}
    for item in records:
        groups.setdefault(f"{item.dataset} {item.split}", []).append(item)
    return groups


def write_summary(
    path: Path,
    records: Sequence[Record],
    baselines: Mapping[str, Sequence[Record]] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Results:
    """Write ``results`` as JSON, with the records behind the predictor's numbers; of baselines there are numbers only.

    ``about`` tells more of the predictor and comes first.

    Raises:
        DataError: the file cannot be written, there are no records, or a number is not finite.
    """
    if not records:
        raise DataError(f"{path}: expected at least one record to summarize, got none")
    found = results(records, baselines)
    content = {
        **(about or {}),
        "protocol": PROTOCOL,
        **_by_name(found.numbers),
        "slices": _by_name(found.slices),
        "baselines": {
            name: {**_by_name(item.numbers), "difference": _by_name(item.difference)}
            for name, item in found.baselines.items()
        },
        "records": list(records),
    }
    try:
        text = json.dumps(content, indent=1, allow_nan=False, default=dataclasses.asdict)
    except ValueError as error:
        raise DataError(f"{path}: a record has a number that is not finite: {error}") from error
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return found


def _by_name(parts: Mapping[str, object]) -> dict[str, Any]:
    return {"splits": {name: part for name, part in parts.items() if name != ALL}, ALL: parts[ALL]}


def _over_splits(records: Sequence[Record], function: Callable[[Sequence[Record]], T]) -> dict[str, T]:
    parts = {name: function(group) for name, group in by_split(records).items()}
    return {**parts, ALL: next(iter(parts.values())) if len(parts) == 1 else function(records)}


def _comparison(records: Sequence[Record], baseline: Sequence[Record]) -> Comparison:
    ours = {_key(item): item for item in records}

    def difference(group: Sequence[Record]) -> Difference:
        as_said = [ours[_key(item)] for item in group]
        first, second = summarize(as_said), summarize(group)

        def interval(number: Ratio) -> Interval:
            return difference_interval(as_said, group, number)

        return Difference(
            n=len(group),
            as_said_oiou=first.oiou,
            as_said_miou=first.miou,
            oiou=first.oiou - second.oiou,
            oiou_interval=interval(overall_iou),
            miou=first.miou - second.miou,
            miou_interval=interval(mean_iou),
        )

    return Comparison(_over_splits(baseline, numbers), _over_splits(baseline, difference))


def _key(record: Record) -> tuple[str, str, int]:
    return record.dataset, record.split, record.sent_id
