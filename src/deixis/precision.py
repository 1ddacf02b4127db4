"""Numbers of fewer bits in ONNX graphs: weights stored as float16, and convolutions computed in int8.

float16 weights are computed with as float32: half the size, the same speed. int8 is static quantization: weights per
channel, the ranges of activations from photographs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from deixis.config import ModelConfig
from deixis.errors import InputError
from deixis.image import network_input, open_photo
from deixis.modelfile import ModelFile
from deixis.types import FloatArray

HALF_FROM = 256  # weights with fewer elements stay float32: they cost nothing
HALF = ".half"
MOST_PHOTOS = 100  # the ranges hardly move after some tens


def halve(model: onnx.ModelProto) -> bytes:
    """Store large float32 weights as float16, each followed by a cast that ONNX Runtime folds away when it loads.

    Numbers that float16 does not have (``round_weights`` leaves none among the network's) stay as they are.
    """
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < HALF_FROM:
            continue
        name, half = weight.name, values.astype(np.float16)
        if not np.array_equal(half, values):
            continue
        weight.CopyFrom(numpy_helper.from_array(half, name + HALF))
        casts.append(helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
    for index, cast in enumerate(casts):
        model.graph.node.insert(index, cast)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def widen(content: bytes) -> onnx.ModelProto:
    """The graph whose weights ``halve`` stored, with float32 ones."""
    model = onnx.load_from_string(content)
    for weight in model.graph.initializer:
        if weight.name.endswith(HALF):
            values = numpy_helper.to_array(weight).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(values, weight.name.removesuffix(HALF)))
    others = [node for node in model.graph.node if not (node.op_type == "Cast" and node.input[0].endswith(HALF))]
    del model.graph.node[:]
    model.graph.node.extend(others)
    return model


def quantise(model: ModelFile, photos: Sequence[Path]) -> ModelFile:
    """The same model with the image graph's convolutions in int8.

    Args:
        model: any model.
        photos: pictures like those that it will see, best of its training; ``MOST_PHOTOS`` at most are looked at.

    Raises:
        InputError: no photos.
        ImageError: one of them cannot be read.
    """
    if not photos:
        raise InputError("photos: expected at least one picture to take the ranges of activations from, got none")
    chosen = photos[:: -(-len(photos) // MOST_PHOTOS)]  # spread over all of them
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        onnx.save(widen(model.image_graph), plain)
        quantize_static(
            plain,
            small,
            _Frames(chosen, model.config),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,  # 7 bits: products of 8 bits overflow on x86 without VNNI
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        graph = onnx.load(small)
    return replace(model, image_graph=halve(graph), about={**model.about, "precision": "int8"})


class _Frames(CalibrationDataReader):  # type: ignore[misc]
    """The photographs as the image graph sees them, one after the other."""

    def __init__(self, photos: Sequence[Path], config: ModelConfig) -> None:
        side = config.input_size
        self._frames = (network_input(open_photo(photo, side), side, config.frame_stride) for photo in photos)

    def get_next(self) -> dict[str, FloatArray] | None:
        framed = next(self._frames, None)
        return None if framed is None else {"images": framed}
