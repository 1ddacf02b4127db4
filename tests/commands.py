"""What the tests of the command line share; the fixtures ``run`` and ``picture`` are in conftest.py."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Outcome]


def refused(outcome: Outcome, *words: str) -> None:
    """The exit code of a user's mistake, and one clear line."""
    assert outcome.code == 2
    assert outcome.err.startswith("deixis: ") and outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def size_of(path: str | Path) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(path) as image:
        return image.size


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


# A runner in the background ignores Ctrl-C, and its children would too.
HEAR_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def deixis_process(*arguments: str, code: str = "from deixis.cli import main; main()") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HEAR_CTRL_C + code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def finished(process: subprocess.Popen[str]) -> Iterator[tuple[int, str]]:
    with process:
        error = process.stderr.read() if process.stderr else ""
        yield process.wait(timeout=60), error
