"""p_image of the paper: a fully convolutional network over M classes and the background (Long et al. 2015)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.paper.vgg import Vgg16


class Fcn(nn.Module):
    """FCN-32s, -16s or -8s: scores of coarse maps, brought up and added to those of finer ones.

    Upsampling is bilinear and fixed, as in the authors' released models. New score layers begin at zero, so that a
    16s network starts as the 32s one that it takes its other weights from, and so on.

    Args:
        width: channels of VGG's first block.
        categories: M.
        stride: finest map that is read: 32, 16 or 8.
    """

    def __init__(self, width: int, categories: int, stride: int) -> None:
        super().__init__()
        self.backbone = Vgg16(width, fc8=False)
        self.score_fc7 = _score(64 * width, categories)
        self.score_pool4 = _score(8 * width, categories) if stride <= 16 else None
        self.score_pool3 = _score(4 * width, categories) if stride <= 8 else None

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, M + 1, H, W) logits; the last class is the background."""
        maps = self.backbone(images)
        scores: Tensor = self.score_fc7(maps.fc7)
        for layer, finer in ((self.score_pool4, maps.pool4), (self.score_pool3, maps.pool3)):
            if layer is not None:
                scores = _resize(scores, finer.shape[-2:]) + layer(finer)
        return _resize(scores, images.shape[-2:])


def _score(inputs: int, categories: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, categories + 1, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _resize(scores: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(scores, size=size, mode="bilinear", align_corners=False)
