"""p1 of the paper: the LSTM-CNN of Hu et al. (ECCV 2016), the baseline that the other rows build on."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.grid import middle, spatial_channels, square_side
from deixis.model.paper.vgg import CLASSES, Vgg16
from deixis.model.text_encoder import set_forget_bias

STRIDE = 32
KERNEL = 2 * STRIDE


class BaselineTextEncoder(nn.Module):
    """One LSTM layer over word vectors as they are, the padding on the left included.

    Args:
        word_dim: length of a word vector.
        width: LSTM units.
    """

    def __init__(self, word_dim: int, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(word_dim, width, batch_first=True)
        set_forget_bias(self.lstm)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, word_dim) -> the last output (N, width) and the outputs at all words (N, T, width)."""
        states, _ = self.lstm(vectors)
        return states[:, -1], states


class BaselineLstmCnn(nn.Module):
    """VGG-16 to fc8, run convolutionally; [text, visual, spatial] classified at each place; a learned deconvolution.

    The first 1x1 convolution over the concatenated vector is the sum of its parts; the picture's is computed once.

    Args:
        vgg_width: channels of VGG's first block.
        text: length of the phrase's vector.
        width: hidden channels.
        high_resolution: whether there is a deconvolution to every pixel.
    """

    def __init__(self, vgg_width: int, text: int, width: int, high_resolution: bool) -> None:
        super().__init__()
        self.backbone = Vgg16(vgg_width)
        self.visual = nn.Conv2d(CLASSES, width, 1)
        self.spatial = nn.Conv2d(8, width, 1, bias=False)
        self.text = nn.Linear(text, width, bias=False)
        self.classify = nn.Conv2d(width, 1, 1)
        self.deconvolve = _bilinear_deconvolution() if high_resolution else None

    def image_part(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, width, H/32, W/32), what the first layer gets from the picture and the coordinates."""
        visual = self.backbone.fc8(self.backbone(images).fc7)
        places = self.spatial(spatial_channels(square_side(visual), visual.device)[None])
        part: Tensor = self.visual(F.normalize(visual, dim=1)) + middle(places, visual)
        return part

    def forward(self, image_part: Tensor, text: Tensor) -> Tensor:
        """(B, width, h, w) and (B, P, text) -> (B, P, h, w) logits, or (B, P, 32h, 32w) in high resolution."""
        batch, phrases = text.shape[:2]
        tiled = self.text(F.normalize(text, dim=-1))[..., None, None]
        logits = self.classify(F.relu(image_part[:, None] + tiled).flatten(0, 1))
        if self.deconvolve is not None:
            logits = self.deconvolve(logits)
        by_phrase: Tensor = logits.reshape(batch, phrases, *logits.shape[-2:])
        return by_phrase


def _bilinear_deconvolution() -> nn.ConvTranspose2d:
    """Kernel 64, stride 32, no bias, with the weights of bilinear interpolation."""
    layer = nn.ConvTranspose2d(1, 1, KERNEL, STRIDE, padding=STRIDE // 2, bias=False)
    ramp = 1 - (torch.arange(KERNEL) - (KERNEL - 1) / 2).abs() / STRIDE
    layer.weight.data.copy_(ramp[:, None] * ramp)
    return layer
