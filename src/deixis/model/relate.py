"""The third term's phrase side: which of the proposed objects the phrase means.

Each candidate is described by its look, by how well its classes match the phrase, and by its RANK among its like:
what share of the matching objects lies to its left, above it, is smaller. Words and candidates then attend to each
other in a small transformer, and each candidate is chosen or not. Location words learned this way need hundreds of
examples, because "leftmost" is one number and not a shape of pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.config import RELATE_HEADS

# How far two objects must differ for one to be clearly left of, above, below or larger than the other.
SOFTNESS = (0.03, 0.03, 0.03, 0.2, 0.1)  # centre x, centre y, bottom edge (shares of the side), log area, centrality
RANKS = len(SOFTNESS)


class Relate(nn.Module):
    """Choose among candidates.

    Args:
        look: length of a candidate's description.
        text: length of the words' encodings.
        width, layers, dropout: of the transformer.
    """

    def __init__(self, look: int, text: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.look = nn.Linear(look, width)
        self.facts = nn.Sequential(nn.Linear(7 + 2 + 2 * RANKS, width), nn.ReLU(), nn.Linear(width, width))
        self.words = nn.Linear(text, width)
        self.phrase = nn.Linear(text, 2 * width)
        self.layers = nn.ModuleList(RelationLayer(width, RELATE_HEADS, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.choose = nn.Linear(width, 1)
        nn.init.constant_(self.choose.bias, -1.5)

    def forward(
        self, look: Tensor, boxes: Tensor, score: Tensor, match: Tensor, phrase: Tensor, words: Tensor, present: Tensor
    ) -> Tensor:
        """Score every candidate under every phrase.

        Args:
            look: (B, K, D) descriptions.
            boxes: (B, K, 4) centre x, y, width, height as shares of the picture.
            score: (B, K) probability that there is an object.
            match: (B, P, K) how well the candidate's classes fit the phrase's, in [0, 1].
            phrase: (B, P, text) the phrase as a whole.
            words: (B, P, T, text) its words.
            present: (B, P, T) bool, False where the phrase is padded.

        Returns:
            (B, P, K) logits that the phrase means this candidate.
        """
        batch, phrases, count = match.shape
        facts = self.facts(torch.cat([_facts(boxes, score, phrases), _ranks(boxes, score, match)], dim=-1))
        gain, shift = self.phrase(phrase)[:, :, None].chunk(2, dim=-1)
        tokens = (self.look(look)[:, None] + facts) * (1 + gain) + shift
        x = torch.cat([tokens, self.words(words)], dim=2).flatten(0, 1)
        valid = torch.cat([torch.ones_like(match, dtype=torch.bool), present], dim=2).flatten(0, 1)
        for layer in self.layers:
            x = layer(x, valid)
        logits: Tensor = self.choose(self.norm(x[:, :count])).squeeze(-1)
        return logits.reshape(batch, phrases, count)


class RelationLayer(nn.Module):
    """Pre-norm transformer layer over candidates and words; invalid positions are not looked at."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """(N, L, width) tokens and (N, L) validity -> (N, L, width)."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        )
        weights = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        weights = weights.masked_fill(~valid[:, None, None, :], -1e4).softmax(dim=-1)
        x = x + self.dropout(self.out((weights @ v).transpose(1, 2).flatten(2)))
        mixed: Tensor = x + self.dropout(self.mlp(self.norm_mlp(x)))
        return mixed


def select_masks(choice: Tensor, masks: Tensor) -> Tensor:
    """p3: the chosen objects' masks laid over each other.

    Args:
        choice: (B, P, K) probabilities that the phrase means candidate k.
        masks: (B, K, H, W) probabilities.

    Returns:
        (B, P, H, W), at each pixel the largest product of choice and mask.
    """
    return (choice[..., None, None] * masks[:, None]).amax(dim=2)


def _facts(boxes: Tensor, score: Tensor, phrases: int) -> Tensor:
    """Absolute position, size and confidence: (B, P, K, 7)."""
    area = (boxes[..., 2] * boxes[..., 3]).sqrt()
    facts = torch.cat([boxes * 2 - 1, area[..., None], score[..., None], (score > 0.3).to(score.dtype)[..., None]], -1)
    return facts[:, None].expand(-1, phrases, -1, -1)


def _ranks(boxes: Tensor, score: Tensor, match: Tensor) -> Tensor:
    """Match, number of matching objects, and share and number of them that this one exceeds: (B, P, K, 2 + 10)."""
    x, y, width, height = boxes.detach().unbind(-1)
    area = (width * height).clamp(min=1e-4).log()
    centrality = -((x - 0.5).square() + (y - 0.5).square()).sqrt()
    weight = (match * score[:, None]).detach()
    total = weight.sum(dim=-1, keepdim=True)
    columns = [match, F.relu(total).expand_as(match).log1p()]
    for value, softness in zip((x, y, y + height / 2, area, centrality), SOFTNESS, strict=True):
        exceeds = ((value[:, :, None] - value[:, None, :]) / softness).sigmoid()  # (B, K, K)
        number = weight @ exceeds.transpose(1, 2)
        columns += [number / (total + 0.1), number.log1p()]
    return torch.stack(columns, dim=-1)
