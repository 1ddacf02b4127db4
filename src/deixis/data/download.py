"""Public data onto this disk: each file of a catalogue entry is fetched, verified, unpacked and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from deixis.data.catalogue import Entry, RemoteFile
from deixis.data.fetch import Patience, fetch, sha256_of
from deixis.data.unpack import Progress, unpack
from deixis.errors import InputError
from deixis.files import atomic_write

Report = Callable[[str, int, int | None], object]  # what is done, bytes done, bytes in all where known
ARCHIVES = ".downloads"  # folder below the data root for archives and for the records of what was fetched


def download(
    entry: Entry,
    root: Path,
    only: Sequence[str] = (),
    progress: Report | None = None,
    patience: Patience | None = None,
) -> list[Path]:
    """Fetch an entry's files and unpack its archives below ``root``; what is there already is not fetched again.

    Args:
        entry: of the catalogue.
        root: the data folder: ``images/`` and a folder a dataset.
        only: names of files; all when empty.
        progress: called with what is done ("fetch refcoco.zip"), the bytes done and those in all.
        patience: with the servers.

    Returns:
        A record of each file: JSON with its address, size and SHA-256.

    Raises:
        InputError: a file of ``only`` is none of the entry's, or nobody may fetch the data without asking.
        DataError: no mirror gave the file, it is not the published one, or the archive cannot be unpacked.
    """
    if not entry.files:
        raise InputError(f"{entry.name}: cannot be fetched without asking: {entry.how_to_ask}")
    names = [file.name for file in entry.files]
    for name in only:
        if name not in names:
            raise InputError(f"{entry.name}: expected a file of {', '.join(names)}; got {name!r}")
    wanted = [file for file in entry.files if not only or file.name in only]
    return [_fetch_and_unpack(file, root, root / ARCHIVES / entry.name, progress, patience) for file in wanted]


def _fetch_and_unpack(
    file: RemoteFile,
    root: Path,
    archives: Path,
    progress: Report | None,
    patience: Patience | None,
) -> Path:
    record = archives / f"{file.name}.json"
    if record.is_file():
        return record

    def show(what: str) -> Progress | None:
        return None if progress is None else lambda done, total: progress(f"{what} {file.name}", done, total)

    path, url = fetch(file, archives if file.is_archive else root / file.into, show("fetch"), patience)
    about = {"url": url, "bytes": path.stat().st_size, "sha256": file.sha256 or sha256_of(path)}
    if file.is_archive:
        about["unpacked"] = len(unpack(path, root / file.into, show("unpack")))
        path.unlink()
    with atomic_write(record) as temporary:
        temporary.write_text(json.dumps(about, indent=1))
    return record
