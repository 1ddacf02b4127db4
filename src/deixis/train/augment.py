"""Random changes of a training scene that keep every word about it true.

Geometry changes the scene BEFORE expressions are synthesized, so synthesized ones cannot become false. Given
sentences are changed with the picture: a flip swaps left and right in them; a crop drops those that it could make
false ("leftmost", "second", "biggest") and those whose target is cut.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deixis.masks import bounding_box
from deixis.text import depends_on_frame, mirror
from deixis.trainconfig import AugmentConfig
from deixis.types import BoolMask, Expression, ImageArray, Scene, SceneObject

KEPT_SHARE = 0.7  # of a target's area that must stay in a crop for its sentences to stay
VISIBLE_SHARE = 0.1  # of a box that must stay in a crop for the object to stay
RIGHT_ID_OFFSET = 1 << 40  # added to the ids of a mosaic's right half, so that ids stay unique


def augment(scene: Scene, config: AugmentConfig, rng: np.random.Generator) -> Scene:
    """Crop and flip a scene at random. Light is changed last (``change_light``), when colours have been named."""
    if config.min_scale < 1:
        scene = crop(scene, random_window(scene, config.min_scale, rng))
    return flip(scene) if rng.random() < config.flip else scene


def flip(scene: Scene) -> Scene:
    """Mirror the picture, its objects and the left and right of its sentences."""
    width = scene.size[1]

    def mirrored(item: SceneObject) -> SceneObject:
        x0, y0, x1, y1 = item.box_xyxy
        mask = None if item.mask is None else np.ascontiguousarray(item.mask[:, ::-1])
        return replace(item, box_xyxy=(width - x1, y0, width - x0, y1), mask=mask)

    return replace(
        scene,
        image=np.ascontiguousarray(scene.image[:, ::-1]),
        objects=tuple(mirrored(item) for item in scene.objects),
        expressions=tuple(replace(sentence, text=mirror(sentence.text)) for sentence in scene.expressions),
    )


def crop(scene: Scene, window: tuple[int, int, int, int]) -> Scene:
    """Cut out (x0, y0, x1, y1); objects are clipped, sentences that may have become false are dropped.

    Of an object of which only the box is known too little may be left to keep it, and still be seen. Its class is
    then no longer labelled completely.
    """
    x0, y0, x1, y1 = window
    if window == (0, 0, scene.size[1], scene.size[0]):
        return scene
    kept: list[SceneObject] = []
    whole: set[int] = set()
    hidden: set[str] = set()
    for item in scene.objects:
        clipped, share = _clip(item, window)
        if clipped is not None:
            kept.append(clipped)
            if share >= KEPT_SHARE:
                whole.add(item.id)
        elif share > 0:
            hidden.add(item.category)
    sentences = tuple(
        sentence
        for sentence in scene.expressions
        if not depends_on_frame(sentence.text) and whole.issuperset(sentence.target_ids)
    )
    image = np.ascontiguousarray(scene.image[y0:y1, x0:x1])
    return replace(scene, image=image, objects=tuple(kept), labelled=scene.labelled - hidden, expressions=sentences)


def mosaic(left: Scene, right: Scene, share_sentences: bool, rng: np.random.Generator) -> Scene:
    """Two scenes side by side at one height; only what both label completely stays labelled.

    Args:
        left: the left half.
        right: the right half.
        share_sentences: whether the given sentences of each half are false of the other half.
        rng: draws the common height.
    """
    height = max(8, round(float(rng.uniform(0.7, 1.0)) * min(left.size[0], right.size[0])))
    left, right = _to_height(left, height), _to_height(right, height)
    width, total = left.size[1], left.size[1] + right.size[1]
    placed = [_shift(item, 0, 0, total) for item in left.objects]
    placed += [_shift(item, width, RIGHT_ID_OFFSET, total) for item in right.objects]
    sentences: tuple[Expression, ...] = ()
    if share_sentences:
        moved = [
            replace(sentence, target_ids=tuple(target + RIGHT_ID_OFFSET for target in sentence.target_ids))
            for sentence in right.expressions
        ]
        sentences = tuple(item for item in (*left.expressions, *moved) if not depends_on_frame(item.text))
    return Scene(
        image=np.concatenate([left.image, right.image], axis=1),
        objects=tuple(placed),
        labelled=left.labelled & right.labelled,
        expressions=sentences,
        source=f"{left.source} + {right.source}",
    )


def random_window(scene: Scene, min_scale: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A window around a random object (or anywhere), its sides ``min_scale``..1 of the picture's."""
    height, width = scene.size
    if rng.random() < 0.3:
        return (0, 0, width, height)
    scale = rng.uniform(min_scale, 1.0)
    stretch = np.sqrt(rng.uniform(0.8, 1.25))
    window_width = max(8, min(width, round(width * scale * stretch)))
    window_height = max(8, min(height, round(height * scale / stretch)))
    window_width, window_height = min(width, window_width), min(height, window_height)
    centre_x, centre_y = rng.uniform(0, width), rng.uniform(0, height)
    if scene.objects and rng.random() < 0.8:
        x0, y0, x1, y1 = scene.objects[int(rng.integers(len(scene.objects)))].box_xyxy
        centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    spread_x, spread_y = rng.uniform(-0.3, 0.3, 2)
    left = int(np.clip(centre_x - window_width * (0.5 + spread_x), 0, width - window_width))
    top = int(np.clip(centre_y - window_height * (0.5 + spread_y), 0, height - window_height))
    return (left, top, left + window_width, top + window_height)


