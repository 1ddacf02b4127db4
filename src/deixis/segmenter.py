"""Masks from phrases: the network behind one small interface, on ONNX Runtime.

Example:
    segmenter = Segmenter.load()
    features = segmenter.encode_image("photo.jpg")
    result = segmenter.segment(features, "left dog")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deixis.backend import Backend, OnnxBackend
from deixis.config import DEFAULT_PRESENCE, DEFAULT_THRESHOLD, ModelConfig
from deixis.devices import check_device, warn_of_fallback
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError, InputError, PhraseError
from deixis.image import Letterbox, Photo, network_input, open_photo
from deixis.modelfile import ModelFile
from deixis.odds import log_odds
from deixis.spelling import SpelledVectors
from deixis.text import FRAME_WORDS, MAX_TOKENS, tokenize, words_of
from deixis.types import Features, FloatArray, Picture, Proposals, Segmentation
from deixis.vocabulary import Lexicon, Words

ASSETS = Path(__file__).parent / "assets"
DEFAULT_MODEL = ASSETS / "compact.deixis"
DEFAULT_VECTORS = ASSETS / "vectors"
PHRASES_AT_ONCE = 16  # bounds the memory of many phrases


class Segmenter:
    """Encode a picture once, then ask it any number of phrases.

    Args:
        backend: computes the graphs.
        config: shape of the network.
        vectors: the word vectors that it was trained with.
        about: where the network comes from: steps, scores, whether its training pictures were leak-free.
        presence: score below which a phrase names nothing in the picture, in [0, 1]; 0 where scores were never
            compared with what is in pictures.
    """

    def __init__(
        self,
        backend: Backend,
        config: ModelConfig,
        vectors: Lexicon,
        about: Mapping[str, Any] | None = None,
        presence: float = 0.0,
    ) -> None:
        self.config = config
        self.about = dict(about or {})
        self.vectors = vectors
        self.presence = presence
        self._backend = backend

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        vectors: str | Path | None = None,
        threads: int = 0,
        device: str = "cpu",
    ) -> Segmenter:
        """Open a model; words that its vectors do not have are then read by their spelling.

        Args:
            path: a .deixis file; by default the bundled model.
            vectors: a folder of word vectors; by default the bundled ones.
            threads: of ONNX Runtime; 0 for one a core.
            device: "cpu", "cuda", "tensorrt", or "auto" for CUDA where it is; where the device is not there, the
                network runs on the CPU, with a ``DeviceWarning``.

        Raises:
            CheckpointError: not a model, or trained with other word vectors.
            InputError: no such device.
        """
        check_device(device)
        file = Path(path) if path is not None else DEFAULT_MODEL
        model = ModelFile.read(file)
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(OnnxBackend, model.image_graph, model.phrase_graph, threads, device)
            words = WordVectors.load(Path(vectors) if vectors is not None else DEFAULT_VECTORS)
            model.check_vectors(words)
        try:
            backend = opening.result()
        except CheckpointError as error:
            raise CheckpointError(f"{file}: {error}; do not trust it") from error
        except Exception as error:  # ONNX Runtime's exceptions have no base of their own
            raise CheckpointError(f"{file}: ONNX Runtime cannot open its graphs: {_first_line(error)}") from error
        warn_of_fallback(device, backend.providers)
        presence = DEFAULT_PRESENCE if file == DEFAULT_MODEL else 0.0
        return cls(backend, model.config, SpelledVectors(words, _taught(model.config)), model.about, presence)

    def encode_image(self, image: Picture | Photo) -> Features:
        """Run the image graph.

        Args:
            image: path, PIL image, or (H, W, 3) uint8 array; more forms in ``deixis.image.open_image``. Of a path, a
                JPEG much larger than the network's square is decoded at a reduced scale; masks have its own size.

        Raises:
            ImageError: the picture cannot be read.
        """
        side = self.config.input_size
        photo = image if isinstance(image, Photo) else open_photo(image, side)
        arrays = self._backend.encode(network_input(photo, side, self.config.frame_stride))
        return Features(arrays, photo.height, photo.width, side)

    def segment(
        self,
        image: Features | Picture,
        phrase: str,
        *,
        threshold: float = DEFAULT_THRESHOLD,
        presence: float | None = None,
    ) -> Segmentation:
        """The pixels that a phrase names.

        Args:
            image: features of ``encode_image``, or whatever that takes.
            phrase: free text.
            threshold: probability from which on a pixel belongs to the mask, in [0, 1].
            presence: score below which there is no such thing and the mask is empty, in [0, 1]; 0 to mark the
                likeliest pixels all the same. By default the segmenter's own.

        Raises:
            ImageError: the picture cannot be read.
            PhraseError: the phrase is empty or none of its words is known.
        """
        return self.segment_many(image, [phrase], threshold=threshold, presence=presence)[0]

    def segment_many(
        self,
        image: Features | Picture,
        phrases: Sequence[str],
        *,
        threshold: float = DEFAULT_THRESHOLD,
        presence: float | None = None,
    ) -> list[Segmentation]:
        """``segment`` for several phrases; the picture is encoded once."""
        return self._ask(image, phrases, threshold, presence, explained=False)

    def explain(
        self,
        image: Features | Picture,
        phrase: str,
        *,
        threshold: float = DEFAULT_THRESHOLD,
        presence: float | None = None,
    ) -> Segmentation:
        """``segment`` with its reasons in ``terms``.

        ``terms`` holds the model's terms of "p1", "p2" and "p3": (H, W) float32 probabilities at the original
        size; "weights": {term: its share of the answer}; with p2 "categories": {class name: probability} of the
        phrase, "none" included; "words": how each word was understood.
        """
        return self.explain_many(image, [phrase], threshold=threshold, presence=presence)[0]

    def explain_many(
        self,
        image: Features | Picture,
        phrases: Sequence[str],
        *,
        threshold: float = DEFAULT_THRESHOLD,
        presence: float | None = None,
    ) -> list[Segmentation]:
        """``explain`` for several phrases; the picture is encoded once."""
        return self._ask(image, phrases, threshold, presence, explained=True)

    def grids(self, features: Features, phrases: Sequence[str]) -> dict[str, FloatArray]:
        """What the phrase graph says of P phrases, on the network's own grid over the picture's frame in the square.

        Returns:
            "logits" of the answer (P, h, w); "score" (P,); "weights" (P, terms); the model's terms of "p1", "p2" and
            "p3" (P, h, w) as probabilities; with p2 "p_text" (P, M + 1), the probability of each category and of
            none; with p3 "choice" (P, K) of each proposed object.

        Raises:
            PhraseError: a phrase is empty or none of its words is known.
        """
        vectors = np.stack([self._encode_phrase(phrase) for phrase in phrases])
        names = self._outputs(explained=True)
        outputs = self._backend.answer(self._features(features).arrays, vectors[None], names)
        return {name: output[0] for name, output in zip(names, outputs, strict=True)}

    def words(self, phrase: str) -> Words:
        """How each word of a phrase is understood."""
        tokens = tokenize(phrase)
        return Words(tuple(tokens), tuple(self.vectors.read(token) for token in tokens))

    def _features(self, image: Features | Picture) -> Features:
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
        image: Features | Picture,
        phrases: Sequence[str],
        threshold: float,
        presence: float | None,
        explained: bool,
    ) -> list[Segmentation]:
        if isinstance(phrases, str):
            raise InputError("expected a list of phrases, got one string; use segment() for a single phrase")
        presence = self.presence if presence is None else presence
        _check_share("threshold", threshold)
        _check_share("presence", presence)
        vectors = [self._encode_phrase(phrase) for phrase in phrases]
        features = self._features(image)
        names = self._outputs(explained)
        results: list[Segmentation] = []
        for start in range(0, len(phrases), PHRASES_AT_ONCE):
            part = slice(start, start + PHRASES_AT_ONCE)
            outputs = self._backend.answer(features.arrays, np.stack(vectors[part])[None], names)
            rows = [dict(zip(names, row, strict=True)) for row in zip(*(output[0] for output in outputs), strict=True)]
            ask = partial(self._answer, features, cut=log_odds(threshold), presence=presence, explained=explained)
            results += _together([partial(ask, *pair) for pair in zip(phrases[part], rows, strict=True)])
        return results

    def _answer(
        self,
        features: Features,
        phrase: str,
        outputs: Mapping[str, FloatArray],
        cut: float,
        presence: float,
        explained: bool,
    ) -> Segmentation:
        """From what the phrase graph says of one phrase to the answer; ``cut`` is the threshold as log-odds."""
        box = Letterbox.fit(features.height, features.width, features.input_size)
        score = float(outputs["score"])
        mask = np.zeros((features.height, features.width), dtype=bool)
        if score >= presence:
            for rows, columns, logits in box.regions(outputs["logits"], least=cut):
                np.greater_equal(logits, cut, out=mask[rows, columns])
        proposals = None
        if self.config.objects:
            proposals = Proposals(features.arrays["masks"][0], outputs["choice"], features.input_size)
        terms = self._terms(phrase, outputs, box) if explained else {}
        return Segmentation(phrase, mask, partial(box.invert, outputs["logits"]), score, terms, proposals)

    def _outputs(self, explained: bool) -> list[str]:
        names = ["logits", "score", *(["choice"] if self.config.objects else [])]
        reasons = ["weights", *self.config.terms, *(["p_text"] if self.config.p2 else [])]
        return names + reasons if explained else names

    def _terms(self, phrase: str, outputs: Mapping[str, FloatArray], box: Letterbox) -> dict[str, object]:
        grids = {name: outputs[name] for name in self.config.terms}
        terms: dict[str, object] = {name: np.clip(box.invert(grid), 0, 1) for name, grid in grids.items()}
        terms["weights"] = dict(zip(grids, map(float, outputs["weights"]), strict=True))
        if self.config.p2:
            categories = (*self.config.categories, "none")
            terms["categories"] = {
                name: float(value) for name, value in zip(categories, outputs["p_text"], strict=True)
            }
        terms["words"] = self.words(phrase)
        return terms


def _taught(config: ModelConfig) -> set[str]:
    """Words that a model's training phrases had: names of its categories, and words for places and ranks."""
    names = {word for category in config.categories for word in words_of(category)}
    return {*FRAME_WORDS, *names, *(name + "s" for name in names)}


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"expected a {name} between 0 and 1, got {value}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _together(calls: Sequence[Callable[[], Segmentation]]) -> list[Segmentation]:
    """The calls' results, from as many threads as there are cores: NumPy and Pillow let others work meanwhile."""
    if len(calls) == 1:
        return [calls[0]()]
    with ThreadPoolExecutor(min(len(calls), os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda call: call(), calls))
