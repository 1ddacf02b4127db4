"""p1: the phrase's vector meets the feature map and the coordinates, and each pixel is classified (Hu et al. 2016).

The first 1x1 convolution over the tiled, concatenated [text, visual, spatial] vector is linear, so it is the sum
of its parts. The image's part is computed once a picture; each phrase adds its own.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.grid import middle, spatial_channels, square_side
from deixis.model.image_encoder import FINE_CHANNELS, SeparableConv


class LstmCnn(nn.Module):
    """Per-pixel classifier of [text, visual, spatial], decoded from stride 8 to stride 4 by sub-pixel convolution.

    Args:
        visual: channels of the map at stride 8.
        text: length of the phrase's vector.
        width: hidden channels.
    """

    def __init__(self, visual: int, text: int, width: int) -> None:
        super().__init__()
        self.visual = nn.Conv2d(visual, width, 1)
        self.fine = nn.Conv2d(FINE_CHANNELS, width, 2, stride=2, bias=False)
        self.spatial = nn.Conv2d(8, width, 1, bias=False)
        self.text = nn.Linear(text, width, bias=False)
        self.hidden = SeparableConv(width, width)
        self.classify = nn.Conv2d(width, 4, 1)
        nn.init.constant_(self.classify.bias, -2.0)  # type: ignore[arg-type]  # most pixels are background

    def image_part(self, visual: Tensor, fine: Tensor) -> Tensor:
        """What the first layer gets from the picture: (B, C, h, w), (B, 32, 2h, 2w) -> (B, width, h, w)."""
        # The map at unit length is never made: its convolution is that of the map itself, divided by one number a cell.
        # The sum of squares as a convolution: a third of the time in ONNX Runtime, whose layout of maps it keeps.
        squares = F.conv2d(visual.square(), visual.new_ones(1, self.visual.in_channels, 1, 1))
        length = squares.sqrt().clamp(min=1e-6)
        scaled = F.conv2d(visual, self.visual.weight) * (visual.shape[1] ** 0.5 / length)
        places = self.spatial(spatial_channels(square_side(visual), visual.device)[None])
        places = places + self.visual.bias[:, None, None]  # type: ignore[index]
        part: Tensor = scaled + self.fine(fine) + middle(places, visual)
        return part

    def forward(self, image_part: Tensor, text: Tensor) -> Tensor:
        """Classify each pixel.

        Args:
            image_part: (B, width, h, w).
            text: (B, P, text), P phrases a picture.

        Returns:
            (B, P, 2h, 2w) logits.
        """
        batch, phrases = text.shape[:2]
        tiled = self.text(_l2_normalise(text, dim=-1))[..., None, None]
        joined = F.relu(image_part[:, None] + tiled).flatten(0, 1)
        logits = F.pixel_shuffle(self.classify(self.hidden(joined)), 2)
        by_phrase: Tensor = logits.reshape(batch, phrases, *logits.shape[-2:])
        return by_phrase


def _l2_normalise(x: Tensor, dim: int) -> Tensor:
    """Unit length times the root of the dimension, so that entries stay of the size that layers expect."""
    unit: Tensor = F.normalize(x, dim=dim, eps=1e-6)
    return unit * float(x.shape[dim] ** 0.5)
