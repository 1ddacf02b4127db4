"""The command ``deixis``: thin commands over the Python API, one file a group. Defaults come from the dataclasses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from deixis.cli import (
    ablate,
    batch,
    data,
    embed,
    evaluate,
    explain,
    export,
    figure,
    report,
    score,
    segment,
    serve,
    synthesize,
    train,
    web_export,
)

app = typer.Typer(
    name="deixis",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("segment")(segment.run)
app.command("explain")(explain.run)
app.command("batch")(batch.run)
app.command("evaluate")(evaluate.run)
app.command("score")(score.run)
app.command("report")(report.run)
app.command("figure")(figure.run)
app.command("train")(train.run)
app.command("ablate")(ablate.run)
app.command("export")(export.run)
app.command("synthesize")(synthesize.run)
app.command("serve")(serve.run)
app.command("web-export")(web_export.run)
app.add_typer(embed.app, name="embed")
app.add_typer(data.app, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        from deixis import __version__

        typer.echo(f"deixis {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Point at things in pictures with words."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; leaves with 0, 2 for what the user can mend, 130 on Ctrl-C."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a phrase may hold what the terminal cannot show
    app(args=arguments, prog_name="deixis")
