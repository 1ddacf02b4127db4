"""How published systems are scored, each as pure functions of finished masks: what is done to the two masks before
they are compared, and how the pixels of all expressions become numbers. The definitions are in docs/evaluation.md.

A protocol is written for a network's scores; a finished mask has passed its threshold already. So each protocol here
says (``Protocol.assumed``) which of its steps was the system's own business. A mask of the picture's size is taken as
the answer for the picture; a mask of the protocol's own size (a square of ``Protocol.side``) is taken as the network's
output after its threshold, and then nothing has to be assumed but the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deixis.errors import ConfigError, DataError
from deixis.metrics import THRESHOLDS, ious, overall_iou, share_reaching
from deixis.types import BoolMask, Record

# (prediction, truth of the picture's size) -> the two masks to compare, of one shape.
Place = Callable[[BoolMask, BoolMask], tuple[BoolMask, BoolMask]]


@dataclass(frozen=True)
class Protocol:
    """A way to score.

    Attributes:
        name: as on the command line.
        place: brings prediction and truth to the size of comparison.
        side: of the square that is accepted as a prediction beside the picture's size; None when there is none.
        empty: I / U of an expression that names something, where both masks came out empty.
        no_target: I / U of a rightly empty answer to an expression that names nothing; None: such rows are refused.
        above: prec@X counts I / U > X instead of >= X.
        thresholds: X of prec@X.
        aggregates: what it reports beside prec@X, of "oIoU", "mIoU", "gIoU", "cIoU", "N-acc", "T-acc".
        targeted_only: prec@X is over the expressions that name something.
        assumed: what is taken for granted about finished masks, in words.
    """

    name: str
    place: Place
    side: int | None = None
    empty: float = 1.0
    no_target: float | None = 1.0
    above: bool = False
    thresholds: tuple[float, ...] = THRESHOLDS
    aggregates: tuple[str, ...] = ("oIoU", "mIoU")
    targeted_only: bool = False
    assumed: str = ""

    def masks(self, prediction: BoolMask, truth: BoolMask) -> tuple[BoolMask, BoolMask]:
        """Prediction (of the picture's size, or ``side`` square) and truth (H, W) -> the two masks to compare.

        Raises:
            DataError: the prediction is of neither size, or the truth is empty and the protocol has no rule for it.
        """
        self.check_size(prediction.shape, truth.shape)
        if self.no_target is None and not truth.any():
            raise DataError(f"expected a truth that is not empty, protocol {self.name} has no rule for such; use gres")
        return self.place(prediction, truth)

    def check_size(self, prediction: Sequence[int], truth: Sequence[int]) -> None:
        """Refuse a prediction's (height, width) that this protocol cannot use, before it is decoded.

        Raises:
            DataError: it is neither the truth's size nor the protocol's own.
        """
        if tuple(prediction) == tuple(truth) or (self.side is not None and tuple(prediction) == (self.side, self.side)):
            return
        own = "" if self.side is None else f" or {self.side} x {self.side}"
        raise DataError(
            f"expected a mask of {truth[0]} x {truth[1]} (height x width){own}, "
            f"got {' x '.join(map(str, prediction))}; write masks at the picture's original size"
        )


@dataclass(frozen=True, eq=False)
class Columns:
    """What numbers are made of, one row an expression, each (n,) int64.

    Attributes:
        intersection, union: pixels at the protocol's size of comparison.
        predicted: pixels of the prediction there; 0 is the answer "nothing".
        target: pixels of the truth at the picture's size; 0 is an expression that names nothing.
    """

    intersection: NDArray[np.int64]
    union: NDArray[np.int64]
    predicted: NDArray[np.int64]
    target: NDArray[np.int64]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Columns:
        """Rows in the order of the records."""
        rows = [(item.intersection, item.union, item.predicted, item.target) for item in records]
        return cls(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)

    def take(self, rows: NDArray[np.int64]) -> Columns:
        """The rows with these indices."""
        return Columns(self.intersection[rows], self.union[rows], self.predicted[rows], self.target[rows])


def numbers(protocol: Protocol, columns: Columns) -> dict[str, float]:
    """The protocol's aggregates and prec@X by name, in [0, 1]; NaN where there is nothing to divide by.

    Raises:
        DataError: there are no rows.
    """
    if not len(columns.union):
        raise DataError("expected at least one expression to score, got none")
    targeted = columns.target > 0
    nothing = protocol.empty if protocol.no_target is None else protocol.no_target
    values = ious(columns.intersection, columns.union, np.where(targeted, protocol.empty, nothing))
    mean = math.fsum(values) / len(values)
    overall = math.nan
    if columns.union.any() or protocol.empty == nothing == 1.0:
        overall = overall_iou(columns.intersection, columns.union)
    known = {
        "oIoU": overall,
        "cIoU": overall,
        "mIoU": mean,
        "gIoU": mean,
        "N-acc": _share(columns.predicted[~targeted] == 0),
        "T-acc": _share(columns.predicted[targeted] > 0),
    }
    counted = values[targeted] if protocol.targeted_only else values
    found: Mapping[float, float] = dict.fromkeys(protocol.thresholds, math.nan)
    if len(counted):
        found = share_reaching(counted, protocol.thresholds, protocol.above)
    precision = {f"prec@{threshold:.1f}": found[threshold] for threshold in protocol.thresholds}
    return {name: known[name] for name in protocol.aggregates} | precision


def protocol_named(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"expected a protocol of {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]


def as_given(prediction: BoolMask, truth: BoolMask) -> tuple[BoolMask, BoolMask]:
    """Both at the picture's size, unchanged."""
    return prediction, truth


def squash(prediction: BoolMask, truth: BoolMask, side: int) -> tuple[BoolMask, BoolMask]:
    """Both to a square, proportions lost, by nearest neighbour (Pillow's); a prediction of that size stays."""
    return _nearest(prediction, side), _nearest(truth, side)


def there_and_back(prediction: BoolMask, truth: BoolMask, side: int) -> tuple[BoolMask, BoolMask]:
    """The prediction on the letterboxed square and back as in 2016, the truth unchanged.

    Of the picture's size, it is first put on the square: our assumption, for the network answered there. From the
    square it comes back by the published step, ``dilate_back``. A square picture of that side changes nothing.
    """
    height, width = truth.shape
    square = prediction if prediction.shape == (side, side) else letterbox(prediction, side)
    return dilate_back(square, height, width), truth


def letterbox(mask: BoolMask, side: int) -> BoolMask:
    """(H, W) -> (side, side): one factor, bilinear without anti-aliasing, cut at >= 0.5, centred on background."""
    height, width = mask.shape
    scale = min(side / height, side / width)
    new_height, new_width = max(1, round(height * scale)), max(1, round(width * scale))
    half = _bilinear(mask.astype(np.float32), new_height, axis=0)
    top, left = (side - new_height) // 2, (side - new_width) // 2
    square = np.zeros((side, side), dtype=bool)
    square[top : top + new_height, left : left + new_width] = _bilinear(half, new_width, axis=1) >= 0.5
    return square


def dilate_back(square: BoolMask, height: int, width: int) -> BoolMask:
    """A square binary map back to (height, width): bilinear, EVERY value above zero is foreground, centre crop.

    So a pixel is foreground when any of the up to four that it is mixed from is: about one pixel of dilation.
    """
    side = square.shape[0]
    scale = max(height / side, width / side)
    rows, columns = max(height, round(side * scale)), max(width, round(side * scale))
    top, left = (rows - height) // 2, (columns - width) // 2
    grown = _touched(_touched(square, rows, axis=0), columns, axis=1)
    return grown[top : top + height, left : left + width]


def _nearest(mask: BoolMask, side: int) -> BoolMask:
    if mask.shape == (side, side):
        return mask
    image = Image.fromarray(mask.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)
    return np.asarray(image) > 0


def _positions(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each of ``new`` pixels the left one of the two of ``old`` that it lies between, and how far, in 1 / (2 new).

    Whole numbers, so that "exactly on a pixel" is exact.
    """
    place = (2 * np.arange(new, dtype=np.int64) + 1) * old - new
    left = place // (2 * new)
    return left, place - left * 2 * new


def _bilinear(values: NDArray[np.float32], new: int, axis: int) -> NDArray[np.float32]:
    old = values.shape[axis]
    left, far = _positions(old, new)
    weight = (far / (2 * new)).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    first, second = (values.take(np.clip(index, 0, old - 1), axis) for index in (left, left + 1))
    return np.asarray(first + (second - first) * weight, dtype=np.float32)


def _touched(mask: BoolMask, new: int, axis: int) -> BoolMask:
    """One axis resized: True where linear interpolation (background outside) gives more than zero."""
    left, far = _positions(mask.shape[axis], new)
    padded = np.pad(mask, [(1, 1) if axis == this else (0, 0) for this in (0, 1)])
    right = np.where(far > 0, left + 1, left)
    return np.asarray(padded.take(left + 1, axis) | padded.take(right + 1, axis), dtype=np.bool_)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(np.mean(hits)) if len(hits) else math.nan


def _of_2016(name: str, side: int) -> Protocol:
    return Protocol(
        name,
        lambda prediction, truth: there_and_back(prediction, truth, side),
        side=side,
        no_target=None,
        aggregates=("oIoU",),
        assumed=f"score >= 1e-9 was applied by the system; masks of the picture's size are put on the {side} x {side} "
        "letterbox (bilinear, >= 0.5) before the published way back",
    )


_ALL = (
    Protocol("strict", as_given, assumed="logit > 0, or whatever makes the mask, was applied by the system"),
    _of_2016("text-objseg-2016", 512),
    _of_2016("rmi-320", 320),
    Protocol(
        "lavt-480",
        lambda prediction, truth: squash(prediction, truth, 480),
        side=480,
        empty=0.0,
        no_target=0.0,
        assumed="argmax was applied by the system; masks of the picture's size are squashed as the truth is",
    ),
    Protocol(
        "cris",
        as_given,
        empty=0.0,
        no_target=0.0,
        above=True,
        aggregates=("mIoU",),
        assumed="the bicubic way back from the 416 letterbox and sigmoid > 0.35 were applied by the system",
    ),
    Protocol(
        "gres",
        lambda prediction, truth: squash(prediction, truth, 480),
        side=480,
        empty=0.0,
        thresholds=(0.7, 0.8, 0.9),
        aggregates=("gIoU", "cIoU", "N-acc", "T-acc"),
        targeted_only=True,
        assumed="argmax was applied by the system; an empty mask is its answer 'nothing'; masks of the picture's size "
        "are squashed as the truth is",
    ),
)
PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in _ALL}
