"""Unpacking archives of strangers: nothing outside of the folder, nothing but files and folders, all or nothing."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from deixis.errors import DataError

Progress = Callable[[int, int | None], object]  # bytes done, bytes in all where known
CHUNK = 1 << 20  # bytes read at a time
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
)


@dataclass(frozen=True)
class Limits:
    """What an archive may become, so that a small one cannot fill the disk.

    Attributes:
        members: files and folders.
        ratio: bytes unpacked per byte of the archive. Text and pictures stay far below this; deflate can reach 1,000.
        bytes_at_least: unpacked bytes that any archive may have, however small it is.
    """

    members: int = 2_000_000
    ratio: int = 100
    bytes_at_least: int = 1 << 28


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    kind: str  # "file", "folder", or what it is instead
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, progress: Progress | None = None, limits: Limits | None = None) -> list[Path]:
    """Unpack a .zip or (compressed) .tar file into a folder, over what is there; permissions are not taken over.

    Everything is checked first and written beside its place; only what is complete is moved there.

    Args:
        archive: the file.
        folder: where its members go; made when missing.
        progress: called with the bytes done and in all.
        limits: what it may become.

    Returns:
        The files, in the archive's order.

    Raises:
        DataError: damaged, larger than the limits, or with a member that leaves the folder or is no file or folder
            (a link, a device); the folder is then as it was.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder) as temporary:
            with _opened(archive) as members:
                checked = _checked(archive, members, limits or Limits())
                names = _write(archive, checked, Path(temporary), progress)
            _check_places(archive, names, folder)
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(Path(temporary, name), folder / name)  # a folder there may be a link to another disk
    except _DAMAGED as error:
        raise DataError(f"{archive}: expected a whole archive, it is damaged ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{folder}: cannot unpack {archive.name} there ({error.strerror or error})") from error
    return [folder / name for name in names]


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Member]]:
    with archive.open("rb") as handle:
        is_zip = handle.read(4) in _ZIP_STARTS
    if is_zip:
        with zipfile.ZipFile(archive) as zipped:
            yield (_zip_member(zipped, info) for info in zipped.infolist())
    else:
        with tarfile.open(archive) as tarred:
            yield (_tar_member(tarred, info) for info in tarred)
            if tarred.fileobj is not None and len(tarred.fileobj.read(CHUNK)) == CHUNK:  # gzip's checksum is the end
                raise tarfile.ReadError("it goes on after its end")


def _zip_member(content: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = "folder" if info.is_dir() else "file"
    unix = stat.S_IFMT(info.external_attr >> 16)
    if unix not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "symbolic link" if unix == stat.S_IFLNK else "device or pipe"
    if info.flag_bits & 1:
        kind = "encrypted file"
    return _Member(info.filename, info.file_size, kind, lambda: content.open(info))


def _tar_member(content: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    kind = "device or pipe"
    for known, name in ((info.isreg(), "file"), (info.isdir(), "folder"), (info.issym(), "symbolic link")):
        kind = name if known else kind
    return _Member(info.name, info.size, "hard link" if info.islnk() else kind, lambda: content.extractfile(info))


def _checked(archive: Path, members: Iterator[_Member], limits: Limits) -> list[_Member]:
    """All members, when none is dangerous and their declared sizes are within the limits."""
    allowed = max(limits.bytes_at_least, limits.ratio * archive.stat().st_size)
    checked, total = [], 0
    for member in itertools.islice(members, limits.members + 1):
        _check_member(archive, member)
        total += member.size
        if total > allowed:
            raise DataError(
                f"{archive}: expected at most {allowed:,} bytes unpacked, got more; it is not what it says it is"
            )
        checked.append(member)
    if len(checked) > limits.members:
        raise DataError(f"{archive}: expected at most {limits.members:,} members, got more; do not trust it")
    return checked


def _check_member(archive: Path, member: _Member) -> None:
    name = PurePosixPath(member.name)
    foreign = "\\" in member.name or "\0" in member.name or ":" in member.name.partition("/")[0]
    if name.is_absolute() or ".." in name.parts or foreign:
        raise DataError(f"{archive}: expected names below its folder, got {member.name!r}; do not trust it")
    if member.kind not in ("file", "folder"):
        raise DataError(
            f"{archive}: expected files and folders, got the {member.kind} {member.name!r}; do not trust it"
        )


def _write(archive: Path, members: list[_Member], folder: Path, progress: Progress | None) -> list[PurePosixPath]:
    """Write the files below ``folder``; their names, each once. What a member declares is all that is read of it."""
    names: dict[PurePosixPath, None] = {}
    done, total = 0, sum(member.size for member in members)
    for member in members:
        name, source = PurePosixPath(member.name), member.open() if member.kind == "file" else None
        if source is None or not name.parts:
            continue
        names[name] = None
        with source, _target(archive, folder / name).open("wb") as target:
            left = member.size
            while chunk := source.read(min(CHUNK, left)):
                target.write(chunk)
                left -= len(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
        if left:
            raise DataError(f"{archive}: {member.name}: expected {member.size:,} bytes, {left:,} are missing")
    return list(names)


def _target(archive: Path, path: Path) -> Path:
    """The place of a file, its folders made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{archive}: {path.name} lies in a folder of the name of a file; do not trust it") from error
    if path.is_dir():
        raise DataError(f"{archive}: {path.name} is a file and a folder; do not trust it")
    return path


def _check_places(archive: Path, names: list[PurePosixPath], folder: Path) -> None:
    """That every file can take its place, before the first one does."""
    for name in names:
        parents = [folder / parent for parent in name.parents]
        if (folder / name).is_dir() or any(parent.exists() and not parent.is_dir() for parent in parents):
            raise DataError(
                f"{archive}: cannot put {name} into {folder}: a file and a folder of one name; move it away"
            )
