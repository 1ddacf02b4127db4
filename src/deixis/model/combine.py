"""The answer: alpha p1 + (1 - alpha) p2, alpha in (0, 1) learned with everything else; and how sure it is.

With the third term: beta p3 + (1 - beta) (alpha p1 + (1 - alpha) p2), where beta depends on the phrase, because
whole objects ("left dog") are proposed and parts ("her hat") are not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-4  # probabilities are kept this far from 0 and 1, so that logits are finite


class Combine(nn.Module):
    """Mix the terms' probabilities.

    Args:
        text: length of the phrase's vector.
        objects: whether there is a p3.
    """

    def __init__(self, text: int, objects: bool) -> None:
        super().__init__()
        self.alpha_logit = nn.Parameter(torch.zeros(()))
        self.beta = nn.Linear(text, 1) if objects else None
        self.presence = nn.Sequential(nn.Linear(3 if objects else 2, 16), nn.ReLU(), nn.Linear(16, 1))

    @property
    def alpha(self) -> Tensor:
        """Weight of p1 against p2, in (0, 1)."""
        return self.alpha_logit.sigmoid()

    def forward(self, p1: Tensor, p2: Tensor, p3: Tensor | None, text: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (B, P, h, w) of each term and phrase vectors (B, P, text).

        Returns:
            The answer's logits (B, P, h, w), and the logit (B, P) that the phrase names something here.
        """
        p = self.alpha * p1 + (1 - self.alpha) * p2
        peaks = [p1.amax(dim=(-2, -1)), p2.amax(dim=(-2, -1))]
        if p3 is not None and self.beta is not None:
            beta = self.beta(text).sigmoid()[..., None]
            p = beta * p3 + (1 - beta) * p
            peaks.append(p3.amax(dim=(-2, -1)))
        presence = self.presence(logit(torch.stack(peaks, dim=-1))).squeeze(-1)
        return logit(p), presence


def logit(p: Tensor) -> Tensor:
    """Log-odds of a probability, finite."""
    p = p.clamp(EPSILON, 1 - EPSILON)
    return torch.log(p) - torch.log1p(-p)