def change_light(image: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """Brightness, contrast, gamma and saturation by up to ``strength``; hues stay, colour words depend on them."""
    gain, contrast, saturation, gamma = 1 + strength * rng.uniform(-1, 1, 4)
    levels = np.linspace(0, 1, 256) ** gamma
    table = ((levels - 0.45) * contrast + 0.45) * gain * 255
    changed = np.clip(table, 0, 255).astype(np.float32)[image]
    grey = changed @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    mixed = grey[..., None] + (changed - grey[..., None]) * np.float32(saturation)
    return np.asarray(np.clip(mixed, 0, 255), dtype=np.uint8)


def resize_mask(mask: BoolMask, width: int, height: int) -> BoolMask:
    """Nearest-neighbour resize of an (H, W) bool mask."""
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def _clip(item: SceneObject, window: tuple[int, int, int, int]) -> tuple[SceneObject | None, float]:
    """The object inside a window, None when too little is left, and the share of it that is."""
    x0, y0, x1, y1 = window
    if item.mask is not None:
        mask = np.ascontiguousarray(item.mask[y0:y1, x0:x1])
        left = int(mask.sum())
        if not left:
            return None, 0.0
        return replace(item, mask=mask, box_xyxy=bounding_box(mask)), left / int(item.mask.sum())
    bx0, by0, bx1, by1 = item.box_xyxy
    box = (max(bx0, x0) - x0, max(by0, y0) - y0, min(bx1, x1) - x0, min(by1, y1) - y0)
    area = (bx1 - bx0) * (by1 - by0)
    share = max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) / area if area else 0.0
    return (replace(item, box_xyxy=box), share) if share > VISIBLE_SHARE else (None, share)


def _to_height(scene: Scene, height: int) -> Scene:
    old_height, old_width = scene.size
    width = max(8, round(old_width * height / old_height))
    image = np.array(Image.fromarray(scene.image).resize((width, height), Image.Resampling.BILINEAR))
    scale: NDArray[np.float64] = np.array([width / old_width, height / old_height] * 2)

    def resized(item: SceneObject) -> SceneObject:
        x0, y0, x1, y1 = (float(value) for value in np.array(item.box_xyxy) * scale)
        mask = None if item.mask is None else resize_mask(item.mask, width, height)
        return replace(item, box_xyxy=(x0, y0, x1, y1), mask=mask)

    return replace(scene, image=image, objects=tuple(resized(item) for item in scene.objects))


def _shift(item: SceneObject, offset: int, id_offset: int, total: int) -> SceneObject:
    x0, y0, x1, y1 = item.box_xyxy
    mask = item.mask
    if mask is not None:
        wide = np.zeros((mask.shape[0], total), dtype=bool)
        wide[:, offset : offset + mask.shape[1]] = mask
        mask = wide
    return replace(item, id=item.id + id_offset, box_xyxy=(x0 + offset, y0, x1 + offset, y1), mask=mask)
