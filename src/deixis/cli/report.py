"""``deixis report``: an ablation's records as tables, the paper's beside."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli.console import command

if TYPE_CHECKING:
    from deixis.report.tables import Measured


class Format(str, Enum):
    """What a table is written as."""

    markdown = "markdown"
    csv = "csv"
    latex = "latex"


@command
def run(
    runs: Annotated[
        Path,
        typer.Argument(metavar="RUNS", help="A folder with one folder a row, or a row and seed.", show_default=False),
    ],
    table: Annotated[
        int | None,
        typer.Option(
            metavar="1|2|3",
            help="A table of the paper beside ours: G-Ref, UNC-Ref or ReferIt.",
            show_default="every row on every dataset",
        ),
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="Of the table.")] = Format.markdown,
) -> None:
    """Print what an ablation measured: prec@.5 to .9 and IoU in percent, 95 % intervals or deviation over seeds."""
    from deixis.report.grid import FORMATS
    from deixis.report.tables import overview, paper_table

    measured = _read(runs)
    grid = overview(measured) if table is None else paper_table(table, measured)
    typer.echo(FORMATS[format.value](grid), nl=False)
    typer.echo(_leakage(runs), err=format is not Format.markdown)


def _leakage(runs: Path) -> str:
    """Whether the photographs that results are reported on were kept out of the training of each row."""
    from deixis.runs import LEAK_FREE, all_leak_free, find_runs, leak_free

    found = {row: all_leak_free([leak_free(run) for run in trainings]) for row, trainings in find_runs(runs).items()}
    parts = [f"{LEAK_FREE[state]} ({', '.join(row for row in found if found[row] is state)})"
             for state in (True, None, False) if state in found.values()]  # fmt: skip
    return f"\nTraining pictures without those of RefCOCO, + and g val and test: {'; '.join(parts)}"


def _read(runs: Path) -> Measured:
    """The records of each seed of each row, by "dataset-split"."""
    from deixis.evaluate import read_records
    from deixis.runs import find_records, find_runs

    measured = {}
    for row, trainings in find_runs(runs).items():
        files = [find_records(training) for training in trainings]
        parts = dict.fromkeys(part for found in files for part in found)
        measured[row] = {part: [read_records(found[part]) for found in files if part in found] for part in parts}
    return measured
