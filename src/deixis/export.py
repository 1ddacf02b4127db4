"""Checkpoint to model file: two ONNX graphs (image; phrase), with a parity check that raises.

The image graph runs once a picture and leaves ``EncodedImage``; the phrase graph answers P phrases on it.
Weights are stored as float16 and computed with as float32: half the size, the same speed.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from deixis.backend import Backend, OnnxBackend
from deixis.config import INPUT_STRIDE
from deixis.errors import CheckpointError, DeixisError
from deixis.folding import fold
from deixis.image import Letterbox
from deixis.model.build import Network, build
from deixis.model.outputs import EncodedImage
from deixis.model.text_encoder import TextEncoder
from deixis.modelfile import ModelFile
from deixis.precision import HALF_FROM, halve
from deixis.text import MAX_TOKENS
from deixis.train.checkpoint import MODEL, load_checkpoint
from deixis.train.torch_backend import TorchBackend, named_outputs
from deixis.types import FloatArray

OPSET = 18
TOLERANCE = 1e-3  # largest difference of a logit between ONNX Runtime and PyTorch
PICTURES_TRIED, SAME_OBJECT = 10, 1e-3


class ParityError(DeixisError):
    """ONNX Runtime and PyTorch disagree about the same input: a bug of the export, not of the user."""


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: the model file.
        size: in bytes.
        difference: largest difference of a logit between ONNX Runtime and PyTorch over all checked inputs.
    """

    path: Path
    size: int
    difference: float

    def __str__(self) -> str:
        return f"{self.path}: {self.size / 1e6:.1f} MB, largest logit difference to PyTorch {self.difference:.1e}"


def export(checkpoint: Path, output: Path, input_size: int | None = None) -> ExportReport:
    """Write the model file of a checkpoint's averaged weights.

    Args:
        checkpoint: of a training run (``best.safetensors``).
        output: the .deixis file to write.
        input_size: side of the square that the model will see, by default that of the training. The network is
            convolutional, so another one can serve better, or faster.

    Raises:
        ConfigError: input_size is not one that the network can have.
        CheckpointError: the checkpoint cannot be read, or its embedding is learned.
        ParityError: the graphs do not compute what the network computes.
    """
    stored = load_checkpoint(checkpoint)
    if stored.config.vocabulary:
        raise CheckpointError(
            f"{checkpoint}: expected a network with fixed word vectors, got a learned embedding of "
            f"{stored.config.vocabulary} words; measure such a baseline in its run folder"
        )
    config = stored.config if input_size is None else replace(stored.config, input_size=input_size)
    network = build(config)
    network.load_state_dict(stored.part(MODEL))
    network.combine.threshold = stored.threshold
    network.eval()
    fuse_batch_norms(network)
    round_weights(network)
    for encoder in (module for module in network.modules() if isinstance(module, TextEncoder)):
        encoder.remember_waiting()
    image_graph = halve(fold(_image_graph(network)))
    phrase_graph = halve(fold(_phrase_graph(network)))
    difference = check_parity(network, image_graph, phrase_graph)
    about: dict[str, Any] = {"step": stored.step, **stored.about}
    if network.combine.alpha is not None:
        about["alpha"] = round(float(network.combine.alpha.detach()), 4)
    ModelFile(config, image_graph, phrase_graph, stored.vectors, about).write(output)
    return ExportReport(output, output.stat().st_size, difference)


def fuse_batch_norms(module: nn.Module) -> None:
    """Fold each batch norm into the convolution defined before it: what is rounded must be what is computed with."""
    before: tuple[str, nn.Module] | None = None
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d) and before is not None and isinstance(before[1], nn.Conv2d):
            setattr(module, before[0], fuse_conv_bn_eval(before[1], child))
            setattr(module, name, nn.Identity())
        fuse_batch_norms(child)
        before = (name, child)


def round_weights(network: nn.Module) -> None:
    """Round large weights to float16 precision, so that PyTorch and the stored graphs have the same numbers."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.dtype == torch.float32 and tensor.numel() >= HALF_FROM:
                tensor.copy_(tensor.half().float())


def check_parity(network: Network, image_graph: bytes, phrase_graph: bytes) -> float:
    """Compare both runtimes from picture to answer, on frames of several shapes, with 1, 2 and 3 phrases.

    Returns:
        The largest difference of a logit of the answer.

    Raises:
        ParityError: it exceeds ``TOLERANCE``.
    """
    ours, theirs = TorchBackend(network), OnnxBackend(image_graph, phrase_graph)
    rng = np.random.default_rng(0)
    worst = 0.0
    for phrases, frame in zip((1, 3, 2), _frames(network), strict=True):
        vectors = _random_phrases(rng, phrases, network.config.word_dim)
        expected_features, features = _same_objects(ours, theirs, rng, frame)
        (expected,) = ours.answer(expected_features, vectors, ["logits"])
        (got,) = theirs.answer(features, vectors, ["logits"])
        worst = max(worst, float(np.abs(expected - got).max()))
    if not worst <= TOLERANCE:
        raise ParityError(f"ONNX Runtime differs from PyTorch by {worst:.2e}, expected at most {TOLERANCE:.0e}")
    return worst


def _same_objects(
    ours: Backend, theirs: Backend, rng: np.random.Generator, frame: tuple[int, int]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Features of a random picture by both, on which both propose the same objects.

    Two peaks of equal height may be told apart by the last bit alone, and then either answer is right.
    """
    for _ in range(PICTURES_TRIED):
        images = _random_picture(rng, *frame)
        expected, got = ours.encode(images), theirs.encode(images)
        if "facts" not in expected or np.abs(expected["facts"] - got["facts"]).max() < SAME_OBJECT:
            return expected, got
    raise ParityError(f"ONNX Runtime and PyTorch propose different objects on {PICTURES_TRIED} pictures in a row")


