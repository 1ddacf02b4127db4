"""p2: category probabilities of each pixel, category probabilities of the phrase, and their dot product."""

from __future__ import annotations

from torch import Tensor, nn

from deixis.model.grid import flatten_cells
from deixis.model.image_encoder import SeparableConv, upsample


class CategorySegmenter(nn.Module):
    """p_image: for each cell and class, the probability that the class is there.

    A fully convolutional head (Long et al. 2015): the backbone's last map, which ImageNet taught to recognise things,
    says what is there, and the merged one where it ends; their scores are added. Classes are not exclusive: in
    pictures with clothing labels a pixel is both "person" and "shirt", so each class has a sigmoid of its own.

    Args:
        inputs: channels of the merged map at stride 8.
        coarse: channels of the backbone's last map, at stride 32.
        categories: M.
        dropout: share of the channels that are left out in training; few pictures are soon known by heart.
    """

    def __init__(self, inputs: int, coarse: int, categories: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout2d(dropout)
        self.hidden = SeparableConv(inputs, inputs)
        self.classify = nn.Conv2d(inputs, categories, 1)
        self.recognise = nn.Conv2d(coarse, categories, 1, bias=False)
        nn.init.zeros_(self.recognise.weight)
        nn.init.constant_(self.classify.bias, -4.6)  # type: ignore[arg-type]  # a class covers about 1 % of a picture

    def forward(self, merged: Tensor, coarse: Tensor) -> Tensor:
        """(B, inputs, h, w) and (B, coarse, h/4, w/4) -> (B, M, h, w) logits."""
        logits: Tensor = self.classify(self.dropout(self.hidden(merged)))
        logits = logits + upsample(self.recognise(self.dropout(coarse)), 4)
        return logits


class ExpressionClassifier(nn.Module):
    """p_text: LSTM and two layers over the M classes and "none of them".

    Args:
        encoder: (N, T, D) word vectors -> (N, width) and anything else.
        width: units of the LSTM and of the layer between.
        categories: M.
    """

    def __init__(self, encoder: nn.Module, width: int, categories: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, categories + 1))

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, T, D) word vectors -> (N, M + 1) logits; the last one is "none"."""
        last, _ = self.encoder(vectors)
        logits: Tensor = self.layers(last)
        return logits


def dot_product(p_image: Tensor, p_text: Tensor) -> Tensor:
    """p2 = <p_image, p_text> at each cell, brought to twice the resolution.

    Args:
        p_image: (B, M, h, w) probabilities.
        p_text: (B, P, M) probabilities.

    Returns:
        (B, P, 2h, 2w) probabilities.
    """
    p2 = p_text @ flatten_cells(p_image)
    return upsample(p2.reshape(int(p_image.shape[0]), -1, *p_image.shape[-2:]))
