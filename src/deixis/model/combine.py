"""The answer: alpha p1 + (1 - alpha) p2, alpha in (0, 1) learned with everything else; and how sure it is.

With the third term: beta p3 + (1 - beta) (alpha p1 + (1 - alpha) p2), where beta depends on the phrase, because
whole objects ("left dog") are proposed and parts ("her hat") are not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EPSILON = 1e-4  # probabilities are kept this far from 0 and 1, so that logits are finite


class Combine(nn.Module):
    """Mix the probabilities of the terms that there are.

    Args:
        terms: names of the terms, of "p1", "p2" and "p3".
        text: length of the phrase's vector.
        learned_presence: whether the terms' peaks are weighed by a small network; if not, the answer's peak counts.
    """

    def __init__(self, terms: Sequence[str], text: int, learned_presence: bool = True) -> None:
        super().__init__()
        self.alpha_logit = nn.Parameter(torch.zeros(())) if {"p1", "p2"} <= set(terms) else None
        self.beta = nn.Linear(text, 1) if "p3" in terms else None
        self.presence: nn.Module | None = None
        if learned_presence:
            self.presence = nn.Sequential(nn.Linear(len(terms), 16), nn.ReLU(), nn.Linear(16, 1))

    @property
    def alpha(self) -> Tensor | None:
        """Weight of p1 against p2, in (0, 1); None when only one of them is there."""
        return None if self.alpha_logit is None else self.alpha_logit.sigmoid()

    def forward(
        self, p1: Tensor | None, p2: Tensor | None, p3: Tensor | None, text: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Probabilities (B, P, h, w) of each term and phrase vectors (B, P, text).

        Returns:
            The answer's logits (B, P, h, w), and the logit (B, P) that the phrase names something here.
        """
        p = mix(p1, p2, self.alpha)
        if p3 is not None and self.beta is not None:
            beta = self.beta(text).sigmoid()[..., None]
            p = beta * p3 + (1 - beta) * p
        logits = logit(p)
        if self.presence is None:
            return logits, logits.amax(dim=(-2, -1))
        peaks = [term.amax(dim=(-2, -1)) for term in (p1, p2, p3) if term is not None]
        return logits, self.presence(logit(torch.stack(peaks, dim=-1))).squeeze(-1)


def mix(p1: Tensor | None, p2: Tensor | None, alpha: Tensor | None) -> Tensor:
    """Alpha p1 + (1 - alpha) p2, or the only one of them."""
    if p1 is not None and p2 is not None and alpha is not None:
        return alpha * p1 + (1 - alpha) * p2
    only = p2 if p1 is None else p1
    assert only is not None, "the config has p1 or p2"
    return only


def logit(p: Tensor) -> Tensor:
    """Log-odds of a probability, finite."""
    p = p.clamp(EPSILON, 1 - EPSILON)
    return torch.log(p) - torch.log1p(-p)
