"""What the commands share: errors at the border, short phrases, and progress."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec

import typer

from deixis.devices import DeviceWarning
from deixis.errors import DeixisError, MissingExtra

P = ParamSpec("P")
USER_ERROR, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Turn what a user can mend into one line on stderr and an exit code, without a traceback."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with _warnings_as_notes():
                function(*args, **kwargs)
            sys.stdout.flush()
        except DeixisError as error:
            _fail(str(error))
        except MemoryError:
            _fail("not enough memory for this; use a smaller picture")
        except KeyboardInterrupt:
            typer.echo("deixis: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read the output left. Python flushes once more at its end, which then must not fail either.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None
        except OSError as error:
            if error.filename is None:
                raise
            _fail(f"{error.filename}: {error.strerror or error}")

    return run


def note(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"deixis: {' '.join(message.split())}", err=True)


@contextlib.contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Our own warnings without the line of code that Python shows with a warning."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def tell(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, DeviceWarning):
                note(str(message))
            else:
                show(message, category, *where, **more)

        warnings.showwarning = tell
        yield


def _fail(message: str) -> None:
    note(message)
    raise typer.Exit(USER_ERROR) from None


@contextlib.contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Name the extra to install when an import in the block fails for a package that is not deixis's own.

    Raises:
        MissingExtra: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "deixis"):
            raise
        raise MissingExtra(package, extra) from error


def shorten(phrase: str, length: int = 60) -> str:
    """A phrase for one line of output: blanks joined, what cannot be printed replaced, cut to ``length``."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(phrase.split()))
    return line if len(line) <= length else line[: length - 3] + "..."


@contextlib.contextmanager
def counter(what: str) -> Iterator[Callable[[int], object]]:
    """Gives a function that counts what is done; shown on stderr, and only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done: progress.advance(task, done)
