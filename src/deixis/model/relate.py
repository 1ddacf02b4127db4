"""The third term's phrase side: which of the proposed objects the phrase means.

Each candidate is described by its look, by how well its classes match the phrase, and by its RANK among its like:
what share of the matching objects lies to its left, above it, is smaller. Words and candidates then attend to each
other in a small transformer, and each candidate is chosen or not. Location words learned this way need hundreds of
examples, because "leftmost" is one number and not a shape of pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.config import RELATE_HEADS
from deixis.model.grid import flatten_cells
from deixis.model.text_encoder import merge_phrases, split_phrases

# How far two objects must differ for one to be clearly left of, above, below or larger than the other.
SOFTNESS = (0.03, 0.03, 0.03, 0.2, 0.1)  # centre x, centre y, bottom edge (shares of the side), log area, centrality
RANKS = len(SOFTNESS)
NO_CANDIDATE = 0.2  # sum of masks that counts as half of a pixel outside of all candidates
LEAST_TRAITS = 0.1
HELD = 0.45  # share of a mask inside another one from which on it is a part of that, or the same thing
LEAST_CHOICE, LEAST_COUNTED = 1e-6, 1e-4


class ObjectFacts(NamedTuple):
    """What the phrases need to know of K candidates.

    score: (B, K) probability that there is an object; look: (B, K, width) descriptions; facts: (B, K, width) of place
    and size; exceeds: (B, RANKS, K, K) how far each exceeds each other one, in [0, 1].
    """

    score: Tensor
    look: Tensor
    facts: Tensor
    exceeds: Tensor


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
        # The first layer over the concatenated facts is the sum of its parts; the picture's is computed once.
        self.of_image = nn.Linear(7, width)
        self.of_phrase = nn.Linear(2 + 2 * RANKS, width, bias=False)
        self.facts = nn.Sequential(nn.ReLU(), nn.Linear(width, width))
        self.words = nn.Linear(text, width)
        self.phrase = nn.Linear(text, 2 * width)
        self.layers = nn.ModuleList(RelationLayer(width, RELATE_HEADS, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.choose = nn.Linear(width, 1)
        nn.init.constant_(self.choose.bias, -1.5)

    def image_part(self, look: Tensor, boxes: Tensor, score: Tensor) -> ObjectFacts:
        """What no phrase changes, computed once a picture.

        Args:
            look: (B, K, D) descriptions.
            boxes: (B, K, 4) centre x, y, width, height as shares of the picture.
            score: (B, K) probability that there is an object.
        """
        return ObjectFacts(score, self.look(look), self.of_image(_facts(boxes, score)), _exceeds(boxes))

    def forward(self, objects: ObjectFacts, match: Tensor, phrase: Tensor, words: Tensor, present: Tensor) -> Tensor:
        """Score every candidate under every phrase.

        Args:
            objects: the K candidates of each picture.
            match: (B, P, K) how well the candidate's classes fit the phrase's, in [0, 1].
            phrase: (B, P, text) the phrase as a whole.
            words: (B, P, T, text) its words.
            present: (B, P, T) bool, False where the phrase is padded.

        Returns:
            (B, P, K) logits that the phrase means this candidate.
        """
        batch, count = int(match.shape[0]), int(match.shape[-1])
        facts = self.facts(objects.facts[:, None] + self.of_phrase(_ranks(objects, match)))
        gain, shift = self.phrase(phrase)[:, :, None].split(self.look.out_features, dim=-1)
        tokens = (objects.look[:, None] + facts) * (1 + gain) + shift
        x = torch.cat([tokens, self.words(words)], dim=2)
        barred = F.pad(merge_phrases(~present).to(x.dtype) * -1e4, (count, 0))[:, None, None]  # objects never are
        x = merge_phrases(x)
        for layer in self.layers:
            x = layer(x, barred)
        return split_phrases(self.choose(self.norm(x[:, :count])).squeeze(-1), batch)


class RelationLayer(nn.Module):
    """Pre-norm transformer layer over candidates and words; barred positions are not looked at."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, barred: Tensor) -> Tensor:
        """(N, L, width) tokens and (N, 1, 1, L), far below zero where nobody may look, else zero -> (N, L, width)."""
        size = self.out.in_features // self.heads
        qkv = self.qkv(self.norm_attention(x))
        q, k, v = qkv.reshape(*qkv.shape[:2], 3 * self.heads, size).transpose(1, 2).split(self.heads, dim=1)
        weights = (q @ k.transpose(-2, -1) * size**-0.5 + barred).softmax(dim=-1)
        seen = (weights @ v).transpose(1, 2)
        x = x + self.dropout(self.out(seen.reshape(*seen.shape[:2], self.out.in_features)))
        mixed: Tensor = x + self.dropout(self.mlp(self.norm_mlp(x)))
        return mixed


