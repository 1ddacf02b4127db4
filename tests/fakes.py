"""A segmenter without a trained network: it finds what has the colour that the phrase says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from deixis.config import ModelConfig
from deixis.embeddings import WordVectors
from deixis.image import PIXEL_MEAN, PIXEL_STD
from deixis.odds import certain
from deixis.segmenter import Segmenter
from deixis.spelling import SpelledVectors
from deixis.types import Features, FloatArray, ImageArray, Segmentation

STRIDE = 4
CONFIG = ModelConfig(categories=("red", "green"), input_size=64, word_dim=3, objects=False)
WORDS = {"red": (1, -0.5, -0.5), "green": (-0.5, 1, -0.5), "blue": (-0.5, -0.5, 1), "thing": (0, 0, 0.01)}


class ColourBackend:
    """Colour is what the image graph gives; a phrase's vectors, summed, are the colour looked for."""

    def __init__(self) -> None:
        self.encoded = 0
        self.asked: list[int] = []

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        self.encoded += 1
        colours = np.moveaxis(images, 1, -1) * PIXEL_STD + PIXEL_MEAN
        batch, height, width = images.shape[0], images.shape[2] // STRIDE, images.shape[3] // STRIDE
        pooled = colours.reshape(batch, height, STRIDE, width, STRIDE, 3).mean(axis=(2, 4))
        return {"colours": np.moveaxis(pooled, -1, 1).astype(np.float32)}

    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        self.asked.append(vectors.shape[1])
        wanted = vectors.sum(axis=2)
        logits = (40 * (np.einsum("bchw,bpc->bphw", features["colours"], wanted) - 0.5)).astype(np.float32)
        logits = np.clip(logits, -20, 20)
        probability = 1 / (1 + np.exp(-logits))
        score = probability.max(axis=(2, 3))
        p_text = np.stack([wanted[..., 0] > 0, wanted[..., 1] > 0, wanted[..., 2] > 0], axis=-1).astype(np.float32)
        weights = np.broadcast_to(np.array([0.75, 0.25], dtype=np.float32), (*score.shape, 2))
        outputs = {"logits": logits, "score": score, "p1": probability, "p2": 0.4 * probability, "p_text": p_text}
        outputs["weights"] = weights
        return [outputs[name] for name in names]


def colour_vectors() -> WordVectors:
    return WordVectors.from_float(list(WORDS), np.array(list(WORDS.values()), dtype=np.float32))


def colour_segmenter(backend: ColourBackend | None = None) -> Segmenter:
    return Segmenter(backend or ColourBackend(), CONFIG, SpelledVectors(colour_vectors()))


def scene(height: int, width: int, box: tuple[int, int, int, int], colour: str = "red") -> np.ndarray:
    """Black picture with one filled box (x0, y0, x1, y1)."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    x0, y0, x1, y1 = box
    image[y0:y1, x0:x1, ("red", "green", "blue").index(colour)] = 255
    return image


def left_half(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[:, : width // 2] = True
    return mask


class Oracle:
    """Answers "left" with the left half and everything else with the right one; counts its work."""

    def __init__(self) -> None:
        self.encoded = 0
        self.asked: list[list[str]] = []

    def encode_image(self, image: ImageArray) -> Features:
        self.encoded += 1
        return Features({}, image.shape[0], image.shape[1], 32)

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        self.asked.append(list(phrases))
        left = left_half(features.height, features.width)
        masks = [left if phrase == "left" else ~left for phrase in phrases]
        return [
            Segmentation(phrase, mask, partial(certain, mask), 0.75)
            for phrase, mask in zip(phrases, masks, strict=True)
        ]
