"""Reading JSON and text with clear errors, and writing so that a reader sees the old content or the new, never half."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from deixis.errors import DataError, InputError

MAX_LINE_BYTES = 1 << 20
LOCK = ".lock"
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def read_json(path: Path, *, unique_keys: bool = False) -> Any:
    """Parse a JSON file.

    Args:
        path: the file.
        unique_keys: refuse an object that has a key twice, of which Python would keep the last one. For files whose
            keys are ids.

    Raises:
        DataError: nothing there, not readable, not JSON, or a key twice.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a JSON file, found {'a folder' if path.is_dir() else 'nothing'} there")
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_unique if unique_keys else None)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON, got something else ({error}); fetch the file again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise DataError(f"expected every record once, got {key!r} a second time; remove one of the two")
        content[key] = value
    return content


def read_lines(path: Path, stream: BinaryIO | None = None) -> Iterator[tuple[int, str]]:
    """Lines of a UTF-8 text, one at a time: number from 1, and text without its line end or a byte order mark.

    Only line feeds end a line (and a carriage return before one goes with it): words of GloVe's files hold other
    characters that Python counts as line ends.

    Args:
        path: the file; a pipe will do.
        stream: read this and take ``path`` for its name only.

    Raises:
        DataError: no such file, not UTF-8, or a line of more than ``MAX_LINE_BYTES``; the message names the line.
    """
    if stream is None:
        if path.is_dir() or not path.exists():
            found = "a folder" if path.is_dir() else "nothing"
            raise DataError(f"{path}: expected a text file, found {found} there")
        with path.open("rb") as handle:
            yield from read_lines(path, handle)
        return
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise DataError(
                f"{path}: line {number}: expected at most {MAX_LINE_BYTES:,} bytes a line, got more; break the lines"
            )
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: line {number}: expected UTF-8 text, got something else ({error})") from error
        yield number, text.rstrip("\r\n")


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Make a folder in one step: yields an empty temporary folder beside it, to be filled.

    When the block ends well the temporary folder becomes ``folder``; when it raises, the temporary folder is removed.

    Raises:
        DataError: there is something at ``folder`` already, said before the block begins; or the disk is full.
    """
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"{folder}: expected the name of a new folder, found something there; choose another name")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            folder.rmdir()
        os.replace(temporary, folder)
    except OSError as error:
        if error.errno is not None and error.errno not in _DISK_ERRORS:  # NumPy's, of a short write, has no number
            raise
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}); free the disk or choose another place"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file in one step: yields a temporary path beside ``path``, to be written by any means.

    When the block ends well the temporary file is flushed to disk and takes the place of ``path``, keeping the
    permissions of an older file. When the block raises, or the disk is full, it is removed and an older file stays
    as it was. Folders that are missing are made. The temporary name has the suffix of ``path``, because some
    writers choose their format by it.

    Example:
        with atomic_write(Path("summary.json")) as temporary:
            temporary.write_text(json.dumps(summary))

    Raises:
        DataError: the file cannot be written (disk full, no permission, a folder of that name).
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{os.urandom(4).hex()}.tmp{path.suffix}")
    try:
        if path.is_dir():
            raise DataError(f"{path}: expected the name of a file to write, found a folder there; choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # Other errors are the block's own, for example an input of it that is missing.
        if error.errno not in _DISK_ERRORS and not _concerns(error, temporary, path):
            raise
        raise DataError(
            f"{path}: cannot be written ({error.strerror or error}); free the disk or choose another place, "
            "what was there before is unchanged"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _concerns(error: OSError, temporary: Path, path: Path) -> bool:
    return error.filename is not None and Path(os.fsdecode(error.filename)) in (temporary, path, *path.parents)


def _flush(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


@contextlib.contextmanager
def folder_lock(folder: Path, what: str, option: str) -> Iterator[None]:
    """Hold a folder, which is made if it is not there; the lock goes away with its process, however that ends.

    Without effect where the system has no ``flock``.

    Args:
        folder: to hold.
        what: is at work there, for the message ("training run").
        option: that names another folder, for the message ("--run").

    Raises:
        InputError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as handle:
        if not take_lock(handle.fileno()):
            raise InputError(
                f"{folder}: another {what} is at work in this folder; wait for it, or choose another with {option}"
            )
        yield


def take_lock(descriptor: int) -> bool:
    """Hold an open file until it is closed; False when another process holds it.

    Always True where the system, or the file's folder, has no ``flock``.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks; working there is better than refusing
        return True
    return True