def contest(choice: Tensor, fit: Tensor) -> tuple[Tensor, Tensor]:
    """What candidates count in an answer: whoever is asked to point, points.

    The likeliest one counts more than it is sure of, by the square root; another one is set back by the fourth power
    of what it is beside that one. Several that are meant together are all likely. Not used in training; the powers
    were chosen on held-out photographs (MODEL_CARD.md).

    Args:
        choice: (..., K) probabilities that they are meant.
        fit: (..., K) in [0, 1], how well they fit the traits that the phrase says. What is seen of a person may be
            wrong, so that it cannot take more than ``LEAST_TRAITS`` leaves.

    Returns:
        Twice (..., K) in [0, 1]: what the candidates' masks count, and what the other terms count inside of them: all
        inside the likeliest one, and of those that do not fit only as much as they do.
    """
    choice = choice * fit.clamp(min=LEAST_TRAITS)
    best = choice.amax(dim=-1, keepdim=True).clamp(min=LEAST_CHOICE)
    share = choice / best
    counted = choice * share.square().square() / best.sqrt()
    # Products of tinier ones with masks would be denormal numbers.
    return counted * (counted > LEAST_COUNTED), torch.maximum(fit, share)


def select_masks(choice: Tensor, masks: Tensor) -> Tensor:
    """p3: the chosen objects' masks laid over each other.

    Args:
        choice: (B, P, K) probabilities that the phrase means candidate k.
        masks: (B, K, H, W) probabilities.

    Returns:
        (B, P, H, W), at each pixel the largest product of choice and mask.
    """
    products = choice[..., None, None] * masks[:, None]
    if not torch.is_grad_enabled():
        return products.amax(dim=2)
    # The same numbers, with gradients for the chosen ones alone: a tenth of a training step less.
    best = products.detach().argmax(dim=2).flatten(2)  # (B, P, H * W)
    chosen = choice.gather(2, best) * masks.flatten(2).gather(1, best)
    return chosen.reshape(*best.shape[:2], *masks.shape[-2:])


def holds(masks: Tensor) -> Tensor:
    """(B, K, K), 1 where the second candidate lies in the first one, of masks (B, K, H, W): a sleeve in a person."""
    flat = flatten_cells(masks)
    inside = flat @ flat.transpose(1, 2) / flat.sum(dim=-1)[:, None].clamp(min=1.0)
    return (inside > HELD).to(masks.dtype)


def with_parts(fit: Tensor, held: Tensor) -> Tensor:
    """A candidate fits as well as the best one that lies in it: (B, P, K) and (B, K, K) -> (B, P, K)."""
    return torch.maximum(fit, (fit[:, :, None] * held[:, None]).amax(dim=-1))


def share_kept(fit: Tensor, masks: Tensor) -> Tensor:
    """At each pixel how well the candidates there fit, on average: what is inside of others does not count.

    Args:
        fit: (B, P, K) in [0, 1].
        masks: (B, K, H, W) probabilities.

    Returns:
        (B, P, H, W) in (0, 1], near 1 where there is no candidate.
    """
    flat = flatten_cells(masks)
    # The sum over all candidates comes from the same product, as one row more.
    sums = F.pad(fit, (0, 0, 0, 1), value=1.0) @ flat + NO_CANDIDATE
    return (sums[:, :-1] / sums[:, -1:]).reshape(int(masks.shape[0]), -1, *masks.shape[-2:])


def _facts(boxes: Tensor, score: Tensor) -> Tensor:
    """Absolute position, size and confidence: (B, K, 7)."""
    area, score = boxes[..., 2:].prod(dim=-1, keepdim=True).sqrt(), score[..., None]
    return torch.cat([boxes * 2 - 1, area, score, (score > 0.3).to(score.dtype)], dim=-1)


def _exceeds(boxes: Tensor) -> Tensor:
    """How far each object exceeds each other one in each respect of ``SOFTNESS``: (B, RANKS, K, K) in [0, 1]."""
    boxes = boxes.detach()
    centre, size = boxes[..., :2], boxes[..., 2:]
    bottom = boxes[..., 1:2] + boxes[..., 3:] / 2
    area = size.prod(dim=-1, keepdim=True).clamp(min=1e-4).log()
    centrality = -(centre - 0.5).square().sum(dim=-1, keepdim=True).sqrt()
    respects = torch.cat([centre, bottom, area, centrality], dim=-1) / boxes.new_tensor(SOFTNESS)
    values = respects.transpose(1, 2)
    return (values[..., :, None] - values[..., None, :]).sigmoid()


def _ranks(objects: ObjectFacts, match: Tensor) -> Tensor:
    """Match, number of matching objects, and share and number of them that this one exceeds: (B, P, K, 2 + 10)."""
    weight = (match * objects.score[:, None]).detach()
    total = weight.sum(dim=-1, keepdim=True)
    number = (objects.exceeds[:, None] @ weight[:, :, None, :, None]).squeeze(-1).transpose(2, 3)  # (B, P, K, RANKS)
    counts = torch.stack([match, F.relu(total).expand_as(match).log1p()], dim=-1)
    return torch.cat([counts, number / (total[..., None] + 0.1), number.log1p()], dim=-1)
