"""The image side of ``compact``: a backbone's maps merged top-down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.backbone import make_backbone

FINE_CHANNELS = 32


class ImageMaps(NamedTuple):
    """A picture's features: (B, width, h, w) merged at stride 8, (B, 32, 2h, 2w) at 4, and (B, C, h/4, w/4) at 32."""

    merged: Tensor
    fine: Tensor
    coarse: Tensor


class SeparableConv(nn.Sequential):
    """Depthwise 3x3, pointwise 1x1, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class ImageEncoder(nn.Module):
    """A backbone with its maps merged from coarse to fine (Lin et al. 2017, feature pyramid).

    Args:
        width: channels of the merged map at stride 8.
        backbone: "efficientnet-lite0" or "timm:NAME".
        backbone_widths: see ``ModelConfig``.
    """

    def __init__(
        self, width: int, backbone: str = "efficientnet-lite0", backbone_widths: Sequence[int] = ()
    ) -> None:
        super().__init__()
        self.backbone = make_backbone(backbone, backbone_widths)
        fine, *coarse = self.backbone.channels
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in coarse)
        self.smooth = nn.ModuleList(SeparableConv(width, width) for _ in coarse)
        self.fine_lateral = nn.Conv2d(fine, FINE_CHANNELS, 1)
        self.fine_top = nn.Conv2d(width, FINE_CHANNELS, 1)
        self.fine_smooth = SeparableConv(FINE_CHANNELS, FINE_CHANNELS)

    def forward(self, images: Tensor) -> ImageMaps:
        """Encode images (B, 3, H, W), multiples of 32."""
        fine, *coarse = self.backbone(images)
        merged: Tensor | None = None
        for level in reversed(range(len(coarse))):
            lateral = self.laterals[level](coarse[level])
            merged = self.smooth[level](lateral if merged is None else lateral + upsample(merged))
        assert merged is not None
        fine = self.fine_smooth(self.fine_lateral(fine) + upsample(self.fine_top(merged)))
        return ImageMaps(merged, fine, coarse[-1])


def upsample(x: Tensor, times: int = 2) -> Tensor:
    """So many times the height and width, bilinear."""
    return F.interpolate(x, scale_factor=float(times), mode="bilinear", align_corners=False)
