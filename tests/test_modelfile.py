from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deixis.errors import CheckpointError
from deixis.modelfile import FORMAT, MEMBERS, ModelFile
from fakes import CONFIG, colour_vectors

MODEL = ModelFile(CONFIG, b"image" * 1000, b"phrase" * 1000, "0123456789abcdef", {"steps": 7, "note": "caf\u00e9"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "a.deixis"
    MODEL.write(target)
    return target


def rewrite(path: Path, changes: dict[str, bytes | None]) -> None:
    """Replace members of the archive, or leave them out where the change is None."""
    with zipfile.ZipFile(path) as archive:
        contents: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()} | changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            if content is not None:
                archive.writestr(name, content)


def header(path: Path, **changes: Any) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return json.dumps({**json.loads(archive.read("model.json")), **changes}).encode()


def test_a_round_trip(path: Path) -> None:
    assert ModelFile.read(path) == MODEL


def test_the_same_model_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    MODEL.write(tmp_path / "b.deixis")
    assert (tmp_path / "b.deixis").read_bytes() == path.read_bytes()


def test_another_model_gives_other_bytes(path: Path, tmp_path: Path) -> None:
    dataclasses.replace(MODEL, config=dataclasses.replace(CONFIG, width=32)).write(tmp_path / "b.deixis")
    assert (tmp_path / "b.deixis").read_bytes() != path.read_bytes()


def test_the_about_is_optional(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read("model.json"))
    del values["about"]
    rewrite(path, {"model.json": json.dumps(values).encode()})
    assert ModelFile.read(path) == dataclasses.replace(MODEL, about={})


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 and then nothing"])
def test_what_is_no_archive_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.deixis is not a deixis model or is damaged: .* export it again"):
        ModelFile.read(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="damaged"):
        ModelFile.read(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.8])
def test_a_changed_byte_is_refused(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        ModelFile.read(path)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_missing_member_is_named(path: Path, member: str) -> None:
    rewrite(path, {member: None})
    with pytest.raises(CheckpointError, match=f"damaged: .*{member}"):
        ModelFile.read(path)


@pytest.mark.parametrize("number", [0, FORMAT + 1, None, "1"])
def test_another_format_is_refused(path: Path, number: object) -> None:
    rewrite(path, {"model.json": header(path, format=number)})
    with pytest.raises(CheckpointError, match=f"expected format {FORMAT}, got {number}; install the deixis"):
        ModelFile.read(path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"categories": ["a"], "widht": 3}, "has a wrong setting: widht: unknown setting"),
        ({"categories": ["a"], "width": "3"}, "has a wrong setting: width: expected int"),
        ({"categories": ["a"], "input_size": 100}, "has a wrong setting: input_size: expected a positive multiple"),
        ({}, "has a wrong setting: categories: this setting is required"),
        ([], "has a wrong setting: ModelConfig: expected a table of settings, got list"),
    ],
)
def test_a_wrong_config_is_named(path: Path, config: object, message: str) -> None:
    rewrite(path, {"model.json": header(path, config=config)})
    with pytest.raises(CheckpointError, match=message):
        ModelFile.read(path)


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}'])
def test_a_damaged_header_is_refused(path: Path, content: bytes) -> None:
    rewrite(path, {"model.json": content})
    with pytest.raises(CheckpointError, match="damaged"):
        ModelFile.read(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.deixis", tmp_path):
        with pytest.raises(CheckpointError, match=r"expected a model file .* found nothing there"):
            ModelFile.read(path)


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    with pytest.raises(TypeError):
        dataclasses.replace(MODEL, about={"bad": object()}).write(path)
    assert ModelFile.read(path) == MODEL


def test_word_vectors_are_compared(path: Path) -> None:
    vectors = colour_vectors()
    dataclasses.replace(MODEL, vectors=vectors.fingerprint).check_vectors(vectors)
    with pytest.raises(CheckpointError, match=f"0123456789abcdef .* got {vectors.fingerprint}"):
        MODEL.check_vectors(vectors)
