"""Probabilities and log-odds: answers are kept as log-odds, which cost nothing until a probability is asked for."""

from __future__ import annotations

from typing import overload

import numpy as np

from deixis.types import BoolMask, FloatArray


def probability(logits: FloatArray) -> FloatArray:
    """Probabilities of log-odds, float32; the argument stays as it is."""
    odds = np.negative(logits, dtype=np.float32)  # the steps in place: a photograph of 100 million pixels is large
    np.exp(odds, out=odds)
    odds += 1
    return np.reciprocal(odds, out=odds)


@overload
def log_odds(shares: FloatArray) -> FloatArray: ...
@overload
def log_odds(shares: float) -> float: ...
def log_odds(shares: float | FloatArray) -> float | FloatArray:
    """Log-odds of probabilities in [0, 1]; infinite at the ends."""
    with np.errstate(divide="ignore"):
        odds: float | FloatArray = np.log(shares) - np.log1p(np.negative(shares))
    return odds


def certain(mask: BoolMask) -> FloatArray:
    """Log-odds (H, W) float32 of a mask about which there is no doubt."""
    return np.where(mask, np.float32(np.inf), np.float32(-np.inf))
