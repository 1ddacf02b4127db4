"""Colours as the 2016 paper has categories: what a phrase says, times what each proposed object shows.

Word vectors hardly tell "red" from "blue" (their texts are alike), so that a network which only sees the words takes
long to learn which object is meant; a classifier that is told the colours does not.
"""

from __future__ import annotations

from torch import Tensor, nn

from deixis.config import COLOURS_SAID

HIDDEN = 48
LEAST_FIT = 0.05  # what counts for objects of which none has the colour


class ColourMatch(nn.Module):
    """Which proposed objects have the colour that a phrase says, if it says one.

    Args:
        features: numbers of an object's colours.
        text: length of the phrase's vector.
    """

    def __init__(self, features: int, text: int) -> None:
        super().__init__()
        self.of_object = nn.Sequential(nn.Linear(features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, COLOURS_SAID))
        self.of_phrase = nn.Linear(text, COLOURS_SAID + 1)  # the last one for a phrase without a colour

    def forward(self, match: Tensor, shown: Tensor, said: Tensor) -> Tensor:
        """How well objects fit a phrase, by class and by colour.

        Args:
            match: (B, P, K) in [0, 1], how well their classes do.
            shown: (B, K, C) probabilities of their colours.
            said: (B, P, C + 1) logits of the phrase's.

        Returns:
            (B, P, K) in [0, 1]: ``match`` where no colour is said, and of the object that shows it most.
        """
        chances = said.softmax(dim=-1)
        none = chances[..., -1:]
        fit = chances[..., :-1] @ shown.transpose(1, 2) / (1 - none).clamp(min=1e-3)
        best = (fit * match).amax(dim=-1, keepdim=True)
        relative = ((fit + LEAST_FIT) / (best + LEAST_FIT)).clamp(max=1)
        return match * (none + (1 - none) * relative)
