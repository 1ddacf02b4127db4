"""Archives of strangers: whole, below their folder, of a sane size; otherwise nothing at all changes."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deixis.data.unpack import Limits, unpack
from deixis.errors import DataError

FILES = {"refcoco/refs(unc).p": b"refs" * 1000, "refcoco/instances.json": b"{}", "read me.txt": b""}


def write_zip(
    path: Path, files: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda info: None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, content)
    return path


def write_tar(
    path: Path, files: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda info: None
) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            archive.addfile(info, io.BytesIO(content))
    return path


WRITERS = [(write_zip, "a.zip"), (write_tar, "a.tar"), (write_tar, "a.tar.gz"), (write_tar, "a.tgz")]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with something in it, which a refused archive must not change."""
    folder = tmp_path / "data"
    (folder / "refcoco").mkdir(parents=True)
    (folder / "refcoco" / "instances.json").write_bytes(b"old")
    return folder


def refused(archive: Path, place: Path, message: str, limits: Limits | None = None) -> None:
    before, around = tree(place), sorted(os.listdir(place.parent))
    with pytest.raises(DataError, match=message) as error:
        unpack(archive, place, limits=limits)
    assert str(archive.name) in str(error.value)
    assert tree(place) == before
    assert sorted(os.listdir(place)) == ["refcoco"], "no temporary folder is left"
    assert sorted(os.listdir(place.parent)) == around, "nothing beside the folder"


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_files_are_unpacked_over_what_is_there(
    tmp_path: Path, place: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str
) -> None:
    (place / "refcoco" / "mine.txt").write_bytes(b"mine")
    archive = write(tmp_path / name, FILES)
    seen: list[tuple[int, int | None]] = []
    assert unpack(archive, place, lambda *n: seen.append(n)) == [place / name for name in FILES]
    assert tree(place) == {**FILES, "refcoco/mine.txt": b"mine"}
    assert sorted(os.listdir(place)) == ["read me.txt", "refcoco"]
    assert seen[-1] == (4002, 4002)


def test_folders_and_doubled_names(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as content:
        folder = tarfile.TarInfo("./deep/")
        folder.type = tarfile.DIRTYPE
        content.addfile(folder)
        for text in (b"first", b"second"):
            info = tarfile.TarInfo("./deep/a")
            info.size = len(text)
            content.addfile(info, io.BytesIO(text))
    assert unpack(archive, tmp_path / "new" / "er") == [tmp_path / "new" / "er" / "deep" / "a"]
    assert tree(tmp_path / "new" / "er") == {"deep/a": b"second"}, "the later one counts, as for tar"


@pytest.mark.parametrize(("write", "name"), WRITERS[:2])
@pytest.mark.parametrize("member", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:/evil"])
def test_names_that_leave_the_folder(
    tmp_path: Path, place: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str, member: str
) -> None:
    archive = write(tmp_path / name, {**FILES, member: b"evil"})
    refused(archive, place, "expected names below its folder, got ")


def test_a_name_with_a_zero_byte(tmp_path: Path, place: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"a": b""}, lambda info: info.pax_headers.update(path="a/\0b"))
    refused(archive, place, r"expected names below its folder, got 'a/\\x00b'")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.FIFOTYPE, "device or pipe"),
        (tarfile.CHRTYPE, "device or pipe"),
    ],
)
def test_tar_members_that_are_no_files(tmp_path: Path, place: Path, kind: bytes, said: str) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "evil":
            info.type, info.linkname, info.size = kind, "/etc/passwd", 0

    archive = write_tar(tmp_path / "a.tar", {**FILES, "evil": b""}, change)
    refused(archive, place, f"expected files and folders, got the {said} 'evil'")


