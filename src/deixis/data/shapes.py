"""Drawn scenes: coloured circles, squares and triangles, every one of them labelled.

Tests, examples and CI run the whole path (train, export, segment) on these, without a download.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from deixis import masks
from deixis.files import atomic_write
from deixis.types import BoolMask, ImageArray, Scene, SceneObject

SHAPES = ("circle", "square", "triangle")
COLOURS = {
    "red": (215, 25, 30),
    "green": (35, 160, 50),
    "blue": (25, 50, 205),
    "yellow": (240, 220, 40),
    "black": (10, 10, 10),
    "white": (250, 250, 250),
}
LARGEST = 5  # shapes in one picture
RADII = (0.07, 0.18)  # smallest and largest, as shares of the side
_TRIES = 20  # places tried for a shape before it is left out
_ROOT3 = 3**0.5


def draw_scene(
    seed: int | np.random.Generator, size: int = 96, radii: tuple[float, float] = RADII
) -> Scene:
    """One to five shapes on a grey, slightly noisy ground; they do not touch and lie inside the picture.

    Args:
        seed: a seed, or a generator to draw from.
        size: side of the square picture, in pixels.
        radii: smallest and largest, as shares of the side.

    Returns:
        A scene with masks, in which all three classes are labelled completely. Ids start at 1.
    """
    rng = np.random.default_rng(seed)
    ground = 128 + rng.integers(-8, 9, (size, size, 1))
    image = np.repeat(ground, 3, axis=2).astype(np.uint8)
    taken = np.zeros((size, size), dtype=bool)
    objects: list[SceneObject] = []
    for identity in range(1, int(rng.integers(1, LARGEST + 1)) + 1):
        category, mask = _free_place(taken, radii, rng)
        if not mask.any():
            continue
        taken |= mask
        _paint(image, mask, list(COLOURS.values())[int(rng.integers(len(COLOURS)))], rng)
        objects.append(SceneObject(identity, category, masks.bounding_box(mask), mask))
    return Scene(image, tuple(objects), frozenset(SHAPES), source="drawn")


def shape_mask(category: str, size: int, centre_xy: tuple[float, float], radius: float) -> BoolMask:
    """(size, size) bool mask of a shape; ``radius`` is that of its circumscribed circle, all in pixels."""
    y, x = np.mgrid[:size, :size] + 0.5
    x, y = x - centre_xy[0], y - centre_xy[1]
    if category == "circle":
        inside = x * x + y * y <= radius * radius
    elif category == "square":
        inside = np.maximum(abs(x), abs(y)) <= radius / 2**0.5
    elif category == "triangle":  # equilateral, a corner at the top
        inside = (y <= radius / 2) & (_ROOT3 * abs(x) - y <= radius)
    else:
        raise ValueError(f"category: expected one of {', '.join(SHAPES)}, got {category!r}")
    return np.asarray(inside, dtype=bool)


def write_coco(
    folder: Path, count: int, seed: int = 0, size: int = 96, radii: tuple[float, float] = RADII
) -> Path:
    """Write drawn scenes as a dataset in COCO's format: ``images/*.png`` and ``instances.json``.

    The same arguments write the same files.

    Args:
        folder: made if it is not there.
        count: number of pictures.
        seed: of the drawing; picture ``i`` is ``draw_scene`` of the generator ``[seed, i]``.
        size: side of each picture, in pixels.
        radii: of the shapes, as in ``draw_scene``.

    Returns:
        Path of ``instances.json``.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for index in range(count):
        scene = draw_scene(np.random.default_rng([seed, index]), size, radii)
        name = f"{index + 1:06d}.png"
        Image.fromarray(scene.image).save(folder / "images" / name)
        images.append({"id": index + 1, "file_name": name, "height": size, "width": size})
        for item in scene.objects:
            annotations.append({"id": len(annotations) + 1, "image_id": index + 1, **_annotation(item)})
    categories = [{"id": row + 1, "name": name} for row, name in enumerate(SHAPES)]
    path = folder / "instances.json"
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def _free_place(
    taken: BoolMask, radii: tuple[float, float], rng: np.random.Generator
) -> tuple[str, BoolMask]:
    """A shape that keeps its circumscribed circle clear of everything taken; an empty mask when none was found."""
    size = len(taken)
    category = SHAPES[int(rng.integers(len(SHAPES)))]
    for _ in range(_TRIES):
        radius = float(rng.uniform(*radii)) * size
        centre = (float(rng.uniform(radius, size - radius)), float(rng.uniform(radius, size - radius)))
        if not (shape_mask("circle", size, centre, radius + 1) & taken).any():
            return category, shape_mask(category, size, centre, radius)
    return category, np.zeros_like(taken)


def _paint(image: ImageArray, mask: BoolMask, colour: tuple[int, int, int], rng: np.random.Generator) -> None:
    noise = rng.integers(-5, 6, (int(mask.sum()), 1))
    image[mask] = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def _annotation(item: SceneObject) -> dict[str, object]:
    assert item.mask is not None
    return {"category_id": SHAPES.index(item.category) + 1, **masks.coco_row(item.mask), "iscrowd": 0}
