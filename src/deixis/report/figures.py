"""The paper's figures of answers, drawn with matplotlib: pure functions of panels.

Colours can be told apart by colour-blind readers and in grey: cividis for probabilities, blue for the answer, yellow
for the truth. The same panels give the same bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from deixis.errors import InputError
from deixis.files import atomic_write
from deixis.panels import Panel
from deixis.report.overlay import PALETTE, Colour, draw_outline, overlay
from deixis.types import BoolMask, FloatArray, ImageArray

DPI = 200
SUFFIXES = (".png", ".pdf")
WIDTH = 7.0  # inches: the text of a page
ANSWER, TRUTH = PALETTE[1], PALETTE[2]
HEAT = "cividis"

_GAP, _MARGIN, _LINE = 0.07, 0.08, 0.17  # inches: between pictures, around all, a line of text
_TALLEST = 1.3  # cell, in its widths; a taller picture becomes narrower than its cell
_FONT, _SMALL = 9, 7.5  # points
_COLUMNS = 4  # of the gallery
_ALPHA, _BETA, _MINUS = "\N{GREEK SMALL LETTER ALPHA}", "\N{GREEK SMALL LETTER BETA}", "\N{MINUS SIGN}"
_NAMES = {"p1": "p1: LSTM-CNN", "p2": "p2: category", "p3": "p3: objects"}


def answers(panels: Sequence[Panel]) -> Figure:
    """Figure 4: a row a phrase: input, heat map of p_fg, final output, and the truth where one is known."""
    with_truth = any(panel.truth is not None for panel in panels)
    heads = ["input", "p_fg, heat map", "final output", *(["ground truth"] if with_truth else [])]
    figure, rows = _rows(panels, heads)
    for panel, axes in zip(panels, rows, strict=True):
        _show(axes[0], panel.image)
        _heat(axes[1], panel.answer.probability)
        _show(axes[2], _marked(panel.image, panel.answer.mask, ANSWER))
        _note(axes[2], _iou(panel))
        if panel.truth is not None:
            _show(axes[3], _marked(panel.image, panel.truth, TRUTH))
    return figure


def components(panels: Sequence[Panel]) -> Figure:
    """Figure 5: a row a phrase: the input, each term's probability (p1, p2, p3 if there is one), and their mixture.

    alpha is the model's, beta the phrase's: the answer is beta p3 + (1 - beta)(alpha p1 + (1 - alpha) p2).
    """
    names = [name for name in _NAMES if name in panels[0].answer.terms]
    figure, rows = _rows(panels, ["input", *(_NAMES[name] for name in names), "answer"])
    for panel, axes in zip(panels, rows, strict=True):
        _show(axes[0], panel.image)
        shares = mixture(panel.answer.terms["weights"])
        for name, axis in zip(names, axes[1:], strict=False):
            _heat(axis, panel.answer.terms[name])
            _note(axis, shares.get(name, ""))
        _heat(axes[-1], panel.answer.probability)
        _note(axes[-1], _iou(panel))
    return figure


def gallery(panels: Sequence[Panel]) -> Figure:
    """Figures 6 to 8: results with the phrase as title; the truth's outline and the IoU where it is known."""
    known = any(panel.truth is not None for panel in panels)
    columns = min(_COLUMNS, len(panels))
    side = _side(columns)
    titles = [textwrap.wrap(panel.answer.phrase, int(side * 15), max_lines=3, placeholder=" ...") for panel in panels]
    lines = [range(start, min(start + columns, len(panels))) for start in range(0, len(panels), columns)]
    heights = [
        (max(len(titles[i]) for i in line) * _LINE, max(_height(panels[i], side) for i in line)) for line in lines
    ]
    figure, tops = _page(heights, above=0.0, below=1.2 * _LINE if known else 0.0)
    for line, (text, picture), top in zip(lines, heights, tops, strict=True):
        for place, index in enumerate(line):
            panel = panels[index]
            axis = _axes(figure, place, side, top + text, picture)
            drawn = _marked(panel.image, panel.answer.mask, ANSWER)
            _show(axis, drawn if panel.truth is None else draw_outline(drawn, panel.truth, TRUTH))
            axis.set_title("\n".join(titles[index]), fontsize=_FONT, pad=3, parse_math=False)
            _note(axis, _iou(panel))
    if known:
        marks = [
            Patch(facecolor=_unit(ANSWER, 0.5), edgecolor=_unit(ANSWER), label="answer"),
            Patch(facecolor="none", edgecolor=_unit(TRUTH), linewidth=1.5, label="ground truth"),
        ]
        figure.legend(handles=marks, loc="lower center", ncols=2, fontsize=_SMALL, frameon=False, borderaxespad=0.1)
    return figure


FIGURES: Mapping[int, Callable[[Sequence[Panel]], Figure]] = {4: answers, 5: components, 6: gallery}