@pytest.mark.parametrize(("kind", "said"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFCHR, "device or pipe")])
def test_zip_members_that_are_no_files(tmp_path: Path, place: Path, kind: int, said: str) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        if info.filename == "evil":
            info.create_system, info.external_attr = 3, (kind | 0o777) << 16

    archive = write_zip(tmp_path / "a.zip", {**FILES, "evil": b"/etc/passwd"}, change)
    refused(archive, place, f"expected files and folders, got the {said} 'evil'")


def test_an_encrypted_member(tmp_path: Path, place: Path) -> None:
    content = bytearray(write_zip(tmp_path / "a.zip", {"a": b"x"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", place, "got the encrypted file 'a'")


@pytest.mark.parametrize(("write", "name"), WRITERS[:3])
def test_a_bomb(tmp_path: Path, place: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str) -> None:
    archive = write(tmp_path / name, {"a": bytes(100_000), "b": bytes(100_000)})
    refused(
        archive, place, "expected at most 150,000 bytes unpacked, got more", Limits(ratio=0, bytes_at_least=150_000)
    )
    refused(archive, place, "expected at most 1 members, got more", Limits(members=1))
    assert len(unpack(archive, place, limits=Limits(members=2, ratio=0, bytes_at_least=200_000))) == 2


def test_the_allowed_size_grows_with_the_archive(tmp_path: Path, place: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"a": bytes(1_000_000)})
    refused(archive, place, "bytes unpacked, got more", Limits(ratio=100, bytes_at_least=0))
    assert len(unpack(archive, place, limits=Limits(ratio=2000, bytes_at_least=0))) == 1


def test_a_bomb_that_lies_about_its_size(tmp_path: Path, place: Path) -> None:
    content = bytearray(write_zip(tmp_path / "a.zip", {"a": bytes(1_000_000)}).read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 100)
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", place, "it is damaged", Limits(ratio=0, bytes_at_least=1000))


@pytest.mark.parametrize(("write", "name"), WRITERS[:3])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.8])
def test_a_truncated_archive(
    tmp_path: Path, place: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str, share: float
) -> None:
    archive = write(tmp_path / name, {"a": os.urandom(40_000), "b": os.urandom(40_000)})
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])
    refused(archive, place, "expected a whole archive, it is damaged")


@pytest.mark.parametrize(("write", "name"), WRITERS[:3:2])
def test_a_flipped_byte(
    tmp_path: Path, place: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str
) -> None:
    archive = write(tmp_path / name, {"a": os.urandom(40_000), "b": b"b"})
    content = bytearray(archive.read_bytes())
    content[20_000] ^= 1
    archive.write_bytes(content)
    refused(archive, place, "expected a whole archive, it is damaged")


def test_a_bomb_after_the_end(tmp_path: Path, place: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"a": b"x"})
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(archive.read_bytes() + bytes(3 << 20)))
    archive.unlink()
    refused(tmp_path / "a.tar.gz", place, "it goes on after its end")


def test_a_file_and_a_folder_of_one_name(tmp_path: Path, place: Path) -> None:
    for files in ({"a": b"", "a/b": b""}, {"a/b": b"", "a": b""}):
        refused(write_zip(tmp_path / "a.zip", files), place, "do not trust it")
    refused(
        write_zip(tmp_path / "a.zip", {"new": b"", "refcoco": b""}), place, "a file and a folder of one name; move it"
    )
    refused(write_zip(tmp_path / "a.zip", {"new": b"", "refcoco/instances.json/a": b""}), place, "move it away")


def test_a_folder_that_is_a_link_to_another_disk_is_filled(tmp_path: Path, place: Path) -> None:
    (tmp_path / "disk").mkdir()
    (place / "images").symlink_to(tmp_path / "disk")
    unpack(write_zip(tmp_path / "a.zip", {"images/a.jpg": b"jpg"}), place)
    assert (tmp_path / "disk" / "a.jpg").read_bytes() == b"jpg" and (place / "images").is_symlink()


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"in: cannot unpack a\.zip there"):
        unpack(write_zip(tmp_path / "a.zip", FILES), tmp_path / "file" / "in")
