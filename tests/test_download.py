"""An entry of the catalogue onto the disk: fetched, unpacked, recorded, and not fetched twice."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deixis.data.catalogue import Entry, RemoteFile
from deixis.data.download import ARCHIVES, download
from deixis.data.fetch import Patience
from deixis.errors import DataError, InputError
from serving import Answer, Site, site

QUICK = Patience(timeout=5, tries=2, pause=0)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    with site() as running:
        yield running


def zipped(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"pictures/{name}", data)
    return content.getvalue()


def entry(web: Site, archive: bytes) -> Entry:
    files = (
        RemoteFile("a.zip", (web.serve("/a.zip", Answer(archive)),), "images"),
        RemoteFile("refs.json", (web.serve("/refs.json", Answer(b"[]")),), "small"),
    )
    return Entry("small", "Two files", "CC0", "https://example.org", files)


def test_archives_are_unpacked_and_files_put_in_place(web: Site, tmp_path: Path) -> None:
    archive = zipped(one=b"1", two=b"22")
    seen: list[tuple[str, int, int | None]] = []
    records = download(entry(web, archive), tmp_path, progress=lambda *n: seen.append(n), patience=QUICK)
    assert (tmp_path / "images" / "pictures" / "two").read_bytes() == b"22"
    assert (tmp_path / "small" / "refs.json").read_bytes() == b"[]"
    assert [json.loads(record.read_text()) for record in records] == [
        {
            "url": f"{web.url}/a.zip",
            "bytes": len(archive),
            "sha256": hashlib.sha256(archive).hexdigest(),
            "unpacked": 2,
        },
        {"url": f"{web.url}/refs.json", "bytes": 2, "sha256": hashlib.sha256(b"[]").hexdigest()},
    ]
    assert not (tmp_path / ARCHIVES / "small" / "a.zip").exists(), "an archive is not kept"
    assert [what for what, *_ in seen] == ["fetch a.zip", "unpack a.zip", "unpack a.zip", "fetch refs.json"]


def test_what_is_complete_is_not_fetched_again(web: Site, tmp_path: Path) -> None:
    first = download(entry(web, zipped(one=b"1")), tmp_path, patience=QUICK)
    web.asked.clear()
    assert download(entry(web, zipped(one=b"2")), tmp_path, patience=QUICK) == first
    assert web.asked == []


def test_one_file_of_several(web: Site, tmp_path: Path) -> None:
    download(entry(web, zipped(one=b"1")), tmp_path, only=["refs.json"], patience=QUICK)
    assert [path for path, _ in web.asked] == ["/refs.json"]
    with pytest.raises(InputError, match=r"small: expected a file of a\.zip, refs\.json; got 'b\.zip'"):
        download(entry(web, b""), tmp_path, only=["b.zip"], patience=QUICK)


def test_a_bad_archive_changes_nothing_and_is_not_recorded(web: Site, tmp_path: Path) -> None:
    evil = io.BytesIO()
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("../evil", b"")
    with pytest.raises(DataError, match=r"a\.zip: expected names below its folder, got '\.\./evil'"):
        download(entry(web, evil.getvalue()), tmp_path, patience=QUICK)
    assert list((tmp_path / "images").iterdir()) == []
    assert not list(tmp_path.rglob("*.zip.json"))


def test_gated_data_says_how_to_ask(tmp_path: Path) -> None:
    gated = Entry("closed", "Gated", "ask", "https://example.org", how_to_ask="write to its authors")
    with pytest.raises(InputError, match="closed: cannot be fetched without asking: write to its authors"):
        download(gated, tmp_path / "new")
    assert not (tmp_path / "new").exists()
