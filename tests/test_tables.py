"""Tables, their formats, and the paper's numbers beside ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest

from deixis.errors import DataError
from deixis.evaluate import evaluate
from deixis.metrics import THRESHOLDS, Summary, bootstrap_interval, mean_iou, overall_iou, summarize
from deixis.report.grid import Estimate, Grid, comma_separated, latex, markdown
from deixis.report.paper import TABLES, TITLES
from deixis.report.tables import overview, paper_table, slice_table, summary_table
from deixis.runs import PAPER_ROWS
from deixis.summary import numbers
from deixis.types import Record, Sample
from fakes import Oracle


def test_the_table_of_summaries(samples: list[Sample]) -> None:
    row = summarize(evaluate(Oracle(), samples[:2]))
    assert summary_table(
        {
            "oracle | toy val": row,
            "big": Summary(1234, 1.0, 0.12345, dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9), 0.0)),
        }
    ) == (
        "|  | n | prec@0.5 | prec@0.6 | prec@0.7 | prec@0.8 | prec@0.9 | oIoU | mIoU |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| oracle \\| toy val | 2 | 50.00 | 50.00 | 50.00 | 50.00 | 50.00 | 33.33 | 50.00 |\n"
        "| big | 1,234 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 100.00 | 12.35 |\n"
    )
    assert summary_table({}).count("\n") == 2


def records(ious: Sequence[float], dataset: str = "refcoco", split: str = "val") -> list[Record]:
    """One picture each, unions of a thousand pixels."""
    rows = enumerate(round(1000 * iou) for iou in ious)
    return [Record(dataset, split, i, i, "x", inter, 1000, 1000, 1000, 100, 100, 0.5) for i, inter in rows]


def cells(grid: Grid, **where: str) -> list[dict[str, object]]:
    rows = [dict(zip(grid.head, row, strict=True)) for row in grid.rows]
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


def test_the_table_of_slices() -> None:
    text = slice_table({"colour words": numbers(records([0.2, 0.6])), "relation": numbers(records([0.5]))})
    assert text.splitlines()[2:] == [
        "| colour words | 2 | 50.00 | 40.00 (20.00 to 60.00) | 40.00 (20.00 to 60.00) |",
        "| relation | 1 | 100.00 | 50.00 (50.00 to 50.00) | 50.00 (50.00 to 50.00) |",
    ]


# --- formats -----------------------------------------------------------------------------------------------------
GRID = Grid(
    ["name", "n", "a", "b"],
    [
        ["x_1 | 5 %", 1234, Estimate(0.12345), Estimate(0.5, (0.25, 0.75))],
        ["y & z", "", Estimate(0.1), Estimate(0.5, deviation=0.125)],
    ],
)


def test_markdown() -> None:
    assert markdown(GRID) == (
        "| name | n | a | b |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| x_1 \\| 5 % | 1,234 | 12.35 | 50.00 (25.00 to 75.00) |\n"
        "| y & z |  | 10.00 | 50.00 \N{PLUS-MINUS SIGN} 12.50 |\n"
    )


def test_csv_has_columns_for_the_spread_where_there_is_one() -> None:
    head, first, second = csv.reader(io.StringIO(comma_separated(GRID)))
    assert head == ["name", "n", "a", "b", "b low", "b high", "b sd"]
    assert first == ["x_1 | 5 %", "1234", "12.345", "50", "25", "75", ""]
    assert second == ["y & z", "", "10", "50", "", "", "12.5"]


def test_latex() -> None:
    assert latex(GRID) == (
        "\\begin{tabular}{lrrr}\n"
        "name & n & a & b \\\\ \\hline\n"
        "x\\_1 | 5 \\% & 1,234 & 12.35 & 50.00 (25.00 to 75.00) \\\\\n"
        "y \\& z &  & 10.00 & $50.00 \\pm 12.50$ \\\\\n"
        "\\end{tabular}\n"
    )


# --- the paper ---------------------------------------------------------------------------------------------------
def test_the_papers_numbers_are_shares_that_fall_with_the_threshold() -> None:
    assert list(TITLES) == list(PAPER_ROWS)
    for table in TABLES.values():
        assert set(table.numbers) <= set(PAPER_ROWS)
        for *precision, overall in table.numbers.values():
            assert len(precision) == len(THRESHOLDS) and precision == sorted(precision, reverse=True)
            assert 0 < overall < 100


def test_rows_that_were_not_run_say_so() -> None:
    grid = paper_table(1, {"full": {"refcoco-val": [records([0.5])]}})
    assert len(grid.rows) == 10 and {len(row) for row in grid.rows} == {len(grid.head)}
    ours = cells(grid, of="ours")
    assert [row["dataset"] for row in ours] == ["not run"] * 4 + ["not evaluated on this"]
    (full,) = cells(grid, of="paper", method="full model")
    assert full["dataset"] == "G-Ref val"
    assert [round(100 * full[name].value, 2) for name in grid.head[5:]] == [21.08, 13.34, 7.47, 2.98, 0.44, 34.06]


def test_ours_stand_beside_the_papers_with_an_interval() -> None:
    seed = records([0.2, 0.4, 0.6, 0.95], "google_refexp")
    grid = paper_table(1, {"full": {"google_refexp-val": [seed]}})
    (row,) = cells(grid, of="ours", method="full model")
    assert (row["dataset"], row["seeds"], row["n"]) == ("google_refexp-val", 1, 4)
    assert row["oIoU"] == Estimate(pytest.approx(0.5375), bootstrap_interval(seed, overall_iou))
    assert (row["prec@0.5"].value, row["prec@0.9"].value) == (0.5, 0.25)


def test_every_split_of_unc_ref_and_both_tests_together() -> None:
    parts = {
        "refcoco-testA": [records([0.2], split="testA")],
        "refcoco-testB": [records([0.4, 0.6], split="testB")],
        "refcoco-val": [records([1.0])],
    }
    found = cells(paper_table(2, {"category": parts}), of="ours", method="category-based")
    assert [(row["dataset"], row["n"]) for row in found] == [
        ("refcoco-val", 1),
        ("refcoco-testA", 1),
        ("refcoco-testB", 2),
        ("refcoco-testA+testB", 3),
    ]
    assert found[-1]["oIoU"].value == pytest.approx(0.4)


def test_where_the_paper_has_no_numbers_there_are_only_ours() -> None:
    grid = paper_table(3, {})
    assert [row["method"] for row in cells(grid, of="paper")] == ["baseline LSTM-CNN", "word embedding"]
    assert len(cells(grid, of="ours")) == 5


def test_seeds_give_mean_and_deviation() -> None:
    seeds = [records([0.5, 0.7]), records([0.3, 0.5]), records([0.4, 0.9])]
    grid = overview({"full": {"heldout-synthesized": seeds, "refcoco-val": seeds[:1]}})
    several, one = cells(grid)
    assert (several["row"], several["dataset"], several["seeds"], several["n"]) == ("full", "heldout-synthesized", 3, 2)
    assert several["mIoU"].value == pytest.approx(0.55) and several["mIoU"].interval is None
    assert several["mIoU"].deviation == pytest.approx((0.05**2 + 0.15**2 + 0.1**2) ** 0.5 / 2**0.5)
    assert one["mIoU"] == Estimate(pytest.approx(0.6), bootstrap_interval(seeds[0], mean_iou))


def test_seeds_must_have_answered_the_same() -> None:
    with pytest.raises(DataError, match="full on refcoco-val: expected the same expressions of each seed, got 2, 1"):
        overview({"full": {"refcoco-val": [records([0.1, 0.2]), records([0.1])]}})


def test_other_tables_are_refused() -> None:
    with pytest.raises(DataError, match="expected a table of 1, 2, 3, got 4"):
        paper_table(4, {})
