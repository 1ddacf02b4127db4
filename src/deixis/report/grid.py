"""A table before it has a format: cells, and the same cells as Markdown, CSV or LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A measured share, in [0, 1], shown in percent.

    Attributes:
        value: the share, or the mean over seeds.
        interval: 95 % interval, if known.
        deviation: standard deviation over seeds, if there are several.
    """

    value: float
    interval: tuple[float, float] | None = None
    deviation: float | None = None


Cell = str | int | Estimate


@dataclass(frozen=True)
class Grid:
    """A table: as many cells in each row as in the head."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def markdown(grid: Grid) -> str:
    """A Markdown table, with a newline at its end; pipes are escaped."""
    right = ["---" if left else "---:" for left in _left(grid)]
    lines = [[_pipes(name) for name in grid.head], right]
    lines += [[_pipes(_plain(cell)) for cell in row] for row in grid.rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def latex(grid: Grid) -> str:
    """A LaTeX ``tabular`` that needs no package, with a newline at its end."""
    columns = "".join("l" if left else "r" for left in _left(grid))
    lines = [" & ".join(map(_escape, grid.head)) + r" \\ \hline"]
    lines += [" & ".join(_tex(cell) for cell in row) + r" \\" for row in grid.rows]
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", *lines, r"\end{tabular}"]) + "\n"


def comma_separated(grid: Grid) -> str:
    """CSV for programs: percent without rounding; of what has an interval or deviation, columns "low", "high", "sd"."""
    wide = [any(_has_spread(row[index]) for row in grid.rows) for index in range(len(grid.head))]
    lines: list[list[list[object]]] = [
        [[name, *(f"{name} {part}" for part in ("low", "high", "sd"))] for name in grid.head]
    ]
    lines += [[_values(cell) for cell in row] for row in grid.rows]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for line in lines:
        writer.writerow([part for cell, full in zip(line, wide, strict=True) for part in (cell if full else cell[:1])])
    return text.getvalue()


FORMATS: Mapping[str, Callable[[Grid], str]] = {"markdown": markdown, "csv": comma_separated, "latex": latex}


def _has_spread(cell: Cell) -> bool:
    return isinstance(cell, Estimate) and (cell.interval is not None or cell.deviation is not None)


def _left(grid: Grid) -> list[bool]:
    """Which columns hold words: those whose every cell is one; the rest are numbers and stand at the right."""
    return [all(isinstance(row[index], str) for row in grid.rows) for index in range(len(grid.head))]


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return " ".join(cell.split())
    if isinstance(cell, int):
        return f"{cell:,}"
    text = _percent(cell.value)
    if cell.deviation is not None:
        return f"{text} ± {_percent(cell.deviation)}"
    return text if cell.interval is None else f"{text} ({_percent(cell.interval[0])} to {_percent(cell.interval[1])})"


def _tex(cell: Cell) -> str:
    if isinstance(cell, Estimate) and cell.deviation is not None:
        return rf"${_percent(cell.value)} \pm {_percent(cell.deviation)}$"
    return _escape(_plain(cell))


_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {letter: "\\" + letter for letter in "&%$#_{}"}


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _pipes(text: str) -> str:
    return text.replace("|", "\\|")


def _values(cell: Cell) -> list[object]:
    """Value, low, high and standard deviation."""
    if not isinstance(cell, Estimate):
        return [cell, "", "", ""]
    spread = ["" if cell.interval is None else _exact(end) for end in cell.interval or ("", "")]
    return [_exact(cell.value), *spread, "" if cell.deviation is None else _exact(cell.deviation)]


def _exact(share: float | str) -> str:
    return share if isinstance(share, str) else f"{100 * share:.6g}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
