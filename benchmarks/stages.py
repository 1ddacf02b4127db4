"""Where does the time of an answer go, and that of the start? See method.md.

    python benchmarks/stages.py [--json FILE] [--threads N]

Takes less than a minute. A JPEG of 640 x 480 and one of 12 megapixels, from the file to the mask as PNG and RLE: the
functions of the real path are timed while it runs. What none of them takes is called the rest.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from machine import describe
from record import MACHINE, QUARTILES, write
from timing import PHRASES, Stages, once, quartiles

PHOTO = Path(__file__).resolve().parent.parent / "examples" / "photos" / "coffee.jpg"
SIZES = {"640 x 480": (640, 480), "4000 x 3000": (4000, 3000)}
WARM_UP, REPEATS, SECONDS, STARTS = 3, 25, 12.0, 5
DECODE_ALL = "decode all pixels (before an overlay)"
PNG, RLE = "mask to PNG", "mask to RLE"
SHAPE = {
    "machine": MACHINE, "threads": int,
    "answer, ms": {str: {str: QUARTILES}}, "beside, ms": {str: {str: QUARTILES}}, "start, ms": {str: QUARTILES},
}  # fmt: skip


def answer_stages(path: Path, threads: int) -> dict[str, dict[str, float]]:
    """Quartiles of the stages of ``Segmenter.segment`` of a file, of the rest and of the total, in ms."""
    from deixis import image as preprocessing
    from deixis import segmenter as module
    from deixis.backend import OnnxBackend

    segmenter = module.Segmenter.load(threads=threads)
    stages = {
        "decode": (module, "open_photo"),
        "letterbox": (preprocessing.Letterbox, "apply"),
        "normalise": (preprocessing, "normalise"),
        "image graph": (OnnxBackend, "encode"),
        "text": (module.Segmenter, "_encode_phrase"),
        "phrase graph": (OnnxBackend, "answer"),
        "mask at its own size": (module, "_together"),
    }
    rows: dict[str, list[float]] = {name: [] for name in (*stages, "rest", "total")}
    for round in repeats():
        watch = Stages(stages)
        with watch.watched():
            total = once(functools.partial(segmenter.segment, path, PHRASES[round % len(PHRASES)]))
        parts = {**watch.milliseconds, "rest": total - sum(watch.milliseconds.values()), "total": total}
        for name, value in parts.items():
            rows[name].append(value)
    return {name: quartiles(values[WARM_UP:]) for name, values in rows.items()}


def beside(path: Path, folder: Path, threads: int) -> dict[str, dict[str, float]]:
    """What else a command does for a picture, in ms."""
    import numpy as np

    from deixis.cli.outputs import save_picture
    from deixis.image import open_image
    from deixis.segmenter import Segmenter

    answer = Segmenter.load(threads=threads).segment(path, "cup", presence=0)
    calls: dict[str, Callable[[], object]] = {
        DECODE_ALL: lambda: open_image(path),
        PNG: lambda: save_picture(folder / "mask.png", answer.mask.astype(np.uint8) * np.uint8(255)),
        RLE: answer.to_rle,
    }
    return {name: quartiles([once(call) for _ in repeats()][WARM_UP:]) for name, call in calls.items()}


def repeats() -> Iterator[int]:
    """Round numbers, until there are enough or the time is up."""
    end = time.monotonic() + SECONDS
    for round in range(WARM_UP + REPEATS):
        if round > WARM_UP + 3 and time.monotonic() > end:
            return
        yield round


START = """
import json, time
begin, parts = time.perf_counter(), {}
def lap(name):
    global begin
    now = time.perf_counter()
    parts[name], begin = 1000 * (now - begin), now
import deixis.cli
from typer.main import get_command
get_command(deixis.cli.make_app(["segment"]))
lap("import the command line")
import deixis.segmenter
lap("import NumPy and Pillow")
import onnxruntime
lap("import ONNX Runtime")
from deixis.backend import OnnxBackend
from deixis.embeddings import WordVectors
from deixis.modelfile import ModelFile
from deixis.segmenter import DEFAULT_MODEL, DEFAULT_VECTORS, Segmenter
model = ModelFile.read(DEFAULT_MODEL)
lap("read the model file")
vectors = WordVectors.load(DEFAULT_VECTORS)
model.check_vectors(vectors)
lap("open the word vectors")
OnnxBackend(model.image_graph, model.phrase_graph, THREADS)
lap("check and open the two graphs")
segmenter = Segmenter.load(threads=THREADS)
begin = time.perf_counter()
segmenter.words("left man")
lap("first look for a word")
print(json.dumps(parts))
"""


def start_stages(threads: int) -> dict[str, dict[str, float]]:
    """Quartiles over new processes of the parts of a start, in ms; files are in the system's cache."""
    rows: dict[str, list[float]] = {}
    for _ in range(STARTS):
        rows.setdefault("Python itself", []).append(
            once(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
        )
        code = START.replace("THREADS", str(threads))
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
        for name, value in json.loads(done.stdout).items():
            rows.setdefault(name, []).append(value)
    return {name: quartiles(values) for name, values in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--threads", type=int, default=int(describe()["cores"]))
    given = parser.parse_args()
    from PIL import Image

    result: dict[str, Any] = {"machine": describe(), "threads": given.threads, "answer, ms": {}, "beside, ms": {}}
    with tempfile.TemporaryDirectory() as name:
        for size, pixels in SIZES.items():
            path = Path(name) / "photo.jpg"
            Image.open(PHOTO).resize(pixels, Image.Resampling.BICUBIC).save(path, quality=90)
            result["answer, ms"][size] = answer_stages(path, given.threads)
            result["beside, ms"][size] = beside(path, Path(name), given.threads)
    result["start, ms"] = start_stages(given.threads)
    parts = {**result["answer, ms"], **{f"beside, {size}": row for size, row in result["beside, ms"].items()}}
    for title, rows in {**parts, "start": result["start, ms"]}.items():
        print(title)
        for row, times in rows.items():
            print(f"  {row:40} {times['median']:8.2f} ms  ({times['low']:.2f} .. {times['high']:.2f})")
    if given.json:
        write(given.json, result, SHAPE)


if __name__ == "__main__":
    main()
