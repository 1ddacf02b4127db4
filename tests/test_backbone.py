"""Backbones of timm, without timm: a stand-in that answers as ``timm.create_model(features_only=True)`` does."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import Tensor, nn

from deixis.config import ModelConfig
from deixis.errors import CheckpointError, ConfigError, MissingExtra
from deixis.model.backbone import TimmBackbone
from deixis.model.build import build
from deixis.model.efficientnet import EfficientNetLite0
from tiny import tiny_model

CHANNELS = {2: 4, 4: 6, 8: 8, 16: 10, 32: 12}


class Pyramid(nn.Module):
    """One stride-2 convolution a level, as a model of timm with ``feature_info``."""

    def __init__(self, strides: tuple[int, ...]) -> None:
        super().__init__()
        channels = [CHANNELS[stride] for stride in strides]
        self.feature_info = SimpleNamespace(reduction=lambda: list(strides), channels=lambda: channels)
        pairs = zip([3, *channels], channels, strict=False)
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 3, 2, 1) for before, after in pairs)

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = [images]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps[1:]


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(name: str, features_only: bool, pretrained: bool) -> nn.Module:
        assert features_only and not pretrained, "nothing is downloaded"
        if name not in ("pyramid", "shallow"):
            raise RuntimeError(f"Unknown model ({name})")
        return Pyramid((2, 4, 8, 16, 32) if name == "pyramid" else (2, 4, 8, 16))

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))


@pytest.mark.usefixtures("timm")
def test_maps_at_the_four_strides(tmp_path: Path) -> None:
    backbone = TimmBackbone("pyramid")
    assert [tuple(level.shape) for level in backbone(torch.zeros(2, 3, 64, 96))] == [
        (2, 6, 16, 24), (2, 8, 8, 12), (2, 10, 4, 6), (2, 12, 2, 3),
    ]  # fmt: skip
    torch.save({**backbone.model.state_dict(), "head.weight": torch.zeros(1)}, tmp_path / "weights.pth")
    other = TimmBackbone("pyramid")
    other.load_weights(tmp_path / "weights.pth")
    assert torch.equal(other.model.layers[0].weight, backbone.model.layers[0].weight)
    torch.save({"head.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth: expected the weights of this timm backbone"):
        other.load_weights(tmp_path / "other.pth")


@pytest.mark.usefixtures("timm")
def test_the_compact_network_on_it() -> None:
    network = build(tiny_model(backbone="timm:pyramid", objects=False), seed=1)
    encoded = network.encode_image(torch.randn(1, 3, 64, 64))
    assert encoded.p1_part is not None and encoded.p1_part.shape[-2:] == (8, 8)
    network.freeze(32)
    frozen = {name for name, value in network.named_parameters() if not value.requires_grad}
    assert frozen == {name for name, _ in network.named_parameters() if ".backbone." in name}
    network.freeze(0)
    assert all(value.requires_grad for value in network.parameters())
    with pytest.raises(ConfigError, match="expected 0 or 32 for a backbone of timm, got 8"):
        network.freeze(8)


@pytest.mark.usefixtures("timm")
def test_models_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="timm cannot make 'nothing': Unknown model"):
        TimmBackbone("nothing")
    with pytest.raises(ConfigError, match=r"expected maps at strides \(4, 8, 16, 32\), 'shallow' has"):
        TimmBackbone("shallow")


def test_without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"deixis\[timm\]"):
        TimmBackbone("pyramid")
    assert isinstance(build(tiny_model()).image_encoder.backbone, EfficientNetLite0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "large"}, "^network: expected 'compact' or 'paper'"),
        ({"backbone": "vgg16"}, "^backbone: expected 'vgg16' for the network 'paper'"),
        ({"network": "paper", "objects": False}, "^backbone: "),
        ({"p1": False, "p2": False, "objects": False}, "^p1, p2: expected at least one"),
        ({"p1": False}, "^objects: the third term needs p1, p2"),
        ({"high_resolution": False}, "^high_resolution: only p1 alone"),
        ({"fcn_stride": 4}, "^fcn_stride: expected 8, 16 or 32"),
    ],
)
def test_parts_that_do_not_go_together(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelConfig(("dog",), **changes)  # type: ignore[arg-type]