def mixture(weights: Mapping[str, float]) -> dict[str, str]:
    """What is written on each term's map: alpha, 1 - alpha and, with a third term, beta; nothing where unknown."""
    shares = {"p3": f"{_BETA} = {weights['p3']:.2f}"} if "p3" in weights else {}
    pair = weights.get("p1", 0.0) + weights.get("p2", 0.0)
    if not {"p1", "p2"} <= set(weights) or pair < 1e-3:  # where beta is 1 alpha cannot be told
        return shares
    alpha = weights["p1"] / pair
    return {"p1": f"{_ALPHA} = {alpha:.2f}", "p2": f"1 {_MINUS} {_ALPHA} = {1 - alpha:.2f}", **shares}


def figure_named(number: int) -> Callable[[Sequence[Panel]], Figure]:
    """What draws the paper's figure of this number.

    Raises:
        InputError: there is none.
    """
    if number not in FIGURES:
        raise InputError(f"expected a figure of {', '.join(map(str, FIGURES))}, got {number}")
    return FIGURES[number]


def check_suffix(path: Path) -> None:
    """Refuse a file name that cannot be written.

    Raises:
        InputError: its suffix is none of ``SUFFIXES``.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}, got {path.suffix!r}")


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure as PNG or PDF by the suffix, without a date, so that the same figure gives the same bytes.

    Raises:
        InputError: another suffix.
        DataError: the file cannot be written.
    """
    check_suffix(path)
    about = {"Software": None} if path.suffix.lower() == ".png" else {"CreationDate": None}
    with atomic_write(path) as temporary, matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(temporary, dpi=dpi, metadata=about)


def _rows(panels: Sequence[Panel], heads: Sequence[str]) -> tuple[Figure, list[list[Axes]]]:
    """A row of axes for each panel below its phrase, names above the columns, the scale of probabilities below."""
    side = _side(len(heads))
    heights = [(1.25 * _LINE, _height(panel, side)) for panel in panels]
    figure, tops = _page(heights, above=_LINE, below=2.2 * _LINE)
    rows = []
    for panel, (text, picture), top in zip(panels, heights, tops, strict=True):
        rows.append([_axes(figure, place, side, top + text, picture) for place in range(len(heads))])
        phrase = textwrap.shorten(panel.answer.phrase, 90, placeholder=" ...")
        _write(figure, f"“{phrase}”", _MARGIN, top + 0.5 * text, ha="left", weight="bold")
    for place, head in enumerate(heads):
        _write(figure, head, _MARGIN + place * (side + _GAP) + side / 2, _MARGIN + 0.4 * _LINE, ha="center")
    _scale(figure)
    return figure, rows


def _page(heights: Sequence[tuple[float, float]], above: float, below: float) -> tuple[Figure, list[float]]:
    """A figure as high as its lines of (text, picture) need, and where each line begins, in inches from the top."""
    tops = [_MARGIN + above]
    for text, picture in heights:
        tops.append(tops[-1] + text + picture + _GAP)
    return Figure(figsize=(WIDTH, tops[-1] + below + _MARGIN)), tops[:-1]


def _scale(figure: Figure) -> None:
    height = float(figure.get_figheight())
    axis = figure.add_axes((0.36, (_MARGIN + 1.05 * _LINE) / height, 0.28, 0.09 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), HEAT), cax=axis, orientation="horizontal")
    bar.set_ticks([0, 0.5, 1])
    bar.ax.tick_params(labelsize=_SMALL, length=2, pad=1.5)
    _write(figure, "probability", 0.35 * WIDTH, height - _MARGIN - 1.3 * _LINE, ha="right", size=_SMALL)


def _side(columns: int) -> float:
    return (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) / columns


def _height(panel: Panel, side: float) -> float:
    height, width = panel.image.shape[:2]
    return float(side * min(height / width, _TALLEST))


def _axes(figure: Figure, place: int, side: float, top: float, height: float) -> Axes:
    """Axes in the ``place``-th column; inches from the top."""
    total = float(figure.get_figheight())
    left = _MARGIN + place * (side + _GAP)
    axis = figure.add_axes((left / WIDTH, 1 - (top + height) / total, side / WIDTH, height / total))
    axis.set_axis_off()
    axis.set_anchor("N")
    return axis


def _write(
    figure: Figure, text: str, left: float, top: float, ha: str, weight: str = "normal", size: float = _FONT
) -> None:
    place = left / WIDTH, 1 - top / figure.get_figheight()
    figure.text(*place, text, ha=ha, va="center", weight=weight, fontsize=size, parse_math=False)


def _show(axis: Axes, image: ImageArray) -> None:
    axis.imshow(image)


def _heat(axis: Axes, probability: FloatArray) -> None:
    axis.imshow(probability, cmap=HEAT, vmin=0, vmax=1)


def _note(axis: Axes, text: str) -> None:
    """A few words in the corner of a picture, readable on any."""
    if text:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
        axis.text(0.03, 0.04, text, transform=axis.transAxes, fontsize=_SMALL, va="bottom", bbox=box)


def _marked(image: ImageArray, mask: BoolMask, colour: Colour) -> ImageArray:
    return draw_outline(overlay(image, mask, colour), mask, colour)


def _iou(panel: Panel) -> str:
    return "" if panel.iou is None else f"IoU {panel.iou:.2f}"


def _unit(colour: Colour, alpha: float = 1.0) -> tuple[float, float, float, float]:
    red, green, blue = (value / 255 for value in colour)
    return red, green, blue, alpha
