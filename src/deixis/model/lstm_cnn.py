"""p1: the phrase's vector meets the feature map and the coordinates, and each pixel is classified (Hu et al. 2016).

The first 1x1 convolution over the tiled, concatenated [text, visual, spatial] vector is linear, so it is the sum
of its parts. The image's part is computed once a picture; each phrase adds its own.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.grid import spatial_channels, square_places, square_side
from deixis.model.image_encoder import FINE_CHANNELS, SeparableConv
from deixis.model.text_encoder import merge_phrases, split_phrases, unit_length


class LstmCnn(nn.Module):
    """Per-pixel classifier of [text, visual, spatial], decoded from stride 8 to stride 4 by sub-pixel convolution.

    Args:
        visual: channels of the map at stride 8.
        text: length of the phrase's vector.
        width: channels of the first layer.
        hidden: of the layer before the last one.
    """

    def __init__(self, visual: int, text: int, width: int, hidden: int) -> None:
        super().__init__()
        self.visual = nn.Conv2d(visual, width, 1)
        self.fine = nn.Conv2d(FINE_CHANNELS, width, 2, stride=2, bias=False)
        self.spatial = nn.Conv2d(8, width, 1, bias=False)
        self.text = nn.Linear(text, width, bias=False)
        self.hidden = SeparableConv(width, hidden)
        self.classify = nn.Conv2d(hidden, 4, 1)
        nn.init.constant_(self.classify.bias, -2.0)  # type: ignore[arg-type]  # most pixels are background

    def image_part(self, visual: Tensor, fine: Tensor) -> Tensor:
        """What the first layer gets from the picture: (B, C, h, w), (B, 32, 2h, 2w) -> (B, width, h, w)."""
        # The map at unit length is never made: its convolution is that of the map itself, divided by one number a cell.
        # The sum of squares as a convolution: a third of the time in ONNX Runtime, whose layout of maps it keeps.
        squares = F.conv2d(visual.square(), visual.new_ones(1, self.visual.in_channels, 1, 1))
        length = squares.sqrt().clamp(min=1e-6)
        scaled = F.conv2d(visual, self.visual.weight) * (visual.shape[1] ** 0.5 / length)
        # Linear in the coordinates: what a cell's place gives is its row's and its column's.
        places = self.spatial(spatial_channels(square_side(visual), visual.device)[None])
        of_columns = places[..., 0, :] + self.visual.bias[:, None]  # type: ignore[index]
        of_rows = places[..., 0] - places[..., :1, 0]
        columns, rows = square_places(visual)
        part: Tensor = scaled + self.fine(fine) + of_columns[..., None, columns] + of_rows[..., rows, None]
        return part

    def forward(self, image_part: Tensor, text: Tensor) -> Tensor:
        """Classify each pixel.

        Args:
            image_part: (B, width, h, w).
            text: (B, P, text), P phrases a picture.

        Returns:
            (B, P, 2h, 2w) logits.
        """
        # At the root of their number as length, entries are of the size that layers expect.
        tiled = self.text(unit_length(text) * int(text.shape[-1]) ** 0.5)[..., None, None]
        joined = merge_phrases(F.relu(image_part[:, None] + tiled))
        logits = F.pixel_shuffle(self.classify(self.hidden(joined)), 2).squeeze(1)
        return split_phrases(logits, int(image_part.shape[0]))
