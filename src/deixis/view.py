"""Pictures to look at: of a bounded size, since no screen shows a hundred million pixels and no PNG holds them soon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from deixis.image import DRAFT_MARGIN, Letterbox, Photo, open_photo
from deixis.types import Features, ImageArray, Picture

VIEW_SIDE = 4096  # of a view's longer side, in pixels: more than screens have, and packed in about a second


def view_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture's view: its own, but not more than ``VIEW_SIDE``."""
    if max(height, width) <= VIEW_SIDE:
        return height, width
    box = Letterbox.fit(height, width, VIEW_SIDE)
    return box.new_height, box.new_width


def open_view(source: Picture, photo: Photo | None = None) -> ImageArray:
    """``open_image`` at the view's size.

    Args:
        source: whatever ``open_image`` takes.
        photo: the same picture, opened before; where that has all pixels it is not decoded once more, and the view of
            a small one is that array itself.

    Raises:
        ImageError: as ``open_image``.
    """
    if photo is None or photo.pixels.shape[:2] != (photo.height, photo.width):
        photo = open_photo(source, VIEW_SIDE // DRAFT_MARGIN)
    height, width = view_size(photo.height, photo.width)
    if photo.pixels.shape[:2] == (height, width):
        return photo.pixels
    return np.array(Image.fromarray(photo.pixels).resize((width, height), Image.Resampling.BILINEAR))


def for_view(features: Features) -> Features:
    """Features whose answers have the view's size: of a large picture far less to compute and to hold."""
    height, width = view_size(features.height, features.width)
    return replace(features, height=height, width=width)
