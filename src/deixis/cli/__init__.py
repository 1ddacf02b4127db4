"""The command ``deixis``: thin commands over the Python API, one file a group. Defaults come from the dataclasses."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

# Each is the function ``run`` of the module of its name, or the commands of its ``app``.
COMMANDS = (
    "segment",
    "explain",
    "batch",
    "evaluate",
    "score",
    "report",
    "figure",
    "train",
    "ablate",
    "export",
    "synthesize",
    "serve",
    "web-export",
)
GROUPS = ("embed", "data")


def make_app(names: Sequence[str] = (*COMMANDS, *GROUPS)) -> typer.Typer:
    """The command line with these commands; only their modules are imported."""
    app = typer.Typer(
        name="deixis",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        module = importlib.import_module(f"deixis.cli.{name.replace('-', '_')}")
        if name in GROUPS:
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.run)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from deixis import __version__

        typer.echo(f"deixis {__version__}")
        raise typer.Exit


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
    first = (sys.argv[1:] if arguments is None else arguments)[:1]
    known = set(first) & {*COMMANDS, *GROUPS}  # without one, help and suggestions need them all
    app = make_app(tuple(known)) if known else make_app()
    app(args=arguments, prog_name="deixis")
