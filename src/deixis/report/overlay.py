"""Masks drawn on pictures: tints, outlines and cut-outs, with NumPy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deixis.errors import InputError
from deixis.types import BoolMask, ImageArray

Colour = tuple[int, int, int]

# Hues far from one another and from what photographs are full of (foliage, sky, skin); the first is the default.
PALETTE: tuple[Colour, ...] = (
    (255, 45, 85),
    (0, 199, 255),
    (255, 204, 0),
    (162, 89, 255),
    (0, 214, 120),
    (255, 128, 0),
    (255, 110, 240),
    (40, 90, 255),
)
DEFAULT_ALPHA = 0.5


def palette(count: int) -> list[Colour]:
    """Colours for so many masks; they come round again after the last one."""
    return [PALETTE[index % len(PALETTE)] for index in range(count)]


def overlay(image: ImageArray, mask: BoolMask, colour: Colour = PALETTE[0], alpha: float = DEFAULT_ALPHA) -> ImageArray:
    """Tint the pixels of a mask.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool.
        colour: red, green and blue, 0..255.
        alpha: share of the colour in the result, in [0, 1].

    Returns:
        A new (H, W, 3) uint8 picture; pixels outside of the mask are those of ``image``.

    Raises:
        InputError: picture and mask are not of one size, or alpha or colour is out of range.
    """
    return _tint(image.copy(), mask, colour, alpha)


def draw_outline(image: ImageArray, mask: BoolMask, colour: Colour = PALETTE[0], width: int = 0) -> ImageArray:
    """Draw the boundary of a mask.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool.
        colour: red, green and blue, 0..255.
        width: of the line in pixels; 0 for one that suits the picture's size.

    Returns:
        A new (H, W, 3) uint8 picture.

    Raises:
        InputError: picture and mask are not of one size, or width or colour is out of range.
    """
    return _outline(image.copy(), mask, colour, width)


def highlight(
    image: ImageArray, masks: Sequence[BoolMask], alpha: float = DEFAULT_ALPHA, *, copy: bool = True
) -> ImageArray:
    """Tint and outline several masks, each in its colour of ``palette``; later ones lie on earlier ones.

    Without ``copy`` it draws on ``image`` itself: a photograph of 100 million pixels is 300 MB.
    """
    result = image.copy() if copy else image
    for mask, colour in zip(masks, palette(len(masks)), strict=True):
        _outline(_tint(result, mask, colour, alpha), mask, colour)
    return result


def cutout(image: ImageArray, mask: BoolMask) -> ImageArray:
    """(H, W, 4) uint8 RGBA: opaque in the mask, transparent and black elsewhere.

    Raises:
        InputError: picture and mask are not of one size.
    """
    _check(image, mask)
    result = np.zeros((*mask.shape, 4), dtype=np.uint8)
    result[..., 3][mask] = 255
    np.copyto(result[..., :3], image, where=mask[..., None])
    return result


def boundary(mask: BoolMask, width: int = 1) -> BoolMask:
    """(H, W) bool: the mask's pixels less than ``width`` + 1 rows and columns from a pixel outside of it.

    What lies beyond the picture's edge counts as outside, so that a mask up to the edge has a closed outline.

    Raises:
        InputError: the width is less than 1.
    """
    if width < 1:
        raise InputError(f"expected an outline of at least 1 pixel, got {width}")
    inner = _erode_rows(_erode_rows(mask, width).T, width).T
    return mask & ~inner


def line_width(height: int, width: int) -> int:
    """Pixels of a line that is seen when the whole picture is."""
    return max(1, round(max(height, width) / 320))


def _tint(image: ImageArray, mask: BoolMask, colour: Colour, alpha: float) -> ImageArray:
    """``overlay`` in place."""
    _check(image, mask, colour)
    if not 0 <= alpha <= 1:
        raise InputError(f"expected alpha between 0 and 1, got {alpha}")
    levels = np.arange(256)
    for channel, value in enumerate(colour):  # by table: a picture of 100 megapixels would be gigabytes as floats
        table = np.rint((1 - alpha) * levels + alpha * value).astype(np.uint8)
        np.copyto(image[..., channel], table[image[..., channel]], where=mask)
    return image


def _outline(image: ImageArray, mask: BoolMask, colour: Colour, width: int = 0) -> ImageArray:
    """``draw_outline`` in place."""
    _check(image, mask, colour)
    line = boundary(mask, width or line_width(*mask.shape))
    for channel, value in enumerate(colour):
        np.copyto(image[..., channel], np.uint8(value), where=line)
    return image


def _erode_rows(mask: BoolMask, width: int) -> BoolMask:
    """(H, W) bool: True where all of the 2 * width + 1 pixels above, here and below are."""
    window, span = 2 * width + 1, 1
    current = np.pad(mask, ((width, width), (0, 0)))
    while span < window:  # the span doubles, so that a wide line costs little more than a thin one
        step = min(span, window - span)
        current = current[:-step] & current[step:]
        span += step
    return current


def _check(image: ImageArray, mask: BoolMask, colour: Colour = PALETTE[0]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"expected an (H, W, 3) uint8 picture, got {image.shape} {image.dtype}")
    if mask.shape != image.shape[:2] or mask.dtype != np.bool_:
        raise InputError(f"expected a bool mask of the picture's size {image.shape[:2]}, got {mask.shape} {mask.dtype}")
    if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
        raise InputError(f"expected a colour as three numbers 0..255, got {colour}")
