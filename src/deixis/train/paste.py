"""Copy-paste (Ghiasi et al. 2021): objects of one scene laid into another, so that few pictures show many scenes.

Whatever is covered loses those pixels before expressions are synthesized, so every word stays true.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from deixis.masks import bounding_box
from deixis.train.augment import KEPT_SHARE, VISIBLE_SHARE
from deixis.types import BoolMask, Expression, Scene, SceneObject

PASTED_ID = 1 << 41  # ids of pasted objects start here, above those of pictures and of mosaics
MOST_PASTED = 3
SIDES = (0.12, 0.7)  # the longer side of a pasted object, as a share of the scene's shorter one
ENLARGED = 2.0  # at most
OVER_THE_BORDER = 0.25  # how far beyond the picture a place may lie, as a share of the room for it
SOFT_EDGE = 0.8  # pixels of blur of the edge


class Piece(NamedTuple):
    """A cut-out object and where it goes: colours and opacity (Pillow, "RGB" and "L"), and its left top corner."""

    colours: Image.Image
    opacity: Image.Image
    corner: tuple[int, int]


def paste(scene: Scene, other: Scene, rng: np.random.Generator) -> Scene:
    """Up to ``MOST_PASTED`` objects of ``other`` at random places of ``scene``, large ones rather than small ones.

    Scenes with parts stay as they are: a pasted person's clothes are not labelled.
    """
    sizes = {item: math.sqrt(item.mask.sum()) for item in other.objects if item.mask is not None and not item.is_crowd}
    movable = [item for item, size in sizes.items() if size > 0]
    if not movable or any(item.is_part for item in (*scene.objects, *other.objects)):
        return scene
    count = min(len(movable), int(rng.integers(1, MOST_PASTED + 1)))
    odds = np.array([sizes[item] for item in movable])
    for number, index in enumerate(rng.choice(len(movable), count, replace=False, p=odds / odds.sum())):
        item = movable[int(index)]
        scene = _lay(scene, _cut(item, other, scene.size, rng), replace(item, id=PASTED_ID + number))
    return scene


def _cut(item: SceneObject, source: Scene, size: tuple[int, int], rng: np.random.Generator) -> Piece:
    """The object at a random scale, for a random place of a picture of ``size``; it may reach over the border."""
    assert item.mask is not None
    x0, y0, x1, y1 = (int(edge) for edge in bounding_box(item.mask))
    scale = min(rng.uniform(*SIDES) * min(size) / max(x1 - x0, y1 - y0), ENLARGED)
    width, height = (max(2, round(scale * side)) for side in (x1 - x0, y1 - y0))
    colours = Image.fromarray(source.image[y0:y1, x0:x1]).resize((width, height), Image.Resampling.BILINEAR)
    opacity = Image.fromarray(item.mask[y0:y1, x0:x1].astype(np.uint8) * 255)
    opacity = opacity.resize((width, height), Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(SOFT_EDGE))
    if rng.random() < 0.5:
        colours, opacity = (part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for part in (colours, opacity))
    across, down = rng.uniform(-OVER_THE_BORDER, 1 + OVER_THE_BORDER, 2)
    return Piece(colours, opacity, (int(across * (size[1] - width)), int(down * (size[0] - height))))


def _lay(scene: Scene, piece: Piece, item: SceneObject) -> Scene:
    """The scene with a piece of an object laid over it."""
    cover = Image.new("L", scene.size[::-1])
    cover.paste(piece.opacity, piece.corner)
    mask = np.asarray(cover) >= 128
    if not mask.any():
        return scene
    image = Image.fromarray(scene.image)
    image.paste(piece.colours, piece.corner, piece.opacity)
    shares = {other.id: _visible_share(other, mask) for other in scene.objects}
    kept = tuple(_behind(other, mask) for other in scene.objects if shares[other.id] > VISIBLE_SHARE)
    hidden = {other.category for other in scene.objects if 0 < shares[other.id] <= VISIBLE_SHARE}
    return replace(
        scene,
        image=np.asarray(image),
        objects=(*kept, replace(item, box_xyxy=bounding_box(mask), mask=mask)),
        labelled=scene.labelled - hidden,
        expressions=_still_true(scene.expressions, scene.objects, shares, item.category),
    )


def _visible_share(item: SceneObject, cover: BoolMask) -> float:
    """Share of an object, or of its box, that a cover leaves to be seen."""
    if item.mask is not None:
        return float((item.mask & ~cover).sum()) / max(1, int(item.mask.sum()))
    x0, y0, x1, y1 = (round(edge) for edge in item.box_xyxy)
    inside = cover[max(0, y0) : y1, max(0, x0) : x1]
    return 1 - float(inside.mean()) if inside.size else 0.0


def _behind(item: SceneObject, cover: BoolMask) -> SceneObject:
    if item.mask is None or not (item.mask & cover).any():
        return item
    mask = item.mask & ~cover
    return replace(item, mask=mask, box_xyxy=bounding_box(mask))


def _still_true(
    sentences: Sequence[Expression], objects: Sequence[SceneObject], shares: dict[int, float], category: str
) -> tuple[Expression, ...]:
    """Given sentences about objects that are still to be seen, and that got no other of their class beside them."""
    alike = {item.id for item in objects if item.category == category}
    covered = {item.id for item in objects if shares[item.id] < KEPT_SHARE}
    return tuple(sentence for sentence in sentences if not (alike | covered) & set(sentence.target_ids))
