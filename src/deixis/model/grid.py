"""Where the cells of feature maps lie: in the middle of the square that a picture would be letterboxed into.

A picture's frame leaves out most of the square's padding (see ``image.Letterbox``), so maps are as long as the square's
and often not as high, or not as wide. Coordinates are the square's own whatever the frame.

The network is exported for frames of all sizes. Sizes that no picture changes are Python's numbers here, so that
the graph computes nothing of them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def square_side(grid: Tensor) -> int:
    """Cells a side of the square in the middle of which a grid (..., h, w) lies: its longer side."""
    return max(int(size) for size in grid.shape[-2:])


def middle(square: Tensor, grid: Tensor) -> Tensor:
    """What of a map (..., S, S) over the square lies in a grid (..., h, w): (..., h, w)."""
    columns, rows = square_places(grid)
    return square[..., rows, columns]


def square_places(grid: Tensor) -> tuple[slice, slice]:
    """Which columns and which rows of its square a grid (..., h, w) has."""
    rows, columns = (_middle(square_side(grid), size) for size in grid.shape[-2:])
    return columns, rows


def cell_centres(grid: Tensor) -> tuple[Tensor, Tensor]:
    """Centres of the cells of a grid (..., h, w), as shares of its square's side: (w,) across and (h,) down."""
    centres = square_centres(grid)
    columns, rows = square_places(grid)
    return centres[columns], centres[rows]


def square_centres(grid: Tensor) -> Tensor:
    """Centres of the cells of a grid's square along one side, as shares of that: (S,)."""
    side = square_side(grid)
    return (torch.arange(side, dtype=grid.dtype, device=grid.device) + 0.5) / side


def cell_means(maps: Tensor, stride: int) -> Tensor:
    """Means of a few maps (B, C, H, W) in square cells: (B, C, H / stride, W / stride).

    A convolution that keeps the maps apart: in ONNX Runtime a third of the time of pooling.
    """
    channels = int(maps.shape[1])
    apart = torch.eye(channels, dtype=maps.dtype, device=maps.device)[..., None, None] / stride**2
    return F.conv2d(maps, apart.expand(-1, -1, stride, stride), stride=stride)


def flatten_cells(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, h * w)."""
    batch, channels = (int(size) for size in maps.shape[:2])
    return maps.reshape(batch, channels, -1)


def gather_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Columns of a map (B, C, h, w) at flat cell indices (B, N): (B, N, C)."""
    batch, channels = (int(size) for size in maps.shape[:2])
    index = cells[:, None].expand(batch, channels, int(cells.shape[-1]))
    return flatten_cells(maps).gather(2, index).transpose(1, 2)


def spatial_channels(side: int, device: torch.device | None = None) -> Tensor:
    """The eight coordinates of each cell (Hu et al. 2016): [xmin, ymin, xmax, ymax, xcentre, ycentre, 1/W, 1/H].

    Args:
        side: W and H, cells of the square.
        device: where to.

    Returns:
        (8, side, side) float32, positions in [-1, 1].
    """
    start = torch.arange(side, dtype=torch.float32, device=device) / side * 2 - 1
    xmin, ymin = start.expand(side, side), start[:, None].expand(side, side)
    share = torch.full_like(xmin, 1 / side)
    return torch.stack([xmin, ymin, xmin + 2 * share, ymin + 2 * share, xmin + share, ymin + share, share, share])


def _middle(side: int, size: int) -> slice:
    start = (side - size) // 2
    return slice(start, start + size)
