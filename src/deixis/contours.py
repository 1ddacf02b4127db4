"""Connected parts of a mask and their outlines as polygons, with NumPy only.

Pixels that share a side are connected; those that share a corner only are not. Outlines run along the sides of
pixels, so a polygon holds exactly the pixels of its part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deixis.types import BoolMask

Labels = NDArray[np.int32]
Points = NDArray[np.int64]


def components(mask: BoolMask) -> Labels:
    """(H, W) int32: 0 outside of the mask, 1 to n in its connected parts, numbered by their first pixel."""
    height, width = mask.shape
    stride = width + 1  # a column of background at the right ends each row's last run
    flat = np.pad(mask, ((0, 0), (0, 1))).ravel().astype(np.int8)
    changes = np.flatnonzero(np.diff(flat, prepend=np.int8(0), append=np.int8(0)))
    starts, ends = changes[::2], changes[1::2]
    # The runs of the row above that overlap run i are first[i] .. last[i] - 1.
    first = np.searchsorted(ends, starts - stride, side="right")
    last = np.searchsorted(starts, ends - stride, side="left")
    roots = _join(len(starts), first.tolist(), last.tolist())
    _, numbers = np.unique(roots, return_inverse=True)
    labels = np.zeros(height * stride, dtype=np.int32)
    labels[flat > 0] = np.repeat(numbers + 1, ends - starts)
    return np.ascontiguousarray(labels.reshape(height, stride)[:, :width])


def _join(count: int, first: list[int], last: list[int]) -> list[int]:
    """The smallest run that each run is connected with."""
    parents = list(range(count))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    for run in range(count):
        for above in range(first[run], last[run]):
            one, other = root(run), root(above)
            parents[max(one, other)] = min(one, other)
    return [root(run) for run in range(count)]


def polygons(mask: BoolMask, tolerance: float = 0.0) -> list[Points]:
    """The outlines of a mask, one polygon a connected part.

    A hole is part of its polygon, joined to the outline by a line that is walked there and back; rules of filling
    that count crossings (COCO, Pillow, browsers) leave it empty.

    Args:
        mask: (H, W) bool.
        tolerance: corners are left out that lie no further, in pixels, from the line between those that stay
            (Douglas and Peucker 1973); 0 for the exact outline.

    Returns:
        For each part (n, 2) corners x, y in pixels, from 0 to the width and height; not closed. ``masks.decode``
        of exact ones gives the mask again.
    """
    labels = components(mask)
    outer: dict[int, Points] = {}
    holes: list[tuple[int, Points]] = []
    for ring in _rings(mask):
        x, y = ring[0]  # the first in reading order, from which the ring leads right and down
        corners = _simplified(ring, tolerance) if tolerance > 0 else ring
        if mask[y, x]:
            outer[int(labels[y, x])] = corners
        else:
            holes.append((int(labels[y - 1, x]), corners))
    for label, ring in holes:
        outer[label] = _with_hole(outer[label], ring)
    return list(outer.values())


def _with_hole(outline: Points, hole: Points) -> Points:
    """One polygon: the outline up to its corner nearest to the hole, around the hole, back and on."""
    distances = np.abs(outline - hole[0]).sum(axis=1)
    nearest = int(distances.argmin())
    return np.concatenate([outline[: nearest + 1], hole, hole[:1], outline[nearest:]])


def _simplified(ring: Points, tolerance: float) -> Points:
    """The corners that are needed to stay within the tolerance; the ring itself when fewer than three are."""
    far = int(np.square(ring - ring[0]).sum(axis=1).argmax())
    closed = np.concatenate([ring, ring[:1]])
    kept, spans = {0, far}, [(0, far), (far, len(ring))]
    while spans:
        start, end = spans.pop()
        line, offsets = closed[end] - closed[start], closed[start + 1 : end] - closed[start]
        if not len(offsets):
            continue
        distances = np.abs(line[0] * offsets[:, 1] - line[1] * offsets[:, 0]) / max(float(np.hypot(*line)), 1e-9)
        worst = int(distances.argmax())
        if distances[worst] > tolerance:
            middle = start + 1 + worst
            kept.add(middle)
            spans += [(start, middle), (middle, end)]
    return ring[sorted(kept)] if len(kept) > 2 else ring


def _rings(mask: BoolMask) -> list[Points]:
    """Closed outlines, outer and inner, each from its first corner in reading order, corners only."""
    padded = np.pad(mask, 1).astype(np.int8)
    above_left, above, left, here = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    total = above_left + above + left + here
    diagonal = (total == 2) & (above_left == here)  # two corners at one place, where two parts touch
    y, x = np.nonzero((total % 2 == 1) | diagonal)
    twice = diagonal[y, x]
    falling = twice & (here[y, x] == 1)  # the pixels that touch are above left and below right
    y, x, falling, copies = (np.repeat(values, 1 + twice) for values in (y, x, falling, twice))
    # Of two corners at one place the first has the side to the left, the second that to the right. Where the touching
    # pixels fall, the first also has the side above; where they rise, the second has it.
    second = np.zeros(len(y), dtype=np.int64)
    second[1:] = copies[1:] & (y[1:] == y[:-1]) & (x[1:] == x[:-1])
    across = _partners(np.lexsort((second, x, y)))
    down = _partners(np.lexsort((np.where(falling, second, 1 - second), y, x)))
    return _walk(np.stack([x, y], axis=1), across, down)


def _partners(order: NDArray[np.int64]) -> list[int]:
    """In a row or column of corners the first and second are joined, the third and fourth, and so on."""
    partners = np.empty_like(order)
    partners[order[::2]], partners[order[1::2]] = order[1::2], order[::2]
    found: list[int] = partners.tolist()
    return found


def _walk(corners: Points, across: list[int], down: list[int]) -> list[Points]:
    rings, seen = [], [False] * len(corners)
    for start in range(len(corners)):
        if seen[start]:
            continue
        ring, corner = [], start
        while not seen[corner]:
            other = across[corner]
            seen[corner] = seen[other] = True
            ring += [corner, other]
            corner = down[other]
        rings.append(corners[ring])
    return rings
