"""Any system's masks against the truth of one split, under a named protocol: files to records, records to a report."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deixis.data.predictions import Prediction
from deixis.errors import DataError
from deixis.files import atomic_write
from deixis.metrics import overlap, picture_draws
from deixis.protocols import Columns, Protocol, numbers
from deixis.types import Record, Sample

SHOWN = 5  # ids that an error lists


@dataclass(frozen=True)
class Report:
    """The numbers of one split under one protocol.

    Attributes:
        protocol, dataset, split: what was scored and how.
        n, images: expressions and pictures.
        values: number in [0, 1] by name, NaN where undefined.
        intervals: 95 % percentile intervals by name from drawing pictures with replacement.
    """

    protocol: str
    dataset: str
    split: str
    n: int
    images: int
    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]


def score(
    samples: Iterable[Sample],
    predictions: Mapping[int, Prediction],
    protocol: Protocol,
    progress: Callable[[int], object] | None = None,
) -> list[Record]:
    """Compare each sample's truth with its prediction: every expression exactly once.

    Args:
        samples: of one dataset and split; may be a generator.
        predictions: by sent_id, for these samples and no other.
        protocol: how; ``Record.intersection``, ``union`` and ``predicted`` are pixels at its size of comparison,
            ``target`` is of the picture's size.
        progress: called after each expression with 1.

    Returns:
        One record per sample, in order.

    Raises:
        DataError: samples of several splits, a sent_id missing, twice or unknown, a mask of another size.
    """
    records: list[Record] = []
    missing: list[int] = []
    seen: set[int] = set()
    split = ""
    for sample in samples:
        split = _same_split(split, f"{sample.dataset} {sample.split}")
        if sample.sent_id in seen:
            raise DataError(f"{split}: expected unique sent_ids in the truth, got {sample.sent_id} twice")
        seen.add(sample.sent_id)
        if sample.sent_id not in predictions:
            missing.append(sample.sent_id)
        elif not missing:  # once one is missing there will be no numbers
            records.append(_record(sample, predictions[sample.sent_id], protocol))
        if progress is not None:
            progress(1)
    _check_complete(split, seen, missing, predictions)
    return records


def report(records: Sequence[Record], protocol: Protocol, repeats: int = 1000, seed: int = 0) -> Report:
    """The protocol's numbers of records in any order, from one pass of ``score`` or several over parts of the split.

    Args:
        records: scored under the same protocol.
        protocol: how they are aggregated.
        repeats: draws of the bootstrap.
        seed: same seed, same intervals.

    Raises:
        DataError: no records, records of several splits, or a sent_id twice.
    """
    if not records:
        raise DataError("expected at least one expression to score, got none; is the split empty?")
    split = ""
    for item in records:
        split = _same_split(split, f"{item.dataset} {item.split}")
    ids, counts = np.unique([item.sent_id for item in records], return_counts=True)
    if (counts > 1).any():
        raise DataError(f"{split}: expected each sent_id once, got again: {_list(ids[counts > 1].tolist())}")
    ordered = sorted(records, key=lambda item: (item.image_id, item.sent_id))
    columns = Columns.of(ordered)
    values = numbers(protocol, columns)
    drawn = [
        list(numbers(protocol, columns.take(rows)).values())
        for rows in picture_draws([item.image_id for item in ordered], repeats, seed)
    ]
    intervals = {name: _interval(column) for name, column in zip(values, np.array(drawn).T, strict=True)}
    images = len({item.image_id for item in records})
    first = records[0]
    return Report(protocol.name, first.dataset, first.split, len(records), images, values, intervals)


def write_report(path: Path, result: Report, records: Sequence[Record]) -> None:
    """Write numbers, intervals and records as JSON, all or nothing; what is undefined is null.

    Raises:
        DataError: the file cannot be written.
    """
    content = dataclasses.asdict(result) | {
        "values": {name: _finite(value) for name, value in result.values.items()},
        "intervals": {name: [_finite(end) for end in ends] for name, ends in result.intervals.items()},
        "records": [dataclasses.asdict(item) for item in records],
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _record(sample: Sample, prediction: Prediction, protocol: Protocol) -> Record:
    try:
        protocol.check_size(prediction.size, sample.mask.shape)
        mask, truth = protocol.masks(prediction.read(), sample.mask)
    except DataError as error:
        raise DataError(f"{prediction.where}: expression {sample.sent_id}: {error}") from error
    intersection, union = overlap(mask, truth)
    return Record.of(sample, (intersection, union, int(np.count_nonzero(mask))), score=1.0)


def _check_complete(split: str, seen: set[int], missing: Sequence[int], predictions: Mapping[int, Prediction]) -> None:
    if missing:
        raise DataError(
            f"expected a mask for each of the {len(seen)} expressions of {split}, {len(missing)} are missing: sent_id "
            f"{_list(missing)}; write an empty mask where a system answers nothing"
        )
    unknown = [sent_id for sent_id in predictions if sent_id not in seen]
    if unknown:
        raise DataError(
            f"{predictions[unknown[0]].where}: expected masks for the {len(seen)} expressions of {split or 'no split'} "
            f"only, {len(unknown)} more are there: sent_id {_list(unknown)}; "
            "splits are not mixed, score each on its own"
        )


def _same_split(first: str, other: str) -> str:
    if first and first != other:
        raise DataError(f"expected expressions of one split, got {first} and {other}; score each on its own")
    return other


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _list(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids[:SHOWN])) + (", ..." if len(ids) > SHOWN else "")
