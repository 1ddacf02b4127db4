"""One run a folder: a lock that goes away with its process, however that ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from deixis.errors import CheckpointError

NAME = ".lock"


@contextlib.contextmanager
def run_lock(run: Path) -> Iterator[None]:
    """Hold the folder ``run``, which is made if it is not there. Without effect where the system has no ``flock``.

    Raises:
        CheckpointError: another process holds it.
    """
    run.mkdir(parents=True, exist_ok=True)
    with (run / NAME).open("w") as handle:
        _take(handle.fileno(), run)
        yield


def _take(descriptor: int, run: Path) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CheckpointError(
            f"{run}: another training run is at work in this folder; wait for it, or choose another with --run"
        ) from error
    except OSError:  # some network file systems have no locks; training there is better than refusing
        return
