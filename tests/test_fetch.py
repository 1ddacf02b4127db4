"""Fetching from good and bad servers: resumed, verified, from the next mirror, never half a file in its place."""

from __future__ import annotations

import hashlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deixis.data.catalogue import RemoteFile
from deixis.data.fetch import Patience, fetch, sha256_of
from deixis.errors import DataError
from serving import Answer, Site, site

BODY = bytes(range(256)) * 40
OTHER = BODY[::-1]
QUICK = Patience(timeout=5, tries=3, pause=0)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    with site() as running:
        yield running


def remote(*urls: str, size: int | None = None, sha256: str | None = None) -> RemoteFile:
    return RemoteFile("a.bin", urls, "", size, sha256)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_and_nothing_else_is_left(web: Site, tmp_path: Path) -> None:
    url = web.serve("/a", Answer(BODY))
    seen: list[tuple[int, int | None]] = []
    path, source = fetch(
        remote(url, size=len(BODY), sha256=digest(BODY)), tmp_path / "new", lambda *n: seen.append(n), QUICK
    )
    assert (path, source) == (tmp_path / "new" / "a.bin", url)
    assert path.read_bytes() == BODY and names(path.parent) == ["a.bin"]
    assert seen[-1] == (len(BODY), len(BODY)) and seen == sorted(seen)
    assert sha256_of(path) == digest(BODY)


def test_what_is_there_is_not_fetched_again(web: Site, tmp_path: Path) -> None:
    url = web.serve("/a", Answer(BODY))
    (tmp_path / "a.bin").write_bytes(BODY)
    assert fetch(remote(url, sha256=digest(BODY)), tmp_path, patience=QUICK) == (tmp_path / "a.bin", "")
    assert web.asked == []
    (tmp_path / "a.bin").write_bytes(OTHER)
    fetch(remote(url, sha256=digest(BODY)), tmp_path, patience=QUICK)
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("validator", [{"etag": '"x"'}, {"etag": "", "modified": "Tue, 01 Nov 2022 10:00:00 GMT"}])
def test_a_broken_connection_is_gone_on_with(web: Site, tmp_path: Path, validator: dict[str, str]) -> None:
    url = web.serve(
        "/a", Answer(BODY, send=5000, **validator), Answer(BODY, send=700, **validator), Answer(BODY, **validator)
    )
    path, _ = fetch(remote(url), tmp_path, patience=QUICK)
    assert path.read_bytes() == BODY
    assert web.asked == [("/a", None), ("/a", "bytes=5000-"), ("/a", "bytes=5700-")]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(web: Site, tmp_path: Path) -> None:
    first, second = web.serve("/a", Answer(status=404)), web.serve("/b", Answer(BODY, send=4000), Answer(status=503))
    with pytest.raises(
        DataError, match=r"a\.bin: no mirror gave it .*HTTP 404.*HTTP 503.*3 times.*4,000 bytes are kept"
    ):
        fetch(remote(first, second), tmp_path, patience=QUICK)
    assert names(tmp_path) == [".a.bin.part", ".a.bin.part.json"]
    web.asked.clear()
    web.serve("/b", Answer(BODY))
    path, source = fetch(remote(first, second), tmp_path, patience=QUICK)
    assert path.read_bytes() == BODY and source == second
    assert web.asked == [("/b", "bytes=4000-")], "the mirror that began comes first"
    assert names(tmp_path) == ["a.bin"]


def test_a_complete_part_is_only_verified(web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = web.serve("/a", Answer(BODY))
    monkeypatch.setattr("os.replace", interrupted_at_the_end())
    with pytest.raises(KeyboardInterrupt):
        fetch(remote(url), tmp_path, patience=QUICK)
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    assert fetch(remote(url), tmp_path, patience=QUICK)[0].read_bytes() == BODY
    assert len(web.asked) == 1


def interrupted_at_the_end() -> object:
    import os

    replace = os.replace

    def stop(source: Path, target: Path) -> None:
        if Path(source).name == ".a.bin.part":
            raise KeyboardInterrupt
        replace(source, target)

    return stop


def test_a_server_without_ranges_starts_over(web: Site, tmp_path: Path) -> None:
    url = web.serve("/a", Answer(BODY, send=5000), Answer(BODY, ranges=False))
    assert fetch(remote(url), tmp_path, patience=QUICK)[0].read_bytes() == BODY
    assert web.asked[1] == ("/a", "bytes=5000-")


def test_a_server_without_validators_is_asked_for_the_whole(web: Site, tmp_path: Path) -> None:
    url = web.serve("/a", Answer(BODY, etag='W/"1"', send=5000), Answer(BODY, etag=""))
    assert fetch(remote(url), tmp_path, patience=QUICK)[0].read_bytes() == BODY
    assert web.asked[1] == ("/a", None)


@pytest.mark.parametrize(
    "later",
    [
        Answer(OTHER, etag='"2"'),  # answers 200 as If-Range asks
        Answer(OTHER, etag='"2"', believes=True),  # gives the range of another file
        Answer(OTHER + OTHER, etag="", believes=True),  # of another length, without a tag
        Answer(OTHER[:3000], etag='"2"', believes=True),  # shorter than what we have: 416
    ],
)
def test_a_file_that_changed_starts_over(web: Site, tmp_path: Path, later: Answer) -> None:
    url = web.serve("/a", Answer(BODY, send=5000), later)
    assert fetch(remote(url), tmp_path, patience=QUICK)[0].read_bytes() == later.body


def test_the_next_mirror_is_tried(web: Site, tmp_path: Path) -> None:
    lost, good = web.serve("/lost", Answer(status=404)), web.serve("/b", Answer(BODY))
    path, source = fetch(remote(lost, good), tmp_path, patience=QUICK)
    assert (path.read_bytes(), source) == (BODY, good)
    assert [asked for asked, _ in web.asked] == ["/lost", "/b"], "a 404 is not asked again"


def test_a_redirect_is_followed_also_for_a_range(web: Site, tmp_path: Path) -> None:
    web.serve("/real", Answer(BODY, send=100), Answer(BODY))
    url = web.serve("/a", Answer(location="/real"))
    assert fetch(remote(url), tmp_path, patience=QUICK)[0].read_bytes() == BODY
    assert web.asked[-1] == ("/real", "bytes=100-")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(OTHER), r"expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}"),
        (Answer(BODY + b"x"), "expected 10,240 bytes, it offers 10,241"),
        (Answer(BODY, length="9000"), "expected 10,240 bytes, it offers 9,000"),
        (Answer(BODY, length="20000"), "expected 10,240 bytes, it offers 20,000"),
        (Answer(BODY + b"x", length=""), "expected 10,240 bytes, got 10,241"),
        (Answer(BODY[:-1], length=""), "the connection ended after 10,239 of 10,240 bytes, 3 times"),
        (Answer(status=403), "HTTP 403 Forbidden"),
        (Answer(status=500), "HTTP 500 Internal Server Error, 3 times"),
    ],
)
def test_a_wrong_file_is_never_put_in_place(web: Site, tmp_path: Path, answer: Answer, message: str) -> None:
    bad, good = web.serve("/bad", answer), web.serve("/good", Answer(BODY))
    with pytest.raises(DataError, match=message):
        fetch(remote(bad, size=len(BODY), sha256=digest(BODY)), tmp_path, patience=QUICK)
    assert "a.bin" not in names(tmp_path)
    known = remote(bad, good, size=len(BODY), sha256=digest(BODY))
    assert fetch(known, tmp_path, patience=QUICK)[0].read_bytes() == BODY


