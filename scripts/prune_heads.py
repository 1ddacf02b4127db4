#!/usr/bin/env python
"""Faster heads for a trained model: scripts/prune_heads.py CHECKPOINT PHOTOS PHRASES OUT [--p1-width 88 ...]

Takes channels out of p1 and out of what describes the look of objects, and fits the others anew to what they gave on
PHOTOS, a folder of which 144 pictures are looked at, under phrases of PHRASES (COCO captions, ReferIt's queries, or one
text a line; see deixis.train.prune_heads). Prints what is lost. OUT is a checkpoint to export; to train on from it, set
`initial` to it and the printed settings in [model].
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
from prune import MULTIPLE, batches

from deixis.config import ModelConfig
from deixis.embeddings import WordVectors
from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.segmenter import DEFAULT_VECTORS
from deixis.train.checkpoint import MODEL, Checkpoint, load_checkpoint, save_checkpoint, weights_of
from deixis.train.prune_heads import prune_heads
from deixis.train.reading import read_texts, vectors_of

# Share of the channels that are kept: each layer then loses about a thousandth of the variance of what it leads to.
KEPT = {"p1_width": 0.92, "p1_hidden": 0.67, "appearance_width": 0.33}
PHRASES_A_PICTURE = 4


def widths(config: ModelConfig, given: argparse.Namespace) -> dict[str, int]:
    """The settings of ``KEPT``: the given number, or its share of what the checkpoint has."""
    before = {name: getattr(config, name) or config.p1_width for name in KEPT}
    after = {name: getattr(given, name) or _rounded(before[name] * share) for name, share in KEPT.items()}
    for name, width in after.items():
        if not 1 <= width <= before[name]:
            raise SystemExit(f"--{name.replace('_', '-')}: expected a number of at most {before[name]}, got {width}")
    return after


def _rounded(width: float) -> int:
    return max(1, round(width / MULTIPLE)) * MULTIPLE


def phrases_of(path: Path, vectors: WordVectors, count: int) -> torch.Tensor:
    """Word vectors (count, MAX_TOKENS, D) of so many phrases, drawn from a file's."""
    texts = read_texts(path)
    if not texts:
        raise SystemExit(f"{path}: expected phrases, found none")
    return vectors_of(random.Random(0).choices(texts, k=count), vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("checkpoint", "photos", "phrases", "out"):
        parser.add_argument(name, type=Path)
    for name in KEPT:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    given = parser.parse_args()
    stored = load_checkpoint(given.checkpoint)
    if stored.config.network != "compact" or not stored.config.objects:
        raise SystemExit(f"{given.checkpoint}: expected a compact network with all three terms")
    after = widths(stored.config, given)
    network = build(stored.config)
    assert isinstance(network, CompactNetwork)
    network.load_state_dict(stored.part(MODEL))
    pictures = batches(given.photos)
    vectors = WordVectors.load(DEFAULT_VECTORS)
    phrases = phrases_of(given.phrases, vectors, PHRASES_A_PICTURE * sum(map(len, pictures)))
    asked = phrases.unflatten(0, (-1, PHRASES_A_PICTURE)).split([len(images) for images in pictures])
    p1 = (after["p1_width"], after["p1_hidden"])
    smaller, errors = prune_heads(network, list(zip(pictures, asked, strict=True)), p1, after["appearance_width"])
    for name, error in errors.items():
        print(f"{name}: error {error:.4f} of the variance")
    for name, width in after.items():
        print(f"{name} = {width}")
    tensors = weights_of(smaller, MODEL)
    save_checkpoint(given.out, Checkpoint(smaller.config, stored.vectors, stored.step, tensors, dict(stored.about)))


if __name__ == "__main__":
    main()
