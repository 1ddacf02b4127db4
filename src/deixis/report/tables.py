"""Tables of what was measured: pure functions of summaries and records. Shares are in [0, 1], shown in percent."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from deixis.errors import DataError
from deixis.metrics import (
    THRESHOLDS,
    Ratio,
    Summary,
    bootstrap_interval,
    mean_iou,
    of_records,
    overall_iou,
    reaching,
)
from deixis.report.grid import Cell, Estimate, Grid, markdown
from deixis.report.paper import TABLES, TITLES
from deixis.runs import PAPER_ROWS
from deixis.summary import Numbers
from deixis.types import Record

# The records of each seed of a row, by "dataset-split", by row.
Measured = Mapping[str, Mapping[str, Sequence[Sequence[Record]]]]

PRECISION = tuple(f"prec@{threshold:.1f}" for threshold in THRESHOLDS)
OVERALL, MEAN = "oIoU", "mIoU"


def summary_table(rows: Mapping[str, Summary]) -> str:
    """A Markdown table in percent, one row per name: n, prec@.5 .. .9, overall IoU, mean IoU.

    Args:
        rows: summaries by what they are of (method, dataset and split); a pipe in a name is escaped.

    Returns:
        The table with a newline at its end; only the head when there are no rows.
    """
    cells: list[list[Cell]] = [
        [name, summary.n, *map(Estimate, [*summary.precision.values(), summary.oiou, summary.miou])]
        for name, summary in rows.items()
    ]
    return markdown(Grid(["", "n", *PRECISION, OVERALL, MEAN], cells))


def slice_table(rows: Mapping[str, Numbers]) -> str:
    """A Markdown table, one row per slice: n, prec@.5, overall and mean IoU with 95 % intervals over pictures."""
    cells: list[list[Cell]] = [
        [
            name,
            row.n,
            Estimate(row.precision[THRESHOLDS[0]]),
            Estimate(row.oiou, row.oiou_interval),
            Estimate(row.miou, row.miou_interval),
        ]
        for name, row in rows.items()
    ]
    return markdown(Grid(["slice", "n", PRECISION[0], OVERALL, MEAN], cells))


def overview(measured: Measured) -> Grid:
    """Every row on every dataset and split: seeds, n, prec@.5 .. .9, overall and mean IoU.

    Several seeds: mean and standard deviation (n - 1) over them. One: its 95 % interval over pictures.
    """
    columns = (*PRECISION, OVERALL, MEAN)
    rows: list[list[Cell]] = [
        [row, part, len(seeds), len(seeds[0]), *_estimates(f"{row} on {part}", seeds, columns)]
        for row, parts in measured.items()
        for part, seeds in parts.items()
    ]
    return Grid(["row", "dataset", "seeds", "n", *columns], rows)


def paper_table(number: int, measured: Measured) -> Grid:
    """Table 1, 2 or 3 of the paper, each row beside ours; estimates as in ``overview``.

    Raises:
        DataError: the paper has no such table, or a row's seeds do not answer the same expressions.
    """
    if number not in TABLES:
        raise DataError(f"expected a table of {', '.join(map(str, TABLES))}, got {number}")
    table = TABLES[number]
    columns = (*PRECISION, OVERALL)
    rows: list[list[Cell]] = []
    for row in PAPER_ROWS:
        if row in table.numbers:
            shares = [Estimate(value / 100) for value in table.numbers[row]]
            rows.append([TITLES[row], "paper", f"{table.title} {table.split}", "", "", *shares])
        parts = _with_joined(measured.get(row, {}))
        found = {part: parts[part] for part in table.parts if part in parts}
        if not found:
            missing = "not run" if row not in measured else "not evaluated on this"
            rows.append([TITLES[row], "ours", missing, *[""] * (len(columns) + 2)])
        for part, seeds in found.items():
            numbers = _estimates(f"{row} on {part}", seeds, columns)
            rows.append([TITLES[row], "ours", part, len(seeds), len(seeds[0]), *numbers])
    return Grid(["method", "of", "dataset", "seeds", "n", *columns], rows)


def _with_joined(parts: Mapping[str, Sequence[Sequence[Record]]]) -> dict[str, Sequence[Sequence[Record]]]:
    """The parts, and testA and testB of one dataset together where both are there, with as many seeds."""
    joined = dict(parts)
    for part, seeds in parts.items():
        other = parts.get(part.removesuffix("A") + "B", ()) if part.endswith("-testA") else ()
        if len(other) == len(seeds):
            joined[f"{part}+testB"] = [[*first, *second] for first, second in zip(seeds, other, strict=True)]
    return joined


def _estimates(what: str, seeds: Sequence[Sequence[Record]], columns: Sequence[str]) -> list[Estimate]:
    if not seeds[0]:
        raise DataError(f"{what}: expected at least one expression, got none; evaluate it again")
    expressions = [sorted((item.dataset, item.split, item.sent_id) for item in seed) for seed in seeds]
    if any(other != expressions[0] for other in expressions):
        counts = ", ".join(str(len(seed)) for seed in seeds)
        raise DataError(
            f"{what}: expected the same expressions of each seed, got {counts}; evaluate all on one dataset"
        )
    estimate = _over_pictures if len(seeds) == 1 else _over_seeds
    return [estimate(seeds, _NUMBERS[name]) for name in columns]


def _over_pictures(seeds: Sequence[Sequence[Record]], number: Ratio) -> Estimate:
    (records,) = seeds
    return Estimate(of_records(records, number), bootstrap_interval(records, number))


def _over_seeds(seeds: Sequence[Sequence[Record]], number: Ratio) -> Estimate:
    values = [of_records(records, number) for records in seeds]
    return Estimate(statistics.fmean(values), deviation=statistics.stdev(values))


_NUMBERS: Mapping[str, Ratio] = {
    **{name: reaching(threshold) for name, threshold in zip(PRECISION, THRESHOLDS, strict=True)},
    OVERALL: overall_iou,
    MEAN: mean_iou,
}
