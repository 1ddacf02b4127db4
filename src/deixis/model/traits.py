"""Traits as the 2016 paper has categories: what a phrase says, times what each proposed object shows.

Word vectors hardly tell "red" from "blue" or "man" from "woman" (their texts are alike), so that a network which only
sees the words does not learn which object is meant; a classifier that is told the traits does.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.config import TRAIT_VALUES

HIDDEN = 48
GIST_DROPOUT = 0.5  # of few thousand people in training much more would be learned by heart
LEAST_FIT = 0.05  # what counts for objects of which none has the trait
# What the share of the best object's chance counts in an answer, to the power of this: an object that is told to be a
# woman with 0.7 of another one's chance is not the one that a phrase about a woman means.
POWERS = (3.0, 14.0, 14.0, 14.0)
UNUSED = -1e4  # logit of values that a trait does not have
MOST_VALUES = max(TRAIT_VALUES)


class TraitMatch(nn.Module):
    """Which proposed objects have the traits that a phrase says: colour, sex, age and posture, if it says one.

    The G traits are computed side by side, each with room for C values (``TRAIT_VALUES``: G numbers, at most C).

    Args:
        colours: numbers of an object's colours, of which the first trait is told.
        gist: channels of the backbone's last map, of which the others are told. On people of photographs that were
            not trained on, a linear classifier of its mean inside the mask tells men from women with an area under
            the ROC curve of 0.82; of the merged map 0.70, of the maps at strides 16 and 8 0.74 and 0.64.
        text: length of the phrase's vector.
    """

    unused: Tensor
    powers: Tensor

    def __init__(self, colours: int, gist: int, text: int) -> None:
        super().__init__()
        others = (len(TRAIT_VALUES) - 1) * MOST_VALUES
        self.of_colours = nn.Sequential(nn.Linear(colours, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, MOST_VALUES))
        self.of_gist = nn.Sequential(nn.Dropout(GIST_DROPOUT), nn.Linear(gist, others))
        self.of_phrase = nn.Linear(text, len(TRAIT_VALUES) * (MOST_VALUES + 1))
        unused = torch.arange(MOST_VALUES) >= torch.tensor(TRAIT_VALUES)[:, None]
        self.register_buffer("unused", unused * UNUSED, persistent=False)
        self.register_buffer("powers", torch.tensor(POWERS)[:, None, None], persistent=False)

    def shown(self, colours: Tensor, gist: Tensor) -> Tensor:
        """Logits of what objects show, (B, K, G, C), from their colours (B, K, colours) and gists (B, K, gist)."""
        logits = torch.cat([self.of_colours(colours), self.of_gist(gist)], dim=-1)
        return logits.reshape(*logits.shape[:2], -1, MOST_VALUES) + self.unused

    def said(self, text: Tensor) -> Tensor:
        """Logits of what phrases (B, P, text) say, (B, P, G, C + 1); the last value is for nothing."""
        logits: Tensor = self.of_phrase(text)
        unused = F.pad(self.unused, (0, 1))
        return logits.reshape(int(text.shape[0]), -1, *unused.shape) + unused

    def forward(self, weights: Tensor, shown: Tensor, said: Tensor, strict: bool = False) -> Tensor:
        """How well objects fit what a phrase says of them, beside the best of them.

        Args:
            weights: (B, P, K) in [0, 1], how much an object is one to compare with: how well its class fits, or how
                likely it is meant. A sleeve may be the best orange, but nobody asks for it.
            shown: (B, K, G, C) probabilities of what they show.
            said: (B, P, G, C + 1) logits of what the phrase says.
            strict: as answers count it (``POWERS``).

        Returns:
            (B, P, K) in [0, 1], the product over the traits: 1 where nothing is said, and of the object that shows it
            most.
        """
        chances = said.softmax(dim=-1).transpose(1, 2)  # (B, G, P, C + 1)
        none = chances[..., -1:]
        fit = chances[..., :-1] @ shown.permute(0, 2, 3, 1) / (1 - none).clamp(min=1e-3)  # (B, G, P, K)
        best = (fit * weights[:, None]).amax(dim=-1, keepdim=True)
        relative = ((fit + LEAST_FIT) / (best + LEAST_FIT)).clamp(max=1)
        counted = relative**self.powers if strict else relative
        return (none + (1 - none) * counted).prod(dim=1)
