from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest

from deixis.errors import DataError, InputError
from deixis.files import MAX_LINE_BYTES, atomic_folder, atomic_write, folder_lock, read_json, read_lines


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "one"
    assert names(path.parent) == ["a.txt"]


def test_the_old_file_survives_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise KeyError("the writer's own error")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_interrupt_leaves_no_rubbish(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    message = r"a\.txt: cannot be written \(No space left on device\)"
    with pytest.raises(DataError, match=message), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_found_at_the_flush_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"), atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_errors_about_other_files_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="input"), atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        (tmp_path / "input").read_text()
    with pytest.raises(ConnectionResetError), atomic_write(tmp_path / "a.txt"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"), atomic_write(tmp_path / "a.txt"):
        pass


def test_a_folder_in_the_way_is_explained(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="found a folder"), atomic_write(tmp_path / "folder"):
        pass
    with pytest.raises(DataError, match="cannot be written"), atomic_write(tmp_path / "file" / "a.txt"):
        pass
    assert names(tmp_path) == ["file", "folder"]


def test_permissions_of_the_old_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_writers_that_look_at_the_suffix_work(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.npz") as temporary:
        np.savez(temporary, x=np.arange(3))
    assert names(tmp_path) == ["a.npz"]
    with np.load(tmp_path / "a.npz") as content:
        assert content["x"].tolist() == [0, 1, 2]


def test_read_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, "\\u00e9"]}')
    assert read_json(path) == {"a": [1, "é"]}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"{'a': 1}", b"[" * 100_000])
def test_what_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json: expected JSON"):
        read_json(path)


def test_a_key_that_occurs_twice_is_refused_where_keys_are_ids(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"x": {"1": 2, "1": 3}}')
    assert read_json(path) == {"x": {"1": 3}}
    with pytest.raises(DataError, match=r"a\.json: expected every record once, got '1' a second time"):
        read_json(path, unique_keys=True)
    path.write_text('{"x": {"1": 2}, "y": {"1": 3}}')
    assert read_json(path, unique_keys=True) == {"x": {"1": 2}, "y": {"1": 3}}


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.json: expected a JSON file, found nothing"):
        read_json(tmp_path / "b.json")
    with pytest.raises(DataError, match="found a folder"):
        read_json(tmp_path)


def test_a_folder_has_one_holder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    held = folder_lock(folder, "walk", "--to")
    expected = pytest.raises(InputError, match=r"another walk .* choose another with --to")
    with held, expected, folder_lock(folder, "walk", "--to"):
        pass
    with folder_lock(folder, "walk", "--to"):
        assert folder.is_dir()


# --- lines -------------------------------------------------------------------------------------------------------


def test_lines_end_at_line_feeds_only() -> None:
    content = "\ufeffone\r\ntwo\x85\u2028 \x0c\n\nlast".encode()
    lines = list(read_lines(Path("x"), io.BytesIO(content)))
    assert lines == [(1, "one"), (2, "two\x85\u2028 \x0c"), (3, ""), (4, "last")]
    assert list(read_lines(Path("x"), io.BytesIO(b""))) == []


def test_lines_that_are_no_text_or_too_long_are_named() -> None:
    with pytest.raises(DataError, match="x: line 2: expected UTF-8"):
        list(read_lines(Path("x"), io.BytesIO(b"a\n\xff\n")))
    longest = b"a" * (MAX_LINE_BYTES - 1) + b"\n"
    assert len(list(read_lines(Path("x"), io.BytesIO(longest * 2)))) == 2
    with pytest.raises(DataError, match="x: line 2: expected at most 1,048,576 bytes"):
        list(read_lines(Path("x"), io.BytesIO(longest + b"a" + longest)))


# --- folders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_whole_and_alone(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "deep" / "made"
    if there:
        folder.mkdir(parents=True)
    with atomic_folder(folder) as temporary:
        (temporary / "a").write_text("content")
        assert folder.exists() == there and temporary.parent == folder.parent
    assert names(folder.parent) == ["made"] and (folder / "a").read_text() == "content"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_no_folder(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), atomic_folder(tmp_path / "made") as temporary:
        (temporary / "a").write_text("half")
        raise error
    assert names(tmp_path) == []


def test_what_is_there_is_no_place_for_a_new_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(DataError, match="expected the name of a new folder"), atomic_folder(path):
            pytest.fail("the work must not begin")
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_no_folder_and_is_explained(tmp_path: Path) -> None:
    for error in (OSError(errno.ENOSPC, "No space left on device"), OSError("8 requested and 4 written")):
        with pytest.raises(DataError, match="made: cannot be written"), atomic_folder(tmp_path / "made"):
            raise error
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "made"):
        (tmp_path / "other").read_text()
    assert names(tmp_path) == []
