"""The manifest of a bulk run: JSON lines in the order of the input, appended photo by photo; where a run goes on.

A photo's lines are written in one piece after its masks, so a process that is killed leaves at most one torn photo
at the end; that is cut off, and its masks are written again with the same bytes.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from deixis.data.requests import Request, Requests
from deixis.errors import DataError
from deixis.files import atomic_write, read_json

Row = dict[str, Any]
FLUSH_SECONDS = 1.0  # a power failure loses at most this much work; a killed process loses none that is written


class Manifest:
    """An open manifest, at its end after ``resume``.

    Args:
        path: the file, made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.photos = self.phrases = self.failures = 0  # that the file holds
        self._handle: IO[bytes] = path.open("a+b", buffering=0)
        self._flushed = time.monotonic()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync(self._handle.fileno())
        self._handle.close()

    def resume(self, requests: Requests) -> Iterator[Request]:
        """Cut off what is torn, and give the requests that have no lines yet.

        Raises:
            DataError: the lines are those of another input.
        """
        pending = iter(requests)
        end = 0
        with self.path.open("rb") as lines:
            for request in pending:
                rows = [_whole(lines.readline()) for _ in request.phrases]
                if any(row is None for row in rows):
                    pending = itertools.chain([request], pending)
                    break
                self._check(request, rows)
                self._count([row for row in rows if row is not None])
                end = lines.tell()
            else:
                if _whole(lines.readline()) is not None:
                    raise DataError(
                        f"{self.path}: expected lines of the {requests.count} photos of the input, found more; "
                        "the input has lost photos since the run began: choose another folder with --out"
                    )
        self._handle.truncate(end)
        return pending

    def append(self, rows: Sequence[Row]) -> None:
        """Add a photo's lines."""
        data = "".join(json.dumps(row) + "\n" for row in rows).encode("ascii")  # any file name can be written so
        while data:
            data = data[self._handle.write(data) :]
        self._count(rows)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            os.fsync(self._handle.fileno())
            self._flushed = time.monotonic()

    def rows(self) -> Iterator[Row]:
        """All lines, parsed one after another."""
        with self.path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)

    def _check(self, request: Request, rows: Sequence[Row | None]) -> None:
        for row, phrase in zip(rows, request.phrases, strict=True):
            asked = (request.image, phrase)
            found = (row.get("image"), row.get("phrase")) if row is not None else None
            if found != asked:
                raise DataError(
                    f"{self.path}:{self.phrases + 1}: expected the line of {asked}, found that of {found}; the input "
                    "has changed since the run began: choose another folder with --out"
                )

    def _count(self, rows: Sequence[Row]) -> None:
        self.photos += 1
        self.phrases += len(rows)
        self.failures += sum("error" in row for row in rows)


def check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Refuse to go on with a run that was begun with other settings; those of a new run are written down.

    Raises:
        DataError: they differ, or the file is damaged.
    """
    if not path.exists():
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    begun = read_json(path)
    for name, value in settings.items():
        if not isinstance(begun, dict) or begun.get(name) != value:
            there = begun.get(name) if isinstance(begun, dict) else begun
            raise DataError(
                f"{path}: this folder's run was begun with {name} = {there!r:.80}, now it is {value!r:.80}; go on with "
                "the same settings, or choose another folder with --out"
            )


def write_results(path: Path, rows: Iterable[Row], phrases: tuple[str, ...]) -> None:
    """COCO results; category_id is the phrase's position in the list of phrases, 0 for a photo's own phrase."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        separator = "[\n"
        for row in rows:
            if "segmentation" in row:
                category = phrases.index(row["phrase"]) + 1 if row["phrase"] in phrases else 0
                result = {key: row[key] for key in ("image_id", "segmentation", "bbox", "area", "score", "phrase")}
                handle.write(separator + json.dumps({**result, "category_id": category}))
                separator = ",\n"
        handle.write("[]\n" if separator == "[\n" else "\n]\n")


def _whole(line: bytes) -> Row | None:
    """A line's object; None when it is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
