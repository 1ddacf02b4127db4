"""How does the cost grow with phrases, photographs and the side of the network's square? See method.md.

    python benchmarks/growth.py [--json FILE] [--figure FILE] [--seconds 50] [--from FILE]

Takes at most about three times --seconds and one minute. Phrases: one 600 x 400 picture asked 1 to 256 phrases at once.
Photographs: `deixis batch` on all cores over JPEG files of 640 x 480, one phrase each with its mask as PNG, until there
are 2,000 or the time is up; 10,000 are extrapolated from the rate of the second half. Side: untrained networks of the
model's shape, exported at each (needs torch). --from draws the figure of a file of numbers and measures nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe
from record import MACHINE, QUARTILES, read, write
from timing import PHRASES, milliseconds

PHOTOS = Path(__file__).resolve().parent.parent / "examples" / "photos"
PHRASE_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIDES = (320, 448, 640, 896, 1280)
MOST_PHOTOS, GOAL = 2000, 10_000
MARKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, MOST_PHOTOS)  # points of the curve of photographs
POINT = {"photos": int, "seconds": float, "memory, MB": int}
SHAPE = {
    "machine": MACHINE,
    "phrases, ms": {str: QUARTILES},
    "sides, ms": {str: QUARTILES},
    "batch": [POINT],
    "photos a second": float,
    "seconds for 10000 photos": float,
}


class Enough(Exception):  # noqa: N818 - ends a run, and is no error
    """The time is up."""


def by_phrases(seconds: float) -> dict[str, dict[str, float]]:
    """Milliseconds of a picture and so many phrases."""
    from deixis import Segmenter
    from deixis.image import open_image

    segmenter, image = Segmenter.load(), open_image(PHOTOS / "coffee.jpg")
    rows = {}
    for count in PHRASE_COUNTS:
        phrases = [PHRASES[index % len(PHRASES)] for index in range(count)]
        ask = functools.partial(segmenter.segment_many, image, phrases)
        rows[str(count)] = milliseconds(ask, seconds / len(PHRASE_COUNTS))
        print(f"{count} phrases  {rows[str(count)]}", flush=True)
    return rows


def by_side(seconds: float) -> dict[str, dict[str, float]]:
    """Milliseconds of a picture and a phrase at each side; exporting the networks takes about a minute before."""
    from deixis import Segmenter
    from deixis.image import open_image

    image = open_image(PHOTOS / "coffee.jpg")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--export", folder], check=True)
        for side in SIDES:
            segmenter = Segmenter.load(Path(folder) / f"{side}.deixis")
            ask = functools.partial(segmenter.segment, image, PHRASES[0])
            rows[str(side)] = milliseconds(ask, seconds / len(SIDES))
            print(f"{side} px  {rows[str(side)]}", flush=True)
    return rows


def export_untrained(folder: Path) -> None:
    """Models of the bundled one's shape with random weights, one a side."""
    import deixis.export
    from deixis import Segmenter
    from deixis.model.build import build
    from deixis.train.checkpoint import MODEL, Checkpoint, save_checkpoint, weights_of

    segmenter = Segmenter.load()
    tensors = weights_of(build(segmenter.config), MODEL)
    path = folder / "untrained.safetensors"
    save_checkpoint(path, Checkpoint(segmenter.config, segmenter.vectors.fingerprint, 0, tensors, {}))
    # Without training no place of the heat map stands out, and rounding decides which objects are proposed.
    deixis.export.check_parity = lambda *_: 0.0
    for side in SIDES:
        deixis.export.export(path, folder / f"{side}.deixis", side)


def by_photos(seconds: float) -> tuple[list[dict[str, Any]], float]:
    """Seconds and memory of a bulk run at several numbers of photographs, and how many a second in its second half.

    The model is loaded before the clock starts.
    """
    from PIL import Image

    from deixis.batch import run_batch
    from deixis.data.requests import find_requests

    points: list[dict[str, Any]] = []
    times: list[float] = []  # after 0, 1, 2, ... photographs

    def report(done: int) -> None:
        times.append(time.monotonic())
        passed = times[-1] - times[0]
        if done in MARKS or passed > seconds:
            points.append({"photos": done, "seconds": round(passed, 3), "memory, MB": _memory_mb()})
        if passed > seconds:
            raise Enough

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        drawn = []
        for path in sorted(PHOTOS.glob("*.jpg")):
            drawn.append(Path(name) / path.name)
            Image.open(path).convert("RGB").resize((640, 480)).save(drawn[-1], quality=90)
        for index in range(MOST_PHOTOS):
            os.link(drawn[index % len(drawn)], folder / f"{index:05d}.jpg")
        with contextlib.suppress(Enough):
            run_batch(find_requests(str(folder), PHRASES[:1]), Path(name) / "out", report=report)
    for point in points:
        print(point, flush=True)
    half = times[len(times) // 2 :]
    return points, (len(half) - 1) / (half[-1] - half[0])


def _memory_mb() -> int:
    """In use now, not at the peak."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


def draw(result: dict[str, Any], path: Path) -> None:
    """Three curves; beside them, dashed, growth in proportion to the number of phrases, photographs and pixels."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    batch = result["batch"]
    curves = {
        "phrases a picture": ({int(n): row["median"] for n, row in result["phrases, ms"].items()}, "ms"),
        "photographs, all cores": ({point["photos"]: point["seconds"] for point in batch}, "seconds"),
        "side of the square, px": ({int(n): row["median"] for n, row in result["sides, ms"].items()}, "ms"),
    }
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axes, (title, (points, unit)) in zip(figure.subplots(1, 3), curves.items(), strict=True):
        xs, ys = list(points), list(points.values())
        power = 2 if title.startswith("side") else 1
        axes.loglog([xs[0], xs[-1]], [ys[-1] * (xs[0] / xs[-1]) ** power, ys[-1]], "--", color="0.6", linewidth=1)
        if title.startswith("photographs"):
            goal = result["seconds for 10000 photos"]
            axes.loglog([xs[-1], GOAL], [ys[-1], goal], "o:", color="black", markersize=4, markerfacecolor="white")
        axes.loglog(xs, ys, "o-", color="black", markersize=4)
        axes.set_xlabel(title)
        axes.set_ylabel(unit)
        low, high = axes.get_ylim()
        axes.set_ylim(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        if title.startswith("side"):
            axes.set_xticks(SIDES, [str(side) for side in SIDES])
    figure.savefig(path, dpi=150, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path, help="PNG; needs matplotlib")
    parser.add_argument("--seconds", type=float, default=50, help="of each of the three curves")
    parser.add_argument("--from", dest="source", type=Path, help="JSON of an earlier run")
    parser.add_argument("--export", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.export:
        export_untrained(given.export)
        return
    if given.source:
        result = read(given.source, SHAPE)
    else:
        phrases = by_phrases(given.seconds)
        sides = by_side(given.seconds)
        batch, rate = by_photos(given.seconds)
        last = batch[-1]
        more = (GOAL - last["photos"]) / rate
        result = {
            "machine": describe(),
            "phrases, ms": phrases,
            "sides, ms": sides,
            "batch": batch,
            "photos a second": round(rate, 2),
            "seconds for 10000 photos": round(last["seconds"] + more, 1),
        }
    if given.json:
        write(given.json, result, SHAPE)
    if given.figure:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
