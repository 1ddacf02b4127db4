"""Why an answer is what it is, on one picture: the terms' maps, the classes and the words. Pillow only."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deixis.errors import InputError
from deixis.report.overlay import highlight
from deixis.text import MAX_TOKENS
from deixis.types import FloatArray, ImageArray, Segmentation

TILE = 320  # longer side of each small picture, in pixels
MARGIN, TEXT, LINE = 16, 16, 24
CATEGORIES, BAR = 5, 200  # how many classes are shown, and the pixels of a bar for probability 1
LEAST = 0.01  # a class below this is shown only when no other is above
INK, FAINT, UNKNOWN, FILL = (25, 25, 30), (120, 120, 125), (200, 30, 45), (170, 195, 245)
TITLES = {
    "p1": "p1: words, looks and places at once",
    "p2": "p2: the class that is named",
    "p3": "p3: the objects that are chosen",
}
# Dark to bright, so that the order shows in grey too.
RAMP = np.array([(0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191)], dtype=np.float32)


def why(image: ImageArray, result: Segmentation) -> ImageArray:
    """Draw an explained answer.

    Args:
        image: (H, W, 3) uint8, the picture.
        result: of ``Segmenter.explain``.

    Returns:
        (h, w, 3) uint8: the picture with the mask, a map a term, and below them how the phrase was understood.

    Raises:
        InputError: the answer has no terms, or is of another picture.
    """
    if "words" not in result.terms:
        raise InputError("expected an answer of Segmenter.explain, got one without terms")
    title = f"score {result.score:.2f}, {100 * result.share:.1f} % of the picture"
    pictures = [(title, _small(highlight(image, [result.mask])))]
    plain = np.asarray(_small(image))
    for name, title in TITLES.items():
        if name in result.terms:
            drawn = heat_map(plain, np.asarray(_small(result.terms[name])))  # after: a map of a photograph is large
            pictures.append((title, Image.fromarray(drawn)))
    column, height = TILE + MARGIN, max(picture.height for _, picture in pictures)
    top = 2 * MARGIN + LINE
    words_top = top + LINE + height + MARGIN
    size = (MARGIN + column * len(pictures), words_top + (CATEGORIES + 1) * LINE + MARGIN)
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    _words(draw, (MARGIN, MARGIN), result.terms["words"])
    for index, (title, picture) in enumerate(pictures):
        draw.text((MARGIN + index * column, top), title, INK, _font())
        canvas.paste(picture, (MARGIN + index * column, top + LINE))
    if "categories" in result.terms:
        _categories(draw, (MARGIN, words_top), result.terms["categories"])
    _legend(canvas, (MARGIN + column, words_top), result.terms["weights"])
    return np.array(canvas)


def heat_map(image: ImageArray, probability: FloatArray) -> ImageArray:
    """(H, W, 3) uint8: probabilities (H, W) in [0, 1] as colours from dark to bright over the picture in grey."""
    grey = image.mean(axis=2, keepdims=True, dtype=np.float32)
    return np.asarray(np.rint(0.25 * grey + 0.75 * _colours(probability)), dtype=np.uint8)


def _colours(probability: FloatArray) -> FloatArray:
    places = np.linspace(0, 1, len(RAMP))
    channels = [np.interp(probability, places, RAMP[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _small(pixels: ImageArray | FloatArray) -> Image.Image:
    picture = Image.fromarray(pixels)
    scale = TILE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _font(size: int = TEXT) -> Any:
    return ImageFont.load_default(size)


def _words(draw: ImageDraw.ImageDraw, place: tuple[int, int], words: Any) -> None:
    """The phrase, what its words were taken for, and unknown ones in red and crossed out: they were left out."""
    x, y = place
    for token in words.tokens[:MAX_TOKENS]:
        known = token not in words.ignored
        width = draw.textlength(token, _font(TEXT + 4))
        draw.text((x, y), token, INK if known else UNKNOWN, _font(TEXT + 4))
        if not known:
            draw.line((x, y + TEXT - 2, x + width, y + TEXT - 2), UNKNOWN, 2)
        x += int(width) + 8
    notes = [f"{token} taken for {meant}" for token, meant in words.taken_for.items()]
    notes += ["crossed out: unknown, left out"] if words.ignored else []
    if notes:
        draw.text((x + 8, y + 4), f"({'; '.join(notes)})", UNKNOWN if words.ignored else FAINT, _font())


def _categories(draw: ImageDraw.ImageDraw, place: tuple[int, int], categories: dict[str, float]) -> None:
    x, y = place
    draw.text((x, y), "classes of the phrase", INK, _font())
    best = sorted(categories, key=lambda name: -categories[name])[:CATEGORIES]
    for row, name in enumerate([name for name in best if name == best[0] or categories[name] >= LEAST], 1):
        middle = y + row * LINE
        draw.rectangle((x, middle + 2, x + BAR * categories[name], middle + LINE - 4), FILL)
        draw.text((x + 4, middle), f"{name}  {categories[name]:.2f}", INK, _font())


def _legend(canvas: Image.Image, place: tuple[int, int], weights: dict[str, float]) -> None:
    """The colours' scale, the terms' shares of the answer, and alpha, which is p1's share of p1 and p2."""
    x, y = place
    draw = ImageDraw.Draw(canvas)
    ramp = np.broadcast_to(_colours(np.linspace(0, 1, BAR, dtype=np.float32))[None], (LINE // 2, BAR, 3))
    canvas.paste(Image.fromarray(np.rint(ramp).astype(np.uint8)), (x + 20, y + 5))
    draw.text((x, y), "0", FAINT, _font())
    draw.text((x + BAR + 28, y), "1", FAINT, _font())
    if weights:
        terms = " + ".join(f"{share:.2f} {name}" for name, share in weights.items())
        draw.text((x, y + LINE), f"answer = {terms}", INK, _font())
    both = weights.get("p1", 0.0) + weights.get("p2", 0.0)
    if "p1" in weights and "p2" in weights and both > 0:
        draw.text((x, y + 2 * LINE), f"alpha {weights['p1'] / both:.2f}, p1 against p2", FAINT, _font())
