"""On a disk that fills up: a clear error, what was there before unharmed, no rubbish left."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import Run, refused
from deixis.embeddings import WordVectors
from deixis.errors import DataError
from deixis.modelfile import ModelFile
from fakes import CONFIG

SIZE = 256 * 1024  # bytes of the disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of SIZE bytes; skipped where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no program 'mount' here")
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def checkpoint(path: Path, size: int) -> None:
    torch = pytest.importorskip("torch")
    from deixis.train.checkpoint import Checkpoint, save_checkpoint

    save_checkpoint(path, Checkpoint(CONFIG, "a", 1, {"model.a": torch.zeros(size // 4)}, {}))


def model(path: Path, size: int) -> None:
    ModelFile(CONFIG, os.urandom(size), b"", "a").write(path)


def vectors(path: Path, size: int) -> None:
    WordVectors.from_float(["a"], np.ones((1, size), np.float32)).save(path.parent)


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "last.safetensors": checkpoint,
    "a.deixis": model,
    "vectors.npy": vectors,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_last_good_file_stays(disk: Path, name: str) -> None:
    write = WRITERS[name]
    write(disk / name, 1000)
    before = {path.name: path.read_bytes() for path in disk.iterdir()}
    with pytest.raises(DataError, match=f"{name}: cannot be written .*; free the disk or choose another place"):
        write(disk / name, 2 * SIZE)
    after = {path.name: path.read_bytes() for path in disk.iterdir()}
    assert after.keys() == before.keys(), "nothing half written is left"
    assert after[name] == before[name]


def test_the_command_says_so(run: Run, disk: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    noise[:, :300] = (255, 0, 0)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    (disk / "a.png").write_bytes(b"before")
    (disk / "filler").write_bytes(b"\0" * (SIZE - 16 * 1024))
    refused(run("segment", tmp_path / "photo.png", "red", "-f", "overlay", "-o", disk / "a.png"), "cannot be written")
    assert (disk / "a.png").read_bytes() == b"before"
    assert sorted(path.name for path in disk.iterdir()) == ["a.png", "filler"]


def test_training_stops_with_its_last_checkpoint(
    run: Run, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from deixis.configfile import to_mapping
    from deixis.train.checkpoint import load_checkpoint
    from tiny import tiny_run

    monkeypatch.chdir(tmp_path)
    config = tiny_run(tmp_path, steps=1)
    (tmp_path / "config.json").write_text(json.dumps(to_mapping(config)))
    assert run("train", tmp_path / "config.json", "--run", tmp_path / "whole").code == 0
    size = (tmp_path / "whole" / "last.safetensors").stat().st_size
    subprocess.run(["mount", "-o", f"remount,size={size * 3 // 2}", str(disk)], check=True)
    (disk / "run").mkdir()
    (disk / "run" / "last.safetensors").write_bytes((tmp_path / "whole" / "last.safetensors").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(to_mapping(config) | {"steps": 2}))
    refused(run("train", tmp_path / "config.json", "--run", disk / "run"), "cannot be written", "free the disk")
    assert load_checkpoint(disk / "run" / "last.safetensors").step == 1
