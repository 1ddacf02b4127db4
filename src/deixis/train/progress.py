"""What a run reports on its way, and the means and rates in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from deixis.train.validate import Validation
from deixis.trainconfig import TrainConfig


@dataclass(frozen=True)
class Progress:
    """What a run reports every few steps.

    Attributes:
        step, steps: done and planned.
        losses: mean of each term since the last report.
        images_per_second: of this process.
        remaining_seconds: at this rate.
        validation: scores, at the steps that validate.
    """

    step: int
    steps: int
    losses: dict[str, float]
    images_per_second: float
    remaining_seconds: float
    validation: Validation | None = None


class Meter:
    """Means and rates between two reports."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._start = time.monotonic()
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def add(self, terms: dict[str, torch.Tensor]) -> None:
        """Take in the terms of one step."""
        for name, value in terms.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._count += 1

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of the block out of the rates."""
        begin = time.monotonic()
        yield
        self._start += time.monotonic() - begin

    def progress(self, step: int, validation: Validation | None) -> Progress:
        """What to report, and start anew."""
        elapsed = time.monotonic() - self._start
        losses = {name: float(value) / self._count for name, value in self._sums.items()}
        losses["total"] = sum(losses.values())
        remaining = (self._config.steps - step) * elapsed / self._count
        rate = self._config.images * self._count / elapsed
        self._start, self._sums, self._count = time.monotonic(), {}, 0
        return Progress(step, self._config.steps, losses, rate, remaining, validation)
