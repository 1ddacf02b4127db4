"""What an annotation lets one compute truthfully: colours, bands of a person, ranks and places among like objects.

Pure functions on numpy arrays and plain numbers. Places and sizes are fractions of the picture's sides in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deixis.types import BoolMask, Box, ImageArray

# The last three are buckets that keep the other colours honest and are never said: blue or green, white in the shade
# or light gray, nearly black of some hue.
COLOURS = (
    "black",
    "white",
    "gray",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "tan",
    "teal",
    "pale",
    "dark",
)
_UNSAID = frozenset({"teal", "pale", "dark"})
SAID = tuple(name for name in COLOURS if name not in _UNSAID)
_INDEX = {name: index for index, name in enumerate(COLOURS)}
_CLOSE = {
    "black": ("gray", "brown", "blue", "dark"),
    "white": ("gray", "tan", "pale"),
    "gray": ("tan", "blue", "green", "brown", "pale", "dark"),
    "red": ("orange", "pink", "brown", "purple"),
    "orange": ("yellow", "brown", "tan"),
    "yellow": ("tan", "green"),
    "green": ("teal", "dark"),
    "blue": ("teal", "purple", "pale", "dark"),
    "purple": ("pink", "dark"),
    "pink": ("tan",),
    "brown": ("tan", "dark"),
    "tan": ("pale",),
}
SAMPLES = 900  # pixels looked at per object
TORSO_BAND = (0.22, 0.48)  # of the height of a standing person, from the top
BUST_BAND = (0.45, 0.75)  # of the height of a head and shoulders cut off by the frame
HALF_BAND = (0.28, 0.62)  # of a person who sits, strides, or is cut off at the legs
LEGS_BAND = (0.58, 0.86)
_DOMINANT = 0.55
DOUBT = 0.28

ColourShares = NDArray[np.float64]


def name_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Index into ``COLOURS`` of every pixel. rgb: (N, 3) uint8; returns (N,) uint8."""
    red, green, blue = (rgb[:, channel].astype(np.float64) / 255 for channel in range(3))
    value, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    chroma = value - low
    saturation = chroma / np.maximum(value, 1e-6)
    safe = np.maximum(chroma, 1e-6)
    hue = np.where(
        value == red,
        (green - blue) / safe % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = hue * 60
    bluish = (hue >= 185) & (hue < 255)
    dull = (chroma < 0.08) | (saturation < 0.16) | (bluish & (saturation < 0.28))
    rules = (
        ((value < 0.19) | ((value < 0.27) & (chroma < 0.07)), "black"),
        ((value < 0.34) & (saturation < 0.7), "dark"),
        ((value > 0.75) & (saturation < 0.15), "white"),
        (dull & (value > 0.55), "pale"),
        (dull, "gray"),
        (((hue < 14) | (hue >= 345)) & (value > 0.7) & (saturation < 0.5), "pink"),
        (((hue < 12) | (hue >= 345)) & (saturation > 0.5), "red"),
        ((hue < 14) | (hue >= 345), "brown"),
        ((hue < 40) & (saturation > 0.68) & (value > 0.72), "orange"),
        ((hue < 44) & (value > 0.62), "tan"),
        (hue < 44, "brown"),
        ((hue < 68) & (saturation > 0.45) & (value > 0.6), "yellow"),
        ((hue < 68) & (value > 0.55), "tan"),
        ((hue < 54), "brown"),
        (hue < 160, "green"),
        (hue < 190, "teal"),
        (hue < 250, "blue"),
        (hue < 290, "purple"),
        (value > 0.6, "pink"),
    )
    names = np.select([test for test, _ in rules], [_INDEX[name] for _, name in rules], _INDEX["purple"])
    return names.astype(np.uint8)


@lru_cache(maxsize=1)
def _palette() -> NDArray[np.uint8]:
    """(32768,) colour index of every RGB value in steps of eight."""
    steps = np.arange(32, dtype=np.uint8) * 8 + 4
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    return name_pixels(grid)


@lru_cache(maxsize=1)
def _closeness() -> NDArray[np.float64]:
    """(K, K) 1 on the diagonal, 0.4 for colours that people mix up, 0 elsewhere."""
    table = np.eye(len(COLOURS))
    for first, others in _CLOSE.items():
        for second in others:
            table[_INDEX[first], _INDEX[second]] = table[_INDEX[second], _INDEX[first]] = 0.4
    return table


def colour_shares(image: ImageArray, mask: BoolMask, rows: tuple[int, int], columns: tuple[int, int]) -> ColourShares:
    """Share of each colour among the mask's pixels inside a window, from at most about ``SAMPLES`` of them.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        rows: window [start, stop) in pixels from the top.
        columns: window [start, stop) in pixels from the left.

    Returns:
        (len(COLOURS),) shares that add up to one; zeros when fewer than eight pixels are there.
    """
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    step = max(1, int((max(height, 0) * max(width, 0) / SAMPLES) ** 0.5))
    window = (slice(rows[0], rows[1], step), slice(columns[0], columns[1], step))
    pixels = image[window][mask[window]]
    if len(pixels) < 8:
        return np.zeros(len(COLOURS))
    codes = (pixels >> 3).astype(np.int32)
    indices = _palette()[codes[:, 0] * 1024 + codes[:, 1] * 32 + codes[:, 2]]
    return np.bincount(indices, minlength=len(COLOURS)) / len(pixels)


def band_rows(box_xyxy: Box, band: tuple[float, float]) -> tuple[int, int]:
    """Rows [start, stop) in pixels of a horizontal band of a box, given as fractions of its height."""
    top, height = box_xyxy[1], box_xyxy[3] - box_xyxy[1]
    return max(int(top + band[0] * height), 0), int(top + band[1] * height + 1)


def dominant(shares: ColourShares, minimum: float = _DOMINANT) -> str | None:
    """The colour's name when one clearly dominates: at least ``minimum``, and three times the next."""
    first = int(np.argmax(shares))
    rest = float(np.delete(shares, first).max())
    if shares[first] < minimum or shares[first] < 3 * rest or COLOURS[first] in _UNSAID:
        return None
    return COLOURS[first]


def could_be(shares: ColourShares, colour: str, least: float = DOUBT) -> bool:
    """Whether somebody might call it that colour; also True when nothing is known (all zeros)."""
    if not shares.any():
        return True
    return float(shares @ _closeness()[_INDEX[colour]]) > least


def extreme(values: Sequence[float], margins: Sequence[float]) -> int | None:
    """Index of the smallest value if each other one is larger by more than the larger of the two margins."""
    if not values:
        return None
    first = min(range(len(values)), key=values.__getitem__)
    for other in range(len(values)):
        if other != first and values[other] - values[first] <= max(margins[other], margins[first]):
            return None
    return first


def ordered(values: Sequence[float], margin: float) -> list[int]:
    """Indices from the smallest value on, as far as the order is clear.

    An index is in the list only if the gaps before it and after it, and all gaps before, exceed the margin.
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    for place in range(1, len(order)):
        if values[order[place]] - values[order[place - 1]] <= margin:
            return order[: place - 1]
    return order


def dominates(values: Sequence[float], ratio: float) -> int | None:
    """Index of the value that is more than ``ratio`` times every other one, else None."""
    if len(values) < 2:
        return None
    order = sorted(range(len(values)), key=values.__getitem__)
    return order[-1] if values[order[-1]] > ratio * values[order[-2]] else None


def dominated(values: Sequence[float], ratio: float) -> int | None:
    """Index of the value that every other one exceeds more than ``ratio`` times, else None."""
    if len(values) < 2:
        return None
    order = sorted(range(len(values)), key=values.__getitem__)
    return order[0] if values[order[1]] > ratio * values[order[0]] else None


def overlap(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Common length of two intervals as a share of the shorter one, in [0, 1]."""
    shorter = min(first[1] - first[0], second[1] - second[0])
    return max(min(first[1], second[1]) - max(first[0], second[0]), 0.0) / max(shorter, 1e-9)


def gap(first: Box, second: Box) -> float:
    """Distance between two boxes, 0 when they touch or overlap."""
    dx = max(first[0] - second[2], second[0] - first[2], 0.0)
    dy = max(first[1] - second[3], second[1] - first[3], 0.0)
    return float((dx * dx + dy * dy) ** 0.5)


def contained(inner: Box, outer: Box) -> float:
    """Share of the inner box's area that lies in the outer one, in [0, 1]."""
    dx = max(min(inner[2], outer[2]) - max(inner[0], outer[0]), 0.0)
    dy = max(min(inner[3], outer[3]) - max(inner[1], outer[1]), 0.0)
    return dx * dy / max((inner[2] - inner[0]) * (inner[3] - inner[1]), 1e-9)
