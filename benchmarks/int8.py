"""Is an int8 image graph smaller, faster, and as good? See method.md.

    python benchmarks/int8.py HELDOUT.json IMAGES --calibrate TRAINING.json [--json FILE] [--threads N]

Needs onnx. Takes about two minutes. The bundled model's image graph is quantized statically by ONNX Runtime
(convolutions, uint8 activations, int8 weights a channel), calibrated on training photographs, all of it or its backbone
alone; the phrase graph stays. Times of the image graph are taken in turns; scores are of held-out photographs with
synthesized phrases.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from heldout import HeldOut
from machine import describe
from record import MACHINE, QUARTILES, write
from timing import once, quartiles

from deixis import Segmenter
from deixis.backend import OnnxBackend
from deixis.data.scenes import SceneSource
from deixis.evaluate import evaluate
from deixis.image import Letterbox, normalise, open_photo
from deixis.metrics import summarize
from deixis.modelfile import ModelFile
from deixis.segmenter import DEFAULT_MODEL
from deixis.trainconfig import SourceConfig
from deixis.types import FloatArray

CALIBRATED_ON, PHRASES_A_PICTURE, REPEATS = 48, 6, 40
FLOAT, ALL, BACKBONE = "float32, stored as float16", "int8", "int8 backbone"
ROW = {"image graph, MB": float, "image graph, ms": QUARTILES, "mIoU": float, "oIoU": float}
SHAPE = {
    "machine": MACHINE, "threads": int, "phrases": int, "calibrated on": int,
    "rows": {name: ROW for name in (FLOAT, ALL, BACKBONE)},
}  # fmt: skip


def quantized(graph: bytes, pictures: Sequence[FloatArray], backbone_only: bool, folder: Path) -> bytes:
    """The graph with its convolutions in int8, between the operators QuantizeLinear and DequantizeLinear."""
    import onnx
    import onnxruntime as ort
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(pictures)

        def get_next(self) -> dict[str, FloatArray] | None:
            return next(({"images": picture} for picture in self.left), None)

    plain, small = folder / "plain.onnx", folder / "int8.onnx"
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC  # folds float16 into float32
    options.optimized_model_filepath = str(plain)
    ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in onnx.load(plain).graph.node if node.op_type == "Conv"]
    chosen = [name for name in names if "backbone" in name] if backbone_only else names
    if not chosen:
        raise SystemExit(f"expected convolutions of the backbone among {names[:3]}..., found none")
    quantize_static(
        plain, small, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_quantize=chosen,
    )  # fmt: skip
    model = onnx.load(small)
    standard = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(standard)  # the quantizer also names a domain that it does not use
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def squares(source: SceneSource, side: int, count: int) -> Iterator[FloatArray]:
    """(1, 3, side, side) of the first photographs."""
    for entry in source.images[:count]:
        photo = open_photo(entry.path, side)
        yield normalise(Letterbox.fit(photo.height, photo.width, side).apply(photo.pixels))[None]


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
    training = SceneSource(SourceConfig(str(given.calibrate), str(given.images)))
    pictures = list(squares(training, model.config.input_size, CALIBRATED_ON))
    graphs = {FLOAT: model.image_graph}
    with tempfile.TemporaryDirectory() as folder:
        for name in (ALL, BACKBONE):
            graphs[name] = quantized(model.image_graph, pictures, name == BACKBONE, Path(folder))
    backends = {name: OnnxBackend(graph, model.phrase_graph, given.threads) for name, graph in graphs.items()}
    times = take_turns(backends, pictures[0])
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
        result |= {"calibrated on": len(pictures), "rows": rows}
        write(given.json, result, SHAPE)


if __name__ == "__main__":
    main()
