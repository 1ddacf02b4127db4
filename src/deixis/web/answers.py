"""From the network's grids to what is sent back."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from deixis.image import Letterbox, png_level
from deixis.masks import bounding_box, encode_rle
from deixis.odds import log_odds, probability
from deixis.segmenter import Segmenter
from deixis.types import BoolMask, Features, FloatArray
from deixis.web.schemas import Category, Explanation, Grids, Include, Mask, Result, SegmentRequest, Word

CATEGORIES_TOLD = 5


def results(
    segmenter: Segmenter, request: SegmentRequest, features: Features, grids: Mapping[str, FloatArray]
) -> list[Result]:
    """One result a phrase of the request, from ``Segmenter.grids`` of them."""
    told = []
    for index, phrase in enumerate(request.phrases):
        part = {name: grid[index] for name, grid in grids.items()}
        result = Result(phrase=phrase, score=round(float(part["score"]), 6))
        if Include.mask in request.include or Include.probability in request.include:
            logits = Letterbox.fit(features.height, features.width, features.input_size).invert(part["logits"])
            if Include.mask in request.include:
                result.mask = _mask((logits >= log_odds(request.threshold)) & (result.score >= segmenter.presence))
            result.probability = _png(probability(logits)) if Include.probability in request.include else None
        if Include.grids in request.include:
            result.grids = _grids(segmenter, features, part)
        if Include.explanation in request.include:
            result.explanation = _explanation(segmenter, phrase, part)
        told.append(result)
    return told


def _mask(mask: BoolMask) -> Mask:
    x0, y0, x1, y1 = bounding_box(mask)
    return Mask(share=round(float(mask.mean()), 6), bbox=[x0, y0, x1 - x0, y1 - y0], segmentation=encode_rle(mask))


def _png(probability: FloatArray) -> str:
    buffer, pixels = io.BytesIO(), np.rint(255 * probability).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=png_level(pixels))
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _grids(segmenter: Segmenter, features: Features, part: Mapping[str, FloatArray]) -> Grids:
    terms = {name: _half(part[name]) for name in segmenter.config.terms}
    shape = list(part["logits"].shape)
    return Grids(shape=shape, side=features.input_size, logits=_half(part["logits"]), terms=terms)


def _half(grid: FloatArray) -> str:
    return base64.b64encode(grid.astype("<f2").tobytes()).decode("ascii")


def _explanation(segmenter: Segmenter, phrase: str, part: Mapping[str, FloatArray]) -> Explanation:
    words = segmenter.words(phrase)
    return Explanation(
        words=[
            Word(token=token, understood=_understood(token, meant))
            for token, meant in zip(words.tokens, words.read_as, strict=True)
        ],
        categories=_categories(segmenter, part["p_text"]) if "p_text" in part else [],
        weights=dict(zip(segmenter.config.terms, map(float, part["weights"]), strict=True)),
    )


def _understood(token: str, meant: tuple[str, ...]) -> str:
    if not meant:
        return "ignored"
    return "known" if meant == (token,) else f"taken for {' '.join(meant)}"


def _categories(segmenter: Segmenter, p_text: FloatArray) -> list[Category]:
    names = (*segmenter.config.categories, "none")
    likeliest = np.argsort(-p_text, kind="stable")[:CATEGORIES_TOLD]
    return [Category(name=names[k], probability=round(float(p_text[k]), 6)) for k in likeliest]