class _ImageGraph(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(value for value in self.network.encode_image(images) if value is not None)


class _PhraseGraph(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, vectors: Tensor, *features: Tensor) -> tuple[Tensor, ...]:
        encoded = EncodedImage(**dict(zip(_feature_names(self.network), features, strict=True)))
        return tuple(named_outputs(self.network.answer(encoded, vectors)).values())


def _image_graph(network: Network) -> onnx.ModelProto:
    side = network.config.input_size
    images = torch.zeros(1, 3, side, side)
    names = _feature_names(network)
    return _to_onnx(_ImageGraph(network), (images,), ["images"], names, _map_axes(network, ["images", *names]))


def _phrase_graph(network: Network) -> onnx.ModelProto:
    config = network.config
    vectors = torch.from_numpy(_random_phrases(np.random.default_rng(0), 2, config.word_dim))
    with torch.no_grad():
        encoded = network.encode_image(torch.zeros(1, 3, config.input_size, config.input_size))
        features = tuple(value for value in encoded if value is not None)
        outputs = list(named_outputs(network.answer(encoded, vectors)))
    names = _feature_names(network)
    axes = _map_axes(network, [*names, *outputs])
    for name in ("vectors", *outputs):
        axes[name] = {1: "phrases", **axes.get(name, {})}
    return _to_onnx(_PhraseGraph(network), (vectors, *features), ["vectors", *names], outputs, axes)


def _map_axes(network: Network, names: Sequence[str]) -> dict[str, dict[int, str]]:
    """The axes of maps among these inputs or outputs, which are as high and wide as the picture's frame asks for."""
    if network.config.frame_stride == network.config.input_size:  # it sees the whole square
        return {}
    strides = {"images": 1, "p1_part": network.config.class_stride, "p_image": network.config.class_stride}
    strides |= dict.fromkeys(("masks", "logits", "p1", "p2", "p3"), network.config.mask_stride)
    return {
        name: {axis: f"{size}_{strides[name]}" for axis, size in ((2, "height"), (3, "width"))}
        for name in names
        if name in strides
    }


def _to_onnx(
    module: nn.Module, inputs: tuple[Tensor, ...], names: Sequence[str], outputs: Sequence[str], axes: dict[str, Any]
) -> onnx.ModelProto:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns about every Python number taken from a shape; the parity check sees the wrong ones.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            buffer,  # type: ignore[arg-type]  # the tracing exporter writes to file objects; the stub only says paths
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def _feature_names(network: Network) -> list[str]:
    """The features that the network has, in their order."""
    p1_part, p_image, *of_objects = EncodedImage._fields
    config = network.config
    there = {p1_part: config.p1, p_image: config.p2, **dict.fromkeys(of_objects, config.objects)}
    return [name for name, wanted in there.items() if wanted]


def _frames(network: Network) -> list[tuple[int, int]]:
    """The square, a picture twice as wide as high, and one a little higher than wide."""
    side, stride = network.config.input_size, network.config.frame_stride
    boxes = [Letterbox.fit(*size, side) for size in ((100, 100), (50, 100), (100, 80))]
    return [box.frame(stride) for box in boxes]


def _random_picture(rng: np.random.Generator, height: int, width: int) -> FloatArray:
    """(1, 3, height, width) float32, normalised: blobs of colour, as pictures are smooth and noise is not."""
    coarse = torch.from_numpy(rng.normal(size=(1, 3, height // INPUT_STRIDE, width // INPUT_STRIDE)))
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return np.asarray(smooth.numpy() + 0.1 * rng.normal(size=smooth.shape), dtype=np.float32)


def _random_phrases(rng: np.random.Generator, count: int, dim: int) -> FloatArray:
    """(1, count, T, dim) float32: phrases of 1..5 words, zeros on the left."""
    vectors = np.zeros((1, count, MAX_TOKENS, dim), dtype=np.float32)
    for row in range(count):
        words = 1 + row % 5
        vectors[0, row, -words:] = rng.normal(size=(words, dim))
    return vectors
