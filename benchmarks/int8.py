"""Is an int8 image graph smaller, faster, and as good? See method.md.

    python benchmarks/int8.py HELDOUT.json IMAGES --calibrate TRAINING.json [--json FILE] [--threads N]

Needs onnx. Takes about two minutes. The bundled model as `deixis export --int8` makes it, calibrated on training
photographs; the phrase graph stays. Times of the image graph are taken in turns; scores are of held-out photographs
with synthesized phrases.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from heldout import HeldOut
from machine import describe
from record import MACHINE, QUARTILES, write
from timing import once, quartiles

from deixis import Segmenter
from deixis.backend import OnnxBackend
from deixis.data.coco import load_images
from deixis.data.scenes import SceneSource
from deixis.data.shapes import draw_scene
from deixis.evaluate import evaluate
from deixis.image import Photo, network_input
from deixis.metrics import summarize
from deixis.modelfile import ModelFile
from deixis.precision import MOST_PHOTOS, quantise
from deixis.segmenter import DEFAULT_MODEL
from deixis.trainconfig import SourceConfig
from deixis.types import FloatArray

PHRASES_A_PICTURE, REPEATS = 6, 40
FLOAT, INT8 = "float32, stored as float16", "int8"
ROW = {"image graph, MB": float, "image graph, ms": QUARTILES, "mIoU": float, "oIoU": float}
SHAPE = {
    "machine": MACHINE, "threads": int, "phrases": int, "calibrated on": int,
    "rows": {name: ROW for name in (FLOAT, INT8)},
}  # fmt: skip


def take_turns(backends: dict[str, OnnxBackend], picture: FloatArray) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(REPEATS + 5):
        for name, backend in backends.items():
            times[name].append(once(partial(backend.encode, picture)))
    return {name: quartiles(values[5:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--calibrate", type=Path, required=True, help="annotations of training photographs in IMAGES")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--threads", type=int, default=int(describe()["cores"]))
    given = parser.parse_args()
    model, ours = ModelFile.read(DEFAULT_MODEL), Segmenter.load()
    photos = [image.path for image in load_images(given.calibrate, given.images)]
    graphs = {FLOAT: model.image_graph, INT8: quantise(model, photos).image_graph}
    backends = {name: OnnxBackend(graph, model.phrase_graph, given.threads) for name, graph in graphs.items()}
    side = model.config.input_size
    pixels = draw_scene(0, 640).image[:480]
    times = take_turns(backends, network_input(Photo(pixels, 480, 640), side, model.config.frame_stride))
    held_out = HeldOut(ours, SceneSource(SourceConfig(str(given.annotations), str(given.images))), None)
    samples = [row for row in held_out.samples(PHRASES_A_PICTURE) if row.mask.any()]
    rows: dict[str, Any] = {}
    for name, backend in backends.items():
        segmenter = Segmenter(backend, ours.config, ours.vectors, presence=ours.presence)
        scores = summarize(evaluate(segmenter, samples))
        rows[name] = {"image graph, MB": round(len(graphs[name]) / 1e6, 2), "image graph, ms": times[name]}
        rows[name] |= {"mIoU": round(scores.miou, 4), "oIoU": round(scores.oiou, 4)}
        print(f"{name:28} {rows[name]}", flush=True)
    if given.json:
        result = {"machine": describe(), "threads": given.threads, "phrases": len(samples)}
        result |= {"calibrated on": min(len(photos), MOST_PHOTOS), "rows": rows}
        write(given.json, result, SHAPE)


if __name__ == "__main__":
    main()
