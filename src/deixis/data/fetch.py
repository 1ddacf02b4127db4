"""Fetching one file over HTTP: mirrors in turn, resumed where a connection broke, verified.

A file that is not complete lies beside its place as ``.NAME.part``, with where it came from in ``.NAME.part.json``. It
is continued only when the server says by its ETag or date that the file is still the same one.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from email.message import Message
from http import HTTPStatus
from pathlib import Path

from deixis.data.catalogue import RemoteFile
from deixis.data.unpack import CHUNK, Progress
from deixis.errors import DataError
from deixis.files import atomic_write, read_json

_LATER = (408, 425, 429, 500, 502, 503, 504)  # HTTP statuses that may pass


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes:
        timeout: seconds without a byte.
        tries: connections to one mirror.
        pause: seconds before the second connection; twice as long before each further one.
    """

    timeout: float = 30.0
    tries: int = 5
    pause: float = 1.0


class _BrokeOff(Exception):  # noqa: N818 - it is no error yet
    """A connection ended early; another one may go on."""


class _Changed(_BrokeOff):
    """The server has another file now than the one whose beginning we have."""


class _Refused(Exception):  # noqa: N818
    """A mirror cannot give the file."""


@dataclass(frozen=True)
class _Origin:
    """Where the bytes of a part come from; a server that gives the same validator still has the same file."""

    url: str
    validator: str
    total: int | None


class _Part:
    """The beginning of a file, on disk."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f".{target.name}.part")
        self.about = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def origin(self) -> _Origin | None:
        """None when there is nothing that can be gone on with."""
        if not self.size or not self.about.is_file():
            return None
        with contextlib.suppress(DataError, TypeError):  # written by another version: start over
            return _Origin(**read_json(self.about))
        return None

    def begin(self, origin: _Origin | None) -> None:
        """Forget what there is; without a validator the next bytes cannot be gone on with."""
        self.discard()
        if origin is not None:
            with atomic_write(self.about) as temporary:
                temporary.write_text(json.dumps(asdict(origin)))

    def discard(self) -> None:
        self.about.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def fetch(
    file: RemoteFile, folder: Path, progress: Progress | None = None, patience: Patience | None = None
) -> tuple[Path, str]:
    """Fetch one file into ``folder``, going on where an earlier call broke off.

    Returns:
        Its path, and the address that it came from ("" when it was there already).

    Raises:
        DataError: no mirror gave it; the message says what each one answered.
    """
    target = folder / file.name
    if target.is_file() and not _flaw(target, file):
        return target, ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return target, _from_mirrors(target, file, progress, patience or Patience())
    except OSError as error:  # what the network does wrong has become an answer of a mirror
        raise DataError(
            f"{target}: cannot be written ({error.strerror or error}); free the disk or choose another folder"
        ) from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _flaw(path: Path, file: RemoteFile) -> str:
    """What tells this content from the published one; "" for nothing."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"expected {file.size:,} bytes, got {size:,}"
    with path.open("rb") as handle:
        if handle.read(64).lstrip().lower().startswith((b"<!doctype", b"<html")):
            return "expected the file, got a web page"
    if file.sha256 is not None and (digest := sha256_of(path)) != file.sha256:
        return f"expected SHA-256 {file.sha256}, got {digest}"
    return ""


def _from_mirrors(target: Path, file: RemoteFile, progress: Progress | None, patience: Patience) -> str:
    """Put the file in its place; the address that gave it."""
    part = _Part(target)
    begun = part.origin()
    answers = []
    for url in sorted(file.urls, key=lambda url: begun is None or url != begun.url):  # first where it broke off
        try:
            _from_mirror(url, file, part, progress, patience)
        except _Refused as answer:
            answers.append(f"{url}: {answer}")
        else:
            os.replace(part.path, target)
            part.discard()
            return url
    kept = f"; {part.size:,} bytes are kept, the same command goes on from there" if part.origin() else ""
    raise DataError(f"{target}: no mirror gave it ({'; '.join(answers)}){kept}")


