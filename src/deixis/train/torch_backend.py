"""A network's two graphs computed by PyTorch, where ``backend.py`` has ONNX Runtime: in training, and on a GPU."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from deixis.devices import DeviceWarning, check_device
from deixis.model.build import Network
from deixis.model.outputs import Answer, EncodedImage
from deixis.types import FloatArray


class TorchBackend:
    """The two graphs computed by PyTorch (see ``backend.Backend``), where the network is.

    Args:
        network: is put into evaluation mode.
        fast: compiled (``torch.compile``), and the picture's side in bfloat16: for GPUs. The first calls compile.
    """

    def __init__(self, network: Network, fast: bool = False) -> None:
        self.network = network.eval()
        self.device = next(network.parameters()).device
        self._precision = torch.autocast(self.device.type, torch.bfloat16, enabled=fast)
        self._encode_image: Any = network.encode_image
        self._answer: Any = network.answer
        if fast:
            self._encode_image = torch.compile(network.encode_image)
            self._answer = torch.compile(network.answer, dynamic=True)  # phrases differ in number and length

    @torch.no_grad()
    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """See ``Backend.encode``."""
        with self._precision:
            encoded = self._encode_image(torch.from_numpy(images).to(self.device))
        return {
            name: value.float().cpu().numpy()
            for name, value in zip(EncodedImage._fields, encoded, strict=True)
            if value is not None
        }

    @torch.no_grad()
    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        """See ``Backend.answer``."""
        tensors = {name: torch.from_numpy(value).to(self.device) for name, value in features.items()}
        answer = self._answer(EncodedImage(**tensors), torch.from_numpy(vectors).to(self.device))
        outputs = named_outputs(answer)
        return [outputs[name].float().cpu().numpy() for name in names]


def place(network: Network, device: str) -> TorchBackend:
    """The network where a device's name (``devices.PROVIDERS``) says: fast on a GPU, as exact as ever on the CPU.

    PyTorch has no TensorRT, so "tensorrt" is a GPU like "cuda". Warns (``DeviceWarning``) where there is none.

    Raises:
        InputError: no such device.
    """
    check_device(device)
    if device != "cpu" and torch.cuda.is_available():
        return TorchBackend(network.to("cuda"), fast=True)
    if device not in ("cpu", "auto"):
        warnings.warn(
            f"device: expected a GPU for {device!r}, PyTorch finds none, so the network runs on the CPU; "
            "install a PyTorch that is built for CUDA, and its driver",
            DeviceWarning,
            stacklevel=3,
        )
    return TorchBackend(network)


def named_outputs(answer: Answer) -> dict[str, torch.Tensor]:
    """The phrase graph's outputs as they are called outside: probabilities, except "logits" of the answer.

    What belongs to a term that is not there is left out.
    """
    # As a softmax of two: ONNX Runtime's sigmoid gives the last numbers of a row another last bit than the first ones,
    # and a phrase's score would depend on its place among the others.
    score = torch.stack([torch.zeros_like(answer.presence), answer.presence], dim=-1).softmax(dim=-1)[..., 1]
    outputs = {
        "logits": answer.logits,
        "score": score,
        "weights": answer.weights,
        "p1": None if answer.p1_logits is None else answer.p1_logits.sigmoid(),
        "p2": answer.p2,
        "p_text": None if answer.class_logits is None else answer.class_logits.softmax(dim=-1),
        "p3": answer.p3,
        "choice": answer.counted,
    }
    return {name: value for name, value in outputs.items() if value is not None}
