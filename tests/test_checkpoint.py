"""Checkpoints: read back as written, never half written, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from safetensors.torch import save_file

from deixis.errors import CheckpointError
from deixis.train import checkpoint as module
from deixis.train.checkpoint import (
    AVERAGE,
    MODEL,
    OPTIMISER,
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
    weights_of,
)
from tiny import tiny_model


def some(step: int = 3) -> Checkpoint:
    tensors = {
        MODEL + "a": torch.arange(6.0).reshape(2, 3).T,
        AVERAGE + "a": torch.ones(()),
        OPTIMISER + "0.step": torch.tensor(3.0),
    }
    return Checkpoint(tiny_model(), "0123abcd", step, tensors, {"best_score": 0.25, "note": "é"})


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a" / "last.safetensors", some())
    loaded = load_checkpoint(tmp_path / "a" / "last.safetensors")
    assert (loaded.config, loaded.vectors, loaded.step) == (tiny_model(), "0123abcd", 3)
    assert loaded.about == {"best_score": 0.25, "note": "é"}
    assert torch.equal(loaded.part(MODEL)["a"], torch.arange(6.0).reshape(2, 3).T)
    assert set(loaded.part(OPTIMISER)) == {"0.step"}


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="found nothing there"):
        load_checkpoint(tmp_path / "last.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 8, 100, -1])
def test_a_truncated_file(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, some())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="not a safetensors file or damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize("header", [None, {"format": "99"}, {"format": "1"}, {"format": "1", "config": "{}"}])
def test_somebody_elses_file(tmp_path: Path, header: dict[str, str] | None) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors", metadata=header)
    with pytest.raises(CheckpointError, match=r"x\.safetensors: "):
        load_checkpoint(tmp_path / "x.safetensors")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, some(step=3))

    def half(tensors: object, name: str, metadata: object) -> None:
        Path(name).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, some(step=4))
    assert load_checkpoint(path).step == 3
    assert [file.name for file in tmp_path.iterdir()] == ["last.safetensors"]


def test_an_optimiser_goes_on_as_if_nothing_had_happened() -> None:
    def made() -> tuple[torch.nn.Linear, torch.optim.AdamW]:
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.AdamW(
            [{"params": [layer.weight], "peak": 1.0}, {"params": [layer.bias], "peak": 2.0, "weight_decay": 0.0}],
            lr=0.1,
        )

    def step(layer: torch.nn.Linear, optimiser: torch.optim.AdamW) -> None:
        optimiser.zero_grad()
        layer(torch.ones(1, 3)).square().sum().backward()
        optimiser.step()

    layer, optimiser = made()
    step(layer, optimiser)
    other, resumed = made()
    other.load_state_dict(layer.state_dict())
    tensors = {name.removeprefix(OPTIMISER): value.clone() for name, value in optimiser_tensors(optimiser).items()}
    restore_optimiser(resumed, tensors)
    assert [group["peak"] for group in resumed.param_groups] == [1.0, 2.0]
    step(layer, optimiser)
    step(other, resumed)
    for name, value in weights_of(layer, "").items():
        assert torch.equal(value, weights_of(other, "")[name])
