#!/usr/bin/env python
"""A faster backbone for a trained model: scripts/prune.py CHECKPOINT PHOTOS OUT [--widths 24,56,...]

Takes channels out of the backbone of CHECKPOINT and fits the others anew to what it had on PHOTOS, a folder of which
144 pictures are looked at (see deixis.train.prune). Prints what each block's output lost. OUT is a checkpoint to train
on from: set `initial` to it and `model.backbone_widths` to the printed numbers. The widths are the hidden channels of
each of the 16 blocks, by default shares of the published ones.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch

from deixis.image import SUFFIXES, Letterbox, normalise, open_image
from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.model.efficientnet import WIDTHS
from deixis.train.checkpoint import MODEL, Checkpoint, load_checkpoint, save_checkpoint, weights_of
from deixis.train.prune import prune

# Share of the hidden channels that each block keeps: the last ones lose least by what is taken from them.
KEPT = (0.75, 0.67, 0.7, 0.7, 0.7, 0.7, 0.75, 0.75, 0.75, 0.72, 0.72, 0.72, 0.65, 0.6, 0.6, 0.6)
MULTIPLE = 8  # processors work on so many channels at once
PICTURES, AT_ONCE, SIDE = 144, 16, 320


def widths() -> list[int]:
    """The hidden channels that ``KEPT`` leaves."""
    return [max(1, round(width * kept / MULTIPLE)) * MULTIPLE for width, kept in zip(WIDTHS, KEPT, strict=True)]


def batches(folder: Path) -> list[torch.Tensor]:
    """Pictures of a folder as the network sees them: (AT_ONCE, 3, SIDE, SIDE) each."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise SystemExit(f"{folder}: expected pictures, found none")
    paths = random.Random(0).sample(paths, min(PICTURES, len(paths)))
    pictures = [open_image(path) for path in paths]
    squares = [normalise(Letterbox.fit(*picture.shape[:2], SIDE).apply(picture)) for picture in pictures]
    starts = range(0, len(squares), AT_ONCE)
    return [torch.from_numpy(np.stack(squares[start : start + AT_ONCE])) for start in starts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--widths", type=lambda text: [int(width) for width in text.split(",")], default=widths())
    arguments = parser.parse_args()
    stored = load_checkpoint(arguments.checkpoint)
    if stored.config.network != "compact" or stored.config.backbone != "efficientnet-lite0":
        raise SystemExit(f"{arguments.checkpoint}: expected a compact network with EfficientNet-Lite0")
    before, after = stored.config.backbone_widths or WIDTHS, arguments.widths
    if len(after) != len(before) or any(new > old for new, old in zip(after, before, strict=True)):
        raise SystemExit(f"--widths: expected {len(before)} numbers of at most {list(before)}, got {after}")
    network = build(stored.config)
    assert isinstance(network, CompactNetwork)
    network.load_state_dict(stored.part(MODEL))
    smaller, errors = prune(network, batches(arguments.photos), after)
    for block, (width, error) in enumerate(zip(after, errors, strict=True)):
        print(f"block {block:2d}: {width:4d} of {before[block]:4d} channels, error {error:.3f} of the variance")
    print(f"backbone_widths = {after}")
    tensors = weights_of(smaller, MODEL)
    save_checkpoint(arguments.out, Checkpoint(smaller.config, stored.vectors, stored.step, tensors, dict(stored.about)))


if __name__ == "__main__":
    main()
