"""Files of weights from elsewhere: tensors by name, and nothing that takes PyTorch minutes to refuse."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch

from deixis.errors import CheckpointError
from deixis.model import weights
from deixis.model.weights import LONGEST_NAME, read_weights

LONG = b"x" * (LONGEST_NAME + 1)


@pytest.mark.parametrize("archive", [True, False])
def test_either_format_is_read(tmp_path: Path, archive: bool) -> None:
    state = {"a" * LONGEST_NAME: torch.ones(3), "b": torch.zeros(2, 2)}
    torch.save(state, tmp_path / "w.pth", _use_new_zipfile_serialization=archive)
    read = read_weights(tmp_path / "w.pth")
    assert read.keys() == state.keys() and all(torch.equal(read[name], state[name]) for name in state)


@pytest.mark.parametrize(
    "content",
    [b"\x80\x02c" + LONG + b"\ny\n.", b"\x80\x02cx\n" + LONG + b"\n.", b"\x80\x02X\xe9\x03\x00\x00" + LONG + b"."],
    ids=["module", "name", "text"],
)
@pytest.mark.parametrize("archive", [True, False])
def test_endless_names_are_refused_before_pytorch_looks_for_words_about_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, archive: bool
) -> None:
    monkeypatch.setattr(weights.torch, "load", lambda *_, **__: pytest.fail("PyTorch has been asked"))
    path = tmp_path / "w.pth"
    if archive:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("w/data.pkl", content)
    else:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"w\.pth: .*expected names of at most 1,000 characters, got 1,00"):
        read_weights(path)


def test_an_archive_at_the_end_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch goes by the first bytes of a file, zipfile by the last."""
    monkeypatch.setattr(weights.torch, "load", lambda *_, **__: pytest.fail("PyTorch has been asked"))
    path = tmp_path / "w.pth"
    path.write_bytes(b"\x80\x02c" + LONG + b"\ny\n.")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("w/data.pkl", b"\x80\x02}.")
    assert zipfile.is_zipfile(path)
    with pytest.raises(CheckpointError, match="expected names of at most"):
        read_weights(path)


def test_a_pickle_that_unpacks_to_more_than_there_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "LARGEST_PICKLE", 10)
    torch.save({"a": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="expected a pickle of at most 10 bytes"):
        read_weights(tmp_path / "w.pth")
