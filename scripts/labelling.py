"""What the scripts that label pictures share: a trained network of ours, and the square in which it sees a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from deixis.image import Letterbox, normalise
from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.train.checkpoint import AVERAGE, MODEL, load_checkpoint

SIDE = 320  # of the square in which masks are drawn


def load_network(path: Path) -> CompactNetwork:
    """The averaged weights of a checkpoint, for squares of ``SIDE``."""
    checkpoint = load_checkpoint(path)
    network = build(replace(checkpoint.config, input_size=SIDE))
    weights = checkpoint.part(AVERAGE) or checkpoint.part(MODEL)
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    assert isinstance(network, CompactNetwork)
    return network.eval()


def on_square(image: NDArray[np.uint8]) -> tuple[Letterbox, Tensor]:
    """How a picture (H, W, 3) lies in the square, and the square (1, 3, SIDE, SIDE)."""
    height, width = image.shape[:2]
    box = Letterbox.fit(height, width, SIDE)
    return box, torch.from_numpy(normalise(box.apply(image)))[None].to(memory_format=torch.channels_last)


def off_square(chances: Tensor, box: Letterbox) -> NDArray[np.float32]:
    """Maps (N, h, w) of the square as (N, H, W) of the picture."""
    square = F.interpolate(chances[None], size=(SIDE, SIDE), mode="bilinear")
    square = square[..., box.top : box.top + box.new_height, box.left : box.left + box.new_width]
    found: NDArray[np.float32] = F.interpolate(square, size=(box.height, box.width), mode="bilinear")[0].numpy()
    return found


def overlap(box: Sequence[float], other: Sequence[float]) -> float:
    """IoU of two boxes x0 y0 x1 y1."""
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    common = max(across, 0) * max(down, 0)
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (box, other))
    return float(common / max(areas - common, 1e-9))


def corners(bbox: Sequence[float]) -> list[float]:
    """x0 y0 x1 y1 of a box in COCO's form, x y width height."""
    x, y, width, height = bbox
    return [x, y, x + width, y + height]


def by_picture(content: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """The annotations of a COCO file by the id of their picture."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in content["annotations"]:
        found[row["image_id"]].append(row)
    return found
