"""Pruning a backbone: which channels go, and what the others take over."""

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
from accelerate import Accelerator

from deixis.errors import CheckpointError, ConfigError
from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.model.efficientnet import WIDTHS, EfficientNetLite0
from deixis.train.checkpoint import MODEL, Checkpoint, load_checkpoint, save_checkpoint, weights_of
from deixis.train.loop import Trainer
from deixis.train.prune import Elimination, prune
from tiny import tiny_model, tiny_run, tiny_vectors

HALVED = 6  # blocks: the others have so many channels that it would take a minute
HALF = (*(width // 2 for width in WIDTHS[:HALVED]), *WIDTHS[HALVED:])


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def backbone(network: CompactNetwork) -> EfficientNetLite0:
    assert isinstance(network.image_encoder.backbone, EfficientNetLite0)
    return network.image_encoder.backbone


def network_of_twins() -> CompactNetwork:
    """Each hidden channel of the second half of a block is made as one of the first half."""
    network = build(tiny_model(), seed=3)
    assert isinstance(network, CompactNetwork)
    part = backbone(network)
    twins = [part._conv_stem, part._bn0]
    for block in part._blocks[:HALVED]:
        twins += [block._expand_conv, block._bn0] if block.expands else []
        twins += [block._depthwise_conv, block._bn1]
    with torch.no_grad():
        for layer in twins:
            for value in (layer.weight, layer.bias):
                if value is not None:
                    half = len(value) // 2
                    value[half:] = value[:half]
    return network.eval()


def test_what_others_say_goes_first() -> None:
    channels = noise(500, 3)
    channels = torch.cat([channels, channels[:, :1] + channels[:, 1:2]], dim=1)
    targets = channels @ noise(4, 2, seed=1)
    fit = Elimination(channels, targets).reduce(3)
    assert 2 in fit.kept.tolist()
    assert fit.error < 1e-3
    assert torch.allclose(channels[:, fit.kept] @ fit.weight.T + fit.bias, targets, atol=0.05)


def test_what_counts_least_goes_first() -> None:
    channels, weights = noise(2000, 4) + 3, torch.diag(torch.tensor([4.0, 1.0, 3.0, 2.0]))
    fits = [Elimination(channels, channels @ weights).reduce(count) for count in (3, 2, 1)]
    assert [fit.kept.tolist() for fit in fits] == [[0, 2, 3], [0, 2], [0]]
    assert [fit.error for fit in fits] == pytest.approx([1 / 30, 5 / 30, 14 / 30], abs=0.02)


def test_the_others_are_fitted_by_least_squares() -> None:
    mixed = noise(800, 6) @ noise(6, 6, seed=1) + noise(6, seed=2)
    targets = mixed @ noise(6, 3, seed=3) + noise(800, 3, seed=4)
    fit = Elimination(mixed, targets).reduce(4)
    with_one = torch.cat([mixed[:, fit.kept], torch.ones(800, 1)], dim=1)
    expected = torch.linalg.lstsq(with_one, targets).solution
    assert torch.allclose(fit.weight.T, expected[:-1], atol=5e-3)
    assert torch.allclose(fit.bias, expected[-1], atol=5e-3)
    left = (targets - with_one @ expected).square().sum() / (targets - targets.mean(0)).square().sum()
    assert fit.error == pytest.approx(float(left), abs=1e-4)


def test_twins_are_not_missed() -> None:
    """Half of all channels can go where each has a twin, and everything that the network says stays."""
    network, images = network_of_twins(), [noise(8, 3, 64, 64, seed=seed) for seed in range(3)]
    smaller, errors = prune(network, images, HALF)
    assert smaller.config == replace(network.config, backbone_widths=HALF)
    assert backbone(smaller)._blocks[5]._depthwise_conv.weight.shape[0] == HALF[5]
    assert len(errors) == 16
    assert max(errors) < 0.01
    with torch.no_grad():
        maps = zip(backbone(network)(images[0]), backbone(smaller)(images[0]), strict=True)
    assert all((one - other).square().mean() < 0.02 * one.var(dim=(0, 2, 3)).mean() for one, other in maps)
    others = [name for name in network.state_dict() if ".backbone." not in name]
    assert all(torch.equal(network.state_dict()[name], smaller.state_dict()[name]) for name in others)


def test_what_is_missed_is_reported() -> None:
    network = build(tiny_model(), seed=3)
    assert isinstance(network, CompactNetwork)
    images = [noise(8, 3, 64, 64, seed=seed) for seed in range(2)]
    _, half = prune(network, images, HALF)
    _, quarter = prune(network, images, (*(width // 2 for width in HALF[:HALVED]), *HALF[HALVED:]))
    assert quarter[0] > half[0] > 0.001


def test_a_pruned_backbone_is_trained_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deixis.train.loop.imagenet_weights", lambda: pytest.fail("the published weights do not fit"))
    model = tiny_model(backbone_widths=HALF)
    pruned = build(model, seed=9)
    path = tmp_path / "pruned.safetensors"
    save_checkpoint(path, Checkpoint(model, tiny_vectors().fingerprint, 0, weights_of(pruned, MODEL), {}))
    config = tiny_run(tmp_path, model=model, initial=(path.name,), backbone_weights="imagenet")
    trainer = Trainer(config, tmp_path / "run", tmp_path, Accelerator(cpu=True))
    stem = trainer.network.image_encoder.backbone._conv_stem.weight
    assert stem.shape[0] == 16
    assert torch.equal(stem, pruned.image_encoder.backbone._conv_stem.weight)


def test_a_run_that_starts_from_a_pruned_backbone_must_have_its_widths(tmp_path: Path) -> None:
    path = tmp_path / "pruned.safetensors"
    pruned = build(tiny_model(backbone_widths=HALF), seed=9)
    save_checkpoint(path, Checkpoint(pruned.config, tiny_vectors().fingerprint, 0, weights_of(pruned, MODEL), {}))
    config = tiny_run(tmp_path, model=tiny_model(), initial=(path.name,))
    with pytest.raises(CheckpointError, match=rf"expected model.backbone_widths = \[{HALF[0]}, .*\], got \[\]"):
        Trainer(config, tmp_path / "run", tmp_path, Accelerator(cpu=True))


def test_a_pruned_backbone_needs_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.backbone_widths: expected the pruned checkpoint in initial"):
        tiny_run(tmp_path, model=tiny_model(backbone_widths=HALF))


@pytest.mark.parametrize("widths", [(24,), (0, *HALF[1:]), (*HALF, 8)])
def test_widths_are_one_number_a_block(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="backbone_widths: expected 16 numbers of at least 1"):
        tiny_model(backbone_widths=widths)


def test_only_our_own_backbone_has_widths() -> None:
    with pytest.raises(ConfigError, match="backbone_widths: expected none for the backbone 'timm:x'"):
        tiny_model(backbone="timm:x", backbone_widths=HALF)


def test_the_script_prunes_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "scripts"))
    script = importlib.import_module("prune")
    monkeypatch.setattr(script, "KEPT", (0.5, 0.5, *[1.0] * 14))
    monkeypatch.setattr(script, "SIDE", 64)
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    whole, out = tmp_path / "whole.safetensors", tmp_path / "pruned.safetensors"
    network = build(tiny_model(), seed=4)
    save_checkpoint(whole, Checkpoint(tiny_model(), "0123abcd", 7, weights_of(network, MODEL), {"leak_free": True}))
    monkeypatch.setattr(sys, "argv", ["prune.py", str(whole), str(tmp_path), str(out)])
    script.main()
    pruned = load_checkpoint(out)
    assert pruned.config.backbone_widths == (16, 48, *WIDTHS[2:])
    assert (pruned.step, pruned.vectors, pruned.about) == (7, "0123abcd", {"leak_free": True})
    build(pruned.config).load_state_dict(pruned.part(MODEL))
    assert f"backbone_widths = {list(pruned.config.backbone_widths)}" in capsys.readouterr().out
    less = ",".join(["16", "40", *map(str, WIDTHS[2:])])
    monkeypatch.setattr(sys, "argv", ["prune.py", str(out), str(tmp_path), str(whole), "--widths", less])
    script.main()
    assert load_checkpoint(whole).config.backbone_widths == (16, 40, *WIDTHS[2:])
    monkeypatch.setattr(sys, "argv", ["prune.py", str(whole), str(tmp_path), str(out)])  # wider than it is
    with pytest.raises(SystemExit, match="expected 16 numbers of at most"):
        script.main()