def _from_mirror(url: str, file: RemoteFile, part: _Part, progress: Progress | None, patience: Patience) -> None:
    """Bring the whole, verified file into ``part``.

    Raises:
        _Refused: this mirror cannot give it.
    """
    reason = ""
    for attempt in range(patience.tries):
        if attempt:
            time.sleep(patience.pause * 2 ** (attempt - 1))
        try:
            _receive(url, file, part, progress, patience.timeout)
        except _BrokeOff as broken:
            reason = str(broken)
            if isinstance(broken, _Changed):
                part.discard()
            continue
        flaw = _flaw(part.path, file)
        if flaw:
            part.discard()
            raise _Refused(flaw)
        return
    raise _Refused(f"{reason}, {patience.tries} times")


def _receive(url: str, file: RemoteFile, part: _Part, progress: Progress | None, timeout: float) -> None:
    """One connection: go on with ``part``, or start over where the server has another file or knows no ranges."""
    begun = part.origin()
    if begun is not None and begun.url != url:
        begun = None
    if begun is not None and part.size == begun.total:
        return
    offset = part.size if begun is not None else 0
    with _opened(url, begun, offset, timeout) as response:
        goes_on = begun is not None and response.status == HTTPStatus.PARTIAL_CONTENT
        if begun is not None and goes_on and not _continues(response.headers, begun, offset):
            raise _Changed("the file changed while it was fetched")
        total = begun.total if begun is not None and goes_on else _length(response.headers)
        if file.size is not None and total not in (None, file.size):
            raise _Refused(f"expected {file.size:,} bytes, it offers {total:,}")
        if not goes_on:
            offset = 0
            part.begin(_origin(url, response.headers, total))
        _append(response, part.path, offset, total or file.size, progress)


@contextlib.contextmanager
def _opened(url: str, begun: _Origin | None, offset: int, timeout: float) -> Iterator[http.client.HTTPResponse]:
    """The server's answer, whole or from ``offset`` on.

    Raises:
        _BrokeOff: no answer, or one that may be another next time.
        _Refused: an answer that will be the same next time.
    """
    headers = {"User-Agent": "deixis"}
    if begun is not None:
        headers |= {"Range": f"bytes={offset}-", "If-Range": begun.validator}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        error.close()
        answer = f"HTTP {error.code} {error.reason}"
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and begun is not None:
            raise _Changed(answer) from error
        raise (_BrokeOff(answer) if error.code in _LATER else _Refused(answer)) from error
    except urllib.error.URLError as error:
        raise _Refused(f"no connection ({error.reason})") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _BrokeOff(f"the connection broke ({error or type(error).__name__})") from error


def _append(
    response: http.client.HTTPResponse, path: Path, offset: int, total: int | None, progress: Progress | None
) -> None:
    done = offset
    with path.open("ab") as target:
        while chunk := response.read1(CHUNK):
            target.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    if total is not None and done < total:
        raise _BrokeOff(f"the connection ended after {done:,} of {total:,} bytes")


def _origin(url: str, headers: Message, total: int | None) -> _Origin | None:
    """None when the server gives nothing by which the file can be told from another one of its name."""
    tag = headers.get("ETag", "")
    validator = tag if tag.startswith('"') else headers.get("Last-Modified", "")  # a weak tag (W/) does not do
    return _Origin(url, validator, total) if validator else None


def _length(headers: Message) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isdecimal() else None


def _continues(headers: Message, begun: _Origin, offset: int) -> bool:
    """Whether a partial answer is the rest of what we have; for servers that do not look at If-Range."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if span is None or int(span[1]) != offset or (begun.total and span[2] not in ("*", str(begun.total))):
        return False
    given = headers.get("ETag" if begun.validator.startswith('"') else "Last-Modified")
    return given in (None, begun.validator)
