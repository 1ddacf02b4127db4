"""The answer: alpha p1 + (1 - alpha) p2, alpha in (0, 1) learned with everything else; and how sure it is.

With the third term: beta p3 + (1 - beta) (alpha p1 + (1 - alpha) p2), where beta depends on the phrase, because
whole objects ("left dog") are proposed and parts ("her hat") are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LANES = 16  # numbers that a processor works on at once, at most
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
        self.threshold = 0.5  # the mixture's value that counts as even odds; chosen after training, see validate.py
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
        self,
        p1: Tensor | None,
        p2: Tensor | None,
        p3: Tensor | None,
        text: Tensor | None,
        surest: Tensor | None = None,
        keep: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix the terms.

        Args:
            p1: probabilities (B, P, h, w).
            p2: probabilities (B, P, h, w).
            p3: probabilities (B, P, h, w).
            text: (B, P, text) phrase vectors.
            surest: (B, P) peak of the third term before its candidates' contest.
            keep: (B, P, h, w) share of the other terms that counts at each pixel of the answer, if not all of them.

        Returns:
            The answer's logits (B, P, h, w), the logit (B, P) that the phrase names something here, and the weight
            of each term (B, P, terms).
        """
        terms = [term for term in (p1, p2, p3) if term is not None]
        weights = self._weights(terms[0], text)
        mixed = [weights[..., k, None, None] * term for k, term in enumerate(terms)]
        others, third = (mixed, []) if p3 is None else (mixed[:-1], mixed[-1:])
        p = sum(others[1:], others[0])
        p = sum(third, p if keep is None else p * keep)
        logits = logit(p) - math.log(self.threshold / (1 - self.threshold))
        if self.presence is None:
            return logits, logits.amax(dim=(-2, -1)), weights
        highest = [term.amax(dim=(-2, -1)) for term in (p1, p2) if term is not None]
        peaks = torch.stack(highest if surest is None else [*highest, surest], dim=-1)
        # Padded to whole vectors: ONNX Runtime's logarithm of what is left over has another last bit, and a phrase's
        # score would depend on its place among others.
        padded = logit(F.pad(peaks, (0, LANES - len(terms)), value=0.5))
        return logits, self.presence(padded[..., : len(terms)]).squeeze(-1), weights

    def _weights(self, term: Tensor, text: Tensor | None) -> Tensor:
        """(B, P, terms): alpha and 1 - alpha, or 1 of a single term; with the third one, beta of the phrase for it."""
        shares = (1.0,) if self.alpha is None else (self.alpha, 1 - self.alpha)
        if self.beta is None:
            ones = torch.ones_like(term[..., 0, :1])
            return torch.cat([share * ones for share in shares], dim=-1)
        beta = self.beta(text).sigmoid()
        return torch.cat([*(share * (1 - beta) for share in shares), beta], dim=-1)


def logit(p: Tensor) -> Tensor:
    """Log-odds of a probability, finite."""
    p = p.clamp(EPSILON, 1 - EPSILON)
    return torch.log(p / (1 - p))
