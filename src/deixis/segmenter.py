"""Masks from phrases: the network behind one small interface, on ONNX Runtime.

Example:
    segmenter = Segmenter.load()
    features = segmenter.encode_image("photo.jpg")
    result = segmenter.segment(features, "left dog")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from deixis.config import DEFAULT_THRESHOLD, ModelConfig
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError, InputError, PhraseError
from deixis.graphcheck import check_graph
from deixis.image import Letterbox, normalise, open_image
from deixis.modelfile import ModelFile
from deixis.text import MAX_TOKENS, tokenize
from deixis.types import Features, FloatArray, Segmentation
from deixis.vocabulary import Lexicon

if TYPE_CHECKING:
    from PIL import Image

ASSETS = Path(__file__).parent / "assets"
DEFAULT_MODEL = ASSETS / "compact.deixis"
DEFAULT_VECTORS = ASSETS / "vectors"
_CLAMPED = 2e-4  # answers nearer to 0 or 1 may have been moved there
PHRASES_AT_ONCE = 16  # bounds the memory of many phrases


class Backend(Protocol):
    """What computes the two graphs: ONNX Runtime here, PyTorch during training."""

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """Image graph: (1, 3, S, S) normalised -> named arrays with a first axis of one."""

    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        """Phrase graph: features and (1, P, T, D) word vectors -> the named outputs, each (1, P, ...)."""


@dataclass(frozen=True)
class Words:
    """How a phrase was understood: its tokens, and for each whether its vector is known."""

    tokens: tuple[str, ...]
    known: tuple[bool, ...]


class Segmenter:
    """Encode a picture once, then ask it any number of phrases.

    Args:
        backend: computes the graphs.
        config: shape of the network.
        vectors: the word vectors that it was trained with.
    """

    def __init__(self, backend: Backend, config: ModelConfig, vectors: Lexicon) -> None:
        self.config = config
        self.vectors = vectors
        self._backend = backend

    @classmethod
    def load(cls, path: str | Path | None = None, *, vectors: str | Path | None = None, threads: int = 0) -> Segmenter:
        """Open a model.

        Args:
            path: a .deixis file; by default the bundled model.
            vectors: a folder of word vectors; by default the bundled ones.
            threads: of ONNX Runtime; 0 for one a core.

        Raises:
            CheckpointError: not a model, or trained with other word vectors.
        """
        file = Path(path) if path is not None else DEFAULT_MODEL
        model = ModelFile.read(file)
        words = WordVectors.load(Path(vectors) if vectors is not None else DEFAULT_VECTORS)
        model.check_vectors(words)
        try:
            backend = OnnxBackend(model.image_graph, model.phrase_graph, threads)
        except CheckpointError as error:
            raise CheckpointError(f"{file}: {error}; do not trust it") from error
        except Exception as error:  # ONNX Runtime's exceptions have no base of their own
            raise CheckpointError(f"{file}: ONNX Runtime cannot open its graphs: {_first_line(error)}") from error
        return cls(backend, model.config, words)

    def encode_image(self, image: str | Path | Image.Image | NDArray[np.generic]) -> Features:
        """Run the image graph.

        Args:
            image: path, PIL image, or (H, W, 3) uint8 array; more forms in ``deixis.image.open_image``.

        Raises:
            ImageError: the picture cannot be read.
        """
        pixels = open_image(image)
        height, width = pixels.shape[:2]
        square = Letterbox.fit(height, width, self.config.input_size).apply(pixels)
        arrays = self._backend.encode(normalise(square)[None])
        return Features(arrays, height, width, self.config.input_size)

    def segment(
        self,
        image: Features | str | Path | Image.Image | NDArray[np.generic],
        phrase: str,
        *,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> Segmentation:
        """The pixels that a phrase names.

        Args:
            image: features of ``encode_image``, or whatever that takes.
            phrase: free text.
            threshold: probability from which on a pixel belongs to the mask, in [0, 1].

        Raises:
            ImageError: the picture cannot be read.
            PhraseError: the phrase is empty or none of its words is known.
        """
        return self.segment_many(image, [phrase], threshold=threshold)[0]

    def segment_many(
        self,
        image: Features | str | Path | Image.Image | NDArray[np.generic],
        phrases: Sequence[str],
        *,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> list[Segmentation]:
        """``segment`` for several phrases; the picture is encoded once."""
        return self._ask(image, phrases, threshold, explained=False)

    def explain(
        self,
        image: Features | str | Path | Image.Image | NDArray[np.generic],
        phrase: str,
        *,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> Segmentation:
        """``segment`` with its reasons in ``terms``.

        ``terms`` holds the model's terms of "p1", "p2" and "p3": (H, W) float32 probabilities at the original
        size; "weights": {term: its share of the answer}, empty where the maps do not tell; with p2 "categories":
        {class name: probability} of the phrase, "none" included; "words": how each word was understood.
        """
        return self._ask(image, [phrase], threshold, explained=True)[0]

    def explain_many(
        self,
        image: Features | str | Path | Image.Image | NDArray[np.generic],
        phrases: Sequence[str],
        *,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> list[Segmentation]:
        """``explain`` for several phrases; the picture is encoded once."""
        return self._ask(image, phrases, threshold, explained=True)

    def words(self, phrase: str) -> Words:
        """How each word of a phrase is understood."""
        tokens = tokenize(phrase)
        return Words(tuple(tokens), tuple(token in self.vectors for token in tokens))

    def _features(self, image: Features | str | Path | Image.Image | NDArray[np.generic]) -> Features:
        features = image if isinstance(image, Features) else self.encode_image(image)
        if features.input_size != self.config.input_size:
            raise InputError(
                f"expected features of a {self.config.input_size} px model, got {features.input_size} px ones; "
                "encode the image with this segmenter"
            )
        return features

    def _encode_phrase(self, phrase: str) -> FloatArray:
        """(T, D) word vectors, padded on the left."""
        tokens = tokenize(phrase)
        vectors, present = self.vectors.encode(tokens, MAX_TOKENS)
        if not present.any():
            shown = phrase if len(phrase) <= 60 else phrase[:57] + "..."
            raise PhraseError(f"none of the words in {shown!r} is known; expected English words such as 'left dog'")
        return vectors

    def _ask(
        self,
        image: Features | str | Path | Image.Image | NDArray[np.generic],
        phrases: Sequence[str],
        threshold: float,
        explained: bool,
    ) -> list[Segmentation]:
        if isinstance(phrases, str):
            raise InputError("expected a list of phrases, got one string; use segment() for a single phrase")
        _check_threshold(threshold)
        vectors = [self._encode_phrase(phrase) for phrase in phrases]
        features = self._features(image)
        names = ["logits", "score"]
        if explained:
            names += [*self.config.terms, *(["p_text"] if self.config.p2 else [])]
        box = Letterbox.fit(features.height, features.width, features.input_size)
        results = []
        for start in range(0, len(phrases), PHRASES_AT_ONCE):
            part = slice(start, start + PHRASES_AT_ONCE)
            outputs = self._backend.answer(features.arrays, np.stack(vectors[part])[None], names)
            for index, phrase in enumerate(phrases[part]):
                mine = {name: output[0, index] for name, output in zip(names, outputs, strict=True)}
                terms = self._terms(phrase, mine, box) if explained else {}
                probability = _sigmoid(box.invert(mine["logits"]))
                score = float(mine["score"])
                results.append(Segmentation(phrase, probability >= threshold, probability, score, terms))
        return results

    def _terms(self, phrase: str, outputs: Mapping[str, FloatArray], box: Letterbox) -> dict[str, object]:
        grids = {name: outputs[name] for name in self.config.terms}
        terms: dict[str, object] = {name: np.clip(box.invert(grid), 0, 1) for name, grid in grids.items()}
        terms["weights"] = _weights(outputs["logits"], grids)
        if self.config.p2:
            categories = (*self.config.categories, "none")
            terms["categories"] = {
                name: float(value) for name, value in zip(categories, outputs["p_text"], strict=True)
            }
        terms["words"] = self.words(phrase)
        return terms


class OnnxBackend:
    """The two graphs on ONNX Runtime.

    Args:
        image_graph, phrase_graph: serialised ONNX models.
        threads: 0 for one a core.

    Raises:
        CheckpointError: a graph asks for more than standard operators and its own data.
    """

    def __init__(self, image_graph: bytes, phrase_graph: bytes, threads: int = 0) -> None:
        import onnxruntime as ort  # here, because `import deixis` must stay light

        for graph in (image_graph, phrase_graph):
            check_graph(graph)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Each graph has threads of its own; if those of one kept spinning, they would take the other's cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # As what was checked, whatever else the bytes look like.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self._image = ort.InferenceSession(image_graph, options, providers=["CPUExecutionProvider"])
        self._phrase = ort.InferenceSession(phrase_graph, options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._image.get_outputs()]

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """See ``Backend.encode``."""
        return dict(zip(self._names, self._image.run(None, {"images": images}), strict=True))

    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        """See ``Backend.answer``."""
        outputs: list[FloatArray] = self._phrase.run(list(names), {**features, "vectors": vectors})
        return outputs


def _check_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise InputError(f"expected a threshold between 0 and 1, got {threshold}")


def _weights(logits: FloatArray, terms: Mapping[str, FloatArray]) -> dict[str, float]:
    """Share of each term in the answer: on the grid the answer is exactly a weighted mean of the terms.

    Graphs do not give alpha and beta; they follow from the (h, w) maps, unless the maps are (nearly) copies of one
    another.
    """
    answer = 1 / (1 + np.exp(-logits.astype(np.float64).ravel()))
    free = (answer > _CLAMPED) & (answer < 1 - _CLAMPED)  # where ``model.combine`` kept the logit finite
    columns = np.stack([grid.astype(np.float64).ravel()[free] for grid in terms.values()], axis=1)
    if len(columns) < len(terms):
        return {}
    weights, _, rank, _ = np.linalg.lstsq(columns, answer[free], rcond=1e-5)
    return dict(zip(terms, map(float, weights), strict=True)) if rank == len(terms) else {}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _sigmoid(x: FloatArray) -> FloatArray:
    """In place: a photograph of 100 million pixels has no room for copies."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    return np.reciprocal(x, out=x)
