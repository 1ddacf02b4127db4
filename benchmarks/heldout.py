"""Held-out photographs for the benchmarks that ask on them: their command line, and their phrases."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deixis import Segmenter
from deixis.data.scenes import SceneSource, held_out_samples
from deixis.data.synthesize import SynthesisOptions
from deixis.metrics import overlap
from deixis.trainconfig import SourceConfig
from deixis.types import BoolMask, Sample

SEED = 99  # other phrases than training's validation, which chose the checkpoint


@dataclass(frozen=True)
class HeldOut:
    """What a benchmark was given: the model, the photographs, and the file for its numbers."""

    segmenter: Segmenter
    source: SceneSource
    json: Path | None

    @classmethod
    def of(cls, given: argparse.Namespace) -> HeldOut:
        """What ``command_line`` was given."""
        source = SceneSource(SourceConfig(str(given.annotations), str(given.images)))
        return cls(Segmenter.load(given.model), source, given.json)

    def samples(self, phrases: int) -> list[Sample]:
        options = SynthesisOptions(vocabulary=self.segmenter.config.categories)
        return held_out_samples(self.source, phrases, SEED, options)


def iou(mask: BoolMask, truth: BoolMask) -> float:
    intersection, union = overlap(mask, truth)
    return intersection / union


def right_and_wrong(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Of IoU with the right one and with a wrong one: both means, and how often the former is larger."""
    right, wrong = np.array(pairs).T
    shares = {"right one": right.mean(), "wrong one": wrong.mean(), "rather the right one": (right > wrong).mean()}
    return {"n": len(pairs)} | {name: round(float(value), 4) for name, value in shares.items()}


def command_line(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    return parser


def from_command_line(description: str | None) -> HeldOut:
    return HeldOut.of(command_line(description).parse_args())
