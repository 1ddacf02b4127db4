"""What computes the network's two graphs, and ONNX Runtime as that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from deixis.devices import providers_of
from deixis.graphcheck import check_graph
from deixis.types import FloatArray


class Backend(Protocol):
    """What computes the two graphs: ONNX Runtime here, PyTorch during training."""

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """Image graph: (1, 3, S, S) normalised -> named arrays with a first axis of one."""

    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        """Phrase graph: features and (1, P, T, D) word vectors -> the named outputs, each (1, P, ...)."""


class OnnxBackend:
    """The two graphs on ONNX Runtime.

    Args:
        image_graph, phrase_graph: serialised ONNX models.
        threads: 0 for one a core.
        device: see ``Segmenter.load``.

    Raises:
        InputError: no such device.
        CheckpointError: a graph asks for more than standard operators and its own data.
    """

    def __init__(self, image_graph: bytes, phrase_graph: bytes, threads: int = 0, device: str = "cpu") -> None:
        import onnxruntime as ort  # here, because `import deixis` must stay light

        providers = providers_of(device, ort.get_available_providers())
        graphs = (image_graph, phrase_graph)
        for graph in graphs:
            check_graph(graph)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Each graph has threads of its own; if those of one waited by spinning, they would take the other's cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # As what was checked, whatever else the bytes look like.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        with ThreadPoolExecutor(2) as pool:  # opening a graph takes longer than anything else at the start
            sessions = [pool.submit(ort.InferenceSession, graph, options, providers) for graph in graphs]
            self._image, self._phrase = (session.result() for session in sessions)
        self.providers: list[str] = self._image.get_providers()  # fewer than asked for where a library is missing
        self._names = [output.name for output in self._image.get_outputs()]

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """See ``Backend.encode``."""
        return dict(zip(self._names, self._image.run(None, {"images": images}), strict=True))

    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        """See ``Backend.answer``."""
        outputs: list[FloatArray] = self._phrase.run(list(names), {**features, "vectors": vectors})
        return outputs
