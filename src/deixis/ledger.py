"""What an evaluation has measured so far: JSON lines, one a picture, so that a killed evaluation goes on.

The first line says what is evaluated. A process that is killed leaves at most one torn line at the end, which is cut
off.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from deixis.errors import DataError, InputError
from deixis.files import take_lock
from deixis.types import Record, Sample


class Ledger:
    """An open ledger; use it as a context manager.

    Args:
        path: the file, made when it is not there.
        about: what is evaluated (model, word vectors, methods, datasets); plain values for JSON.

    Raises:
        InputError: another process writes to it.
        DataError: the file is of another evaluation, or no ledger.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        self._about = json.loads(json.dumps(about))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: IO[bytes] = path.open("a+b", buffering=0)
        try:
            if not take_lock(self._handle.fileno()):
                raise InputError(f"{path}: another evaluation writes to this file; wait for it, or give another one")
            self._done = self._read()
        except BaseException:
            self._handle.close()
            raise
        self._next = 0

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.close()

    def known(self, rows: Sequence[Sample]) -> list[list[Record]] | None:
        """Each method's records of the next picture, or None when it has still to be measured.

        Raises:
            DataError: the ledger has other expressions there.
        """
        if self._next >= len(self._done):
            return None
        entry, self._next = self._done[self._next], self._next + 1
        try:
            same = entry["sentences"] == _sentences(rows)
            records = [[Record(**record) for record in method] for method in entry["records"]]
        except (KeyError, TypeError) as error:
            line = self._next + 1
            raise DataError(f"{self.path}:{line}: expected a picture's records, got something else") from error
        if not same:
            raise DataError(f"{self.path}: picture {self._next} has other expressions than the dataset; {_AGAIN}")
        return records

    def add(self, rows: Sequence[Sample], records: Sequence[Sequence[Record]]) -> None:
        """Keep each method's records of the next picture."""
        entry = {
            "sentences": _sentences(rows),
            "records": [[dataclasses.asdict(record) for record in method] for method in records],
        }
        self._handle.write(json.dumps(entry).encode() + b"\n")

    def _read(self) -> list[Any]:
        """The pictures that the file has; a torn end is cut off, and a new file begins with ``about``."""
        first = json.dumps(self._about).encode() + b"\n"
        self._handle.seek(0)
        content = self._handle.read()
        whole = content.rfind(b"\n") + 1
        if not whole and first.startswith(content):
            self._handle.truncate(0)
            self._handle.write(first)
            return []
        try:
            about, *done = [json.loads(line) for line in content[:whole].splitlines()]
        except ValueError as error:
            raise DataError(f"{self.path}: expected the ledger of an evaluation, got something else") from error
        if about != self._about:
            raise DataError(f"{self.path}: expected the ledger of this evaluation, got that of another; {_AGAIN}")
        self._handle.truncate(whole)
        return done


_AGAIN = "remove the file, or give another one"


def _sentences(rows: Sequence[Sample]) -> list[list[Any]]:
    return [[row.dataset, row.split, row.image_id, row.sent_id, row.phrase] for row in rows]
