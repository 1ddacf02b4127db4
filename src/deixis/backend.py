"""What computes the network's two graphs, and ONNX Runtime as that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from deixis.devices import providers_of
from deixis.graphcheck import check_graph
from deixis.types import FloatArray

# How threads wait for the next operation: spinning, because to be woken takes as long as many an operation, but not for
# long and not after a graph's end, because each graph has threads of its own, which would take the other's cores.
WAITING = {
    "session.intra_op.allow_spinning": "1",
    "session.intra_op.spin_duration_us": "200",  # versions that do not know it are bound by the next one alone
    "session.force_spinning_stop": "1",
}


class Backend(Protocol):
    """What computes the two graphs: ONNX Runtime here, PyTorch during training."""

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """Image graph: (1, 3, h, w) normalised -> named arrays with a first axis of one."""

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
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        for key, value in WAITING.items():
            options.add_session_config_entry(key, value)
        # As what was checked, whatever else the bytes look like.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        with ThreadPoolExecutor(2) as pool:  # opening a graph takes longer than anything else at the start
            sessions = []
            for graph in (image_graph, phrase_graph):  # the second is checked while the first is opened
                check_graph(graph)
                sessions.append(pool.submit(ort.InferenceSession, graph, options, providers))
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
