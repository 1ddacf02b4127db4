"""Pruning heads: which channels go, and answers that stay what they were."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import Tensor, nn

from deixis.errors import CheckpointError, ConfigError
from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.train.checkpoint import MODEL, Checkpoint, load_checkpoint, save_checkpoint, weights_of
from deixis.train.loop import start_from
from deixis.train.prune_heads import prune_heads
from tiny import DIM, tiny_model, tiny_vectors

HALF = {"p1_width": 8, "p1_hidden": 8, "appearance_width": 24}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def batches(count: int = 3) -> list[tuple[Tensor, Tensor]]:
    """Pictures with something in them, as pure noise has no peaks, and phrases of one to three words."""
    made = []
    for seed in range(count):
        images = nn.functional.interpolate(noise(8, 3, 6, 6, seed=seed), size=(96, 96), mode="bicubic") * 2
        vectors = noise(8, 3, 20, DIM, seed=seed + 100)
        for words in (1, 2, 3):
            vectors[:, words - 1, : 20 - words] = 0
        made.append((images, vectors))
    return made


def network_with_heads(seed: int = 3) -> CompactNetwork:
    network = build(tiny_model(), seed=seed)
    assert isinstance(network, CompactNetwork)
    return network.eval()


def network_of_twins() -> CompactNetwork:
    """Each channel of the second half is made as one of the first half; what reads them tells them apart."""
    network = network_with_heads()
    p1, objects = network.lstm_cnn, network.objects
    assert p1 is not None and objects is not None
    with torch.no_grad():
        for layer in (p1.visual, p1.fine, p1.spatial, p1.text, *p1.hidden, objects.appearance, objects.fine_appearance):
            for value in layer.parameters():
                half = len(value) // 2
                value[half:] = value[:half]
    return network


@torch.no_grad()
def assert_same(ours: CompactNetwork, theirs: CompactNetwork, tolerance: float) -> None:
    """What p1 says, and how proposed objects look, of pictures that no fit has seen."""
    images, vectors = batches(4)[-1]
    pictures = [network.encode_image(images) for network in (ours, theirs)]
    p1 = [network.answer(picture, vectors).p1_logits for network, picture in zip((ours, theirs), pictures, strict=True)]
    for one, other in (p1, [picture.look for picture in pictures]):
        assert (one - other).square().mean() < tolerance * other.var()


def test_nothing_changes_where_nothing_is_taken() -> None:
    network = network_with_heads()
    same, errors = prune_heads(network, batches(), (16, 16), 48)
    assert same.config == replace(network.config, p1_hidden=16)
    assert list(errors) == ["p1", "p1 hidden", "appearance"]
    assert max(errors.values()) < 1e-4
    assert_same(same, network, 1e-3)


def test_of_twins_one_can_go() -> None:
    network = network_of_twins()
    smaller, errors = prune_heads(network, batches(), (8, 8), 24)
    assert smaller.config == replace(network.config, **HALF)
    assert smaller.lstm_cnn is not None and smaller.objects is not None
    assert smaller.lstm_cnn.visual.out_channels == 8 and smaller.lstm_cnn.classify.in_channels == 8
    assert smaller.objects.appearance.out_channels == 24
    assert max(errors.values()) < 1e-3
    assert_same(smaller, network, 5e-3)


def test_what_a_constant_channel_gave_stays() -> None:
    network = network_with_heads()
    p1 = network.lstm_cnn
    assert p1 is not None
    with torch.no_grad():
        for layer in (p1.visual, p1.fine, p1.spatial, p1.text):
            layer.weight[8:] = 0
        p1.visual.bias[8:] = 3
        p1.hidden[0].weight[8:] = torch.eye(3)[1].outer(torch.eye(3)[1])  # of a cell alone, without its border
    smaller, errors = prune_heads(network, batches(), (8, 16), 48)
    assert errors["p1"] < 1e-3
    assert_same(smaller, network, 5e-3)


def test_what_is_lost_is_told() -> None:
    network = network_with_heads()
    _, half = prune_heads(network, batches(), (8, 8), 8)
    _, eighth = prune_heads(network, batches(), (2, 2), 2)
    for name, error in half.items():
        assert 0 < error < eighth[name] < 1, name
    assert half["p1"] > 0.01


def test_nothing_else_changes() -> None:
    network = network_with_heads()
    smaller, _ = prune_heads(network, batches(1), (8, 8), 24)
    changed = ("lstm_cnn.", "objects.appearance.", "objects.fine_appearance.", "objects.describe.0.")
    kept = [name for name in network.state_dict() if not name.startswith(changed)]
    assert len(kept) > 100
    assert all(torch.equal(network.state_dict()[name], smaller.state_dict()[name]) for name in kept)


@pytest.mark.parametrize(("name", "value"), [("p1_hidden", -1), ("appearance_width", 0)])
def test_widths_are_numbers_of_channels(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{name}: expected at least"):
        tiny_model(**{name: value})


@pytest.mark.parametrize("name", HALF)
def test_a_run_that_starts_from_pruned_heads_must_have_their_widths(name: str) -> None:
    pruned = build(tiny_model(**HALF), seed=9)
    stored = Checkpoint(pruned.config, tiny_vectors().fingerprint, 0, weights_of(pruned, MODEL), {})
    others = {other: width for other, width in HALF.items() if other != name}
    with pytest.raises(CheckpointError, match=rf"expected model\.{name} = {HALF[name]}, got \d"):
        start_from(build(tiny_model(**others)), stored, "pruned.safetensors")
    network = build(tiny_model(**HALF), seed=1)
    start_from(network, stored, "pruned.safetensors")
    assert all(torch.equal(value, pruned.state_dict()[name]) for name, value in network.state_dict().items())


def test_the_script_prunes_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "scripts"))
    script = importlib.import_module("prune_heads")
    monkeypatch.setattr(importlib.import_module("prune"), "SIDE", 64)
    model = tiny_model(word_dim=50)
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    phrases, whole, out = (tmp_path / name for name in ("phrases.txt", "whole.safetensors", "out.safetensors"))
    phrases.write_text("the left dog\nred car\n")
    network = build(model, seed=4)
    save_checkpoint(whole, Checkpoint(model, "0123abcd", 7, weights_of(network, MODEL), {"leak_free": True}))
    run = ["prune_heads.py", str(whole), str(tmp_path), str(phrases), str(out)]
    monkeypatch.setattr(sys, "argv", [*run, "--p1-hidden", "4"])
    script.main()
    pruned = load_checkpoint(out)
    assert pruned.config == replace(model, p1_width=16, p1_hidden=4, appearance_width=16)
    assert (pruned.step, pruned.vectors, pruned.about) == (7, "0123abcd", {"leak_free": True})
    build(pruned.config).load_state_dict(pruned.part(MODEL))
    assert "p1_width = 16\np1_hidden = 4\nappearance_width = 16\n" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*run, "--p1-width", "17"])
    with pytest.raises(SystemExit, match="--p1-width: expected a number of at most 16, got 17"):
        script.main()
    phrases.write_text("\n")
    monkeypatch.setattr(sys, "argv", run)
    with pytest.raises(SystemExit, match="expected phrases, found none"):
        script.main()
