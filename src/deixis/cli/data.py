"""``deixis data``: what public data there is, fetching it, and checking it."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command, counter
from deixis.files import atomic_write

if TYPE_CHECKING:
    from deixis.data.catalogue import Entry
    from deixis.data.doctor import Finding
    from deixis.data.download import Report

UNKNOWN = "unknown"
SHOWN = 5  # findings of one kind

app = typer.Typer(no_args_is_help=True, help="Public data: what there is, fetching it, checking it.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As 'deixis data list' has it.", show_default=False)]


@app.command("list")
@command
def list_() -> None:
    """List the data that this project knows; touches no network."""
    from deixis.data.catalogue import CATALOGUE

    width = max(map(len, CATALOGUE))
    for entry in CATALOGUE.values():
        access = "on request" if not entry.files else _total_size(entry)
        typer.echo(f"{entry.name:{width}}  {access:>10}  {entry.title}")


@app.command()
@command
def info(name: Name) -> None:
    """Show where some data lies, its licence, sizes and checksums; touches no network."""
    from deixis.data.catalogue import entry_named

    entry = entry_named(name)
    rows = [("what", entry.title), ("licence", entry.licence), ("described", entry.homepage)]
    rows += [("pictures", f"of {needed}") for needed in entry.needs]
    rows += [("to get it", entry.how_to_ask)] if entry.how_to_ask else []
    for file in entry.files:
        rows.append(("file", file.name))
        rows.append(("  size", _shown_size(file.size)))
        rows.append(("  SHA-256", file.sha256 or UNKNOWN))
        rows += [("  from", url) for url in file.urls]
        rows.append(("  to", f"ROOT/{file.into}" if file.into else "ROOT"))
    for label, text in rows:
        typer.echo(f"{label:11}{text}")


@app.command()
@command
def download(
    name: Name,
    data: options.Data,
    only: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Only this file; may be repeated.", show_default="all")
    ] = None,
) -> None:
    """Fetch data, going on where it broke off; verify and unpack it. Nothing else here touches the network."""
    from deixis.data.catalogue import entry_named
    from deixis.data.download import download as fetch_all

    entry = entry_named(name)
    with _progress() as progress:
        records = fetch_all(entry, data, only or (), progress)
    for record in records:
        typer.echo(f"{record.name.removesuffix('.json')}: complete ({record} says what came from where)")
    for needed in entry.needs:
        typer.echo(f"its pictures: deixis data download {needed} --data {data}")


@app.command()
@command
def doctor(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="For example refcoco or refcocog-google.", show_default=False)
    ],
    data: options.Data,
    part: Annotated[
        bool, typer.Option("--part", help="The folder holds a part of the release; counts are notes only.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all findings as JSON.", show_default=False)
    ] = None,
) -> None:
    """Check a dataset: counts, splits, joins, pictures, masks. Leaves with 1 when there is an error, else with 0."""
    from deixis.data.doctor import examine

    with counter("pictures") as count:
        findings = examine(data, name, part, count)
    if json is not None:
        with atomic_write(json) as temporary:
            temporary.write_text(dumps([{**asdict(item), "file": str(item.file)} for item in findings], indent=1))
    typer.echo("\n".join(finding_lines(findings)))
    if any(item.severity == "error" for item in findings):
        raise typer.Exit(1)


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Findings for people, the first few of each kind, and how many there are."""
    lines: list[str] = []
    kinds: dict[tuple[str, str, Path], list[Finding]] = {}
    for item in findings:
        kinds.setdefault((item.severity, item.check, item.file), []).append(item)
    for (severity, check, file), items in kinds.items():
        start = f"{severity:8}{check:10}"
        for item in items[:SHOWN]:
            where = "" if str(file) in item.problem else f"{file}: {item.record}{': ' if item.record else ''}"
            lines.append(f"{start}{where}{item.problem}{'; ' if item.remedy else ''}{item.remedy}")
        if len(items) > SHOWN:
            lines.append(f"{start}{file}: {len(items) - SHOWN:,} more like these")
    counts = Counter(item.severity for item in findings)
    return [*lines, ", ".join(f"{severity}s: {counts[severity]:,}" for severity in ("error", "warning", "note"))]


def _total_size(entry: Entry) -> str:
    """Size of all files, for people; a plus sign where some are not known."""
    known = [file.size for file in entry.files if file.size is not None]
    if not known:
        return UNKNOWN
    return f"{sum(known) / 1e9:.1f} GB" + ("" if len(known) == len(entry.files) else "+")


def _shown_size(size: int | None) -> str:
    """Bytes for people."""
    return UNKNOWN if size is None else f"{size:,} bytes"


@contextlib.contextmanager
def _progress() -> Iterator[Report | None]:
    """Gives the function that shows bytes on stderr, a bar a file; None where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield show