def test_more_is_promised_than_sent(web: Site, tmp_path: Path) -> None:
    url = web.serve("/a", Answer(BODY, length="20000", etag=""))
    with pytest.raises(DataError, match=r"the connection ended after 10,240 of 20,000 bytes, 3 times\)$"):
        fetch(remote(url), tmp_path, patience=QUICK)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>gone", b"\n<HTML lang=en>sorry"])
def test_a_page_instead_of_the_file_is_seen(web: Site, tmp_path: Path, page: bytes) -> None:
    with pytest.raises(DataError, match="expected the file, got a web page"):
        fetch(remote(web.serve("/a", Answer(page))), tmp_path, patience=QUICK)


def test_no_server_and_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DataError, match=r"the connection broke \(timed out\), 2 times"):
            fetch(remote(f"http://127.0.0.1:{port}/a"), tmp_path, patience=Patience(0.05, 2, 0))
    with pytest.raises(DataError, match=r"no connection \(.*refused"):
        fetch(remote(f"http://127.0.0.1:{port}/a"), tmp_path, patience=QUICK)


def test_the_pauses_grow(web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with pytest.raises(DataError, match="HTTP 503"):
        fetch(remote(web.serve("/a", Answer(status=503))), tmp_path, patience=Patience(5, 4, 1.5))
    assert pauses == [1.5, 3, 6]


def test_a_damaged_note_about_a_part_starts_over(web: Site, tmp_path: Path) -> None:
    (tmp_path / ".a.bin.part").write_bytes(OTHER[:100])
    for note in ("{", '{"url": 1}'):
        (tmp_path / ".a.bin.part.json").write_text(note)
        assert fetch(remote(web.serve("/a", Answer(BODY))), tmp_path, patience=QUICK)[0].read_bytes() == BODY
        (tmp_path / "a.bin").rename(tmp_path / ".a.bin.part")


def test_a_folder_that_cannot_be_written(web: Site, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"file/a\.bin: cannot be written \(.*\); free the disk or choose another folder"
    ):
        fetch(remote(web.serve("/a", Answer(BODY))), tmp_path / "file", patience=QUICK)


ANSWERS = st.builds(
    Answer,
    body=st.sampled_from([BODY, OTHER, BODY[:4000], b"<html>busy"]),
    etag=st.sampled_from(['"1"', '"2"', 'W/"1"', ""]),
    status=st.sampled_from([200, 200, 200, 404, 503]),
    send=st.none() | st.integers(0, len(BODY)),
    length=st.sampled_from([None, None, "", "3000"]),
    ranges=st.booleans(),
    believes=st.booleans(),
)


@settings(max_examples=25)
@given(first=st.lists(ANSWERS, max_size=4), second=st.lists(ANSWERS, max_size=4))
def test_whatever_servers_do_the_file_is_the_published_one_or_not_there(
    first: list[Answer], second: list[Answer]
) -> None:
    with site() as web, tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        urls = web.serve("/a", *first, Answer(BODY)), web.serve("/b", *second, Answer(BODY))
        file = remote(*urls, sha256=digest(BODY))
        for _ in range(12):  # each call takes at least one answer from a script, and the last answer is good
            try:
                path, _ = fetch(file, Path(folder), patience=Patience(timeout=5, tries=2, pause=0))
            except DataError:
                assert "a.bin" not in names(Path(folder))
            else:
                assert path.read_bytes() == BODY and names(Path(folder)) == ["a.bin"]
                return
    pytest.fail("the good answer was never taken")
