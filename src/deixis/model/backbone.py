"""Where the maps of ``compact`` come from: EfficientNet-Lite0, or any backbone of timm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from deixis.errors import CheckpointError, ConfigError, MissingExtra
from deixis.model.efficientnet import WIDTHS, EfficientNetLite0
from deixis.model.weights import read_weights

STRIDES = (4, 8, 16, 32)


class TimmBackbone(nn.Module):
    """A convolutional model of timm (Apache-2.0) with maps at strides 4, 8, 16 and 32.

    Args:
        name: as timm calls it, for example "mobilenetv3_large_100".
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        try:
            import timm
        except ImportError as error:
            raise MissingExtra("timm", "timm") from error
        try:
            self.model = timm.create_model(name, features_only=True, pretrained=False)
        except RuntimeError as error:  # timm knows no such model, or it has no maps
            raise ConfigError(f"backbone: timm cannot make {name!r}: {error}") from error
        strides = tuple(self.model.feature_info.reduction())
        if not set(STRIDES) <= set(strides):
            raise ConfigError(f"backbone: expected maps at strides {STRIDES}, {name!r} has {strides}")
        self._taps = [strides.index(stride) for stride in STRIDES]
        self.channels = [self.model.feature_info.channels()[tap] for tap in self._taps]

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> maps at strides 4, 8, 16 and 32."""
        maps = self.model(images)
        return [maps[tap] for tap in self._taps]

    def freeze(self, stride: int) -> None:
        """Fix nothing (0) or everything (32): timm's models do not tell which layers a map needs."""
        if stride not in (0, 32):
            raise ConfigError(f"frozen_stride: expected 0 or 32 for a backbone of timm, got {stride}")
        self.model.requires_grad_(stride == 0)

    def load_weights(self, path: Path) -> None:
        """Load a state dict as timm saves it; keys of layers that give no maps (the head) are left out."""
        state = read_weights(path)
        try:
            missing, _ = self.model.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise CheckpointError(f"{path}: expected the weights of this timm backbone: {error}") from error
        if missing:
            raise CheckpointError(f"{path}: expected the weights of this timm backbone, {missing[:3]} are missing")


def make_backbone(name: str, widths: Sequence[int] = ()) -> EfficientNetLite0 | TimmBackbone:
    """The backbone with random weights; ``widths`` as in ``ModelConfig.backbone_widths``."""
    kind, _, detail = name.partition(":")
    return TimmBackbone(detail) if kind == "timm" else EfficientNetLite0(widths or WIDTHS)
