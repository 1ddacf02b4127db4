"""Clothes in other colours: one red shirt among many people is rare in photographs, and what people point at.

The colours are changed before expressions are synthesized, and these look at the pixels, so every word stays true.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from deixis.data.attributes import COLOURS, name_pixels
from deixis.data.facts import SceneFacts, Thing
from deixis.types import ImageArray, Scene

MOST_DYED = 3
LEAST_AREA = 0.005  # of the picture
DYES = (
    (200, 25, 35), (150, 20, 30), (30, 70, 185), (90, 150, 220), (35, 140, 60), (20, 90, 50), (235, 205, 40),
    (240, 125, 25), (235, 110, 165), (110, 45, 150), (240, 240, 240), (20, 20, 22), (125, 125, 128),
)  # fmt: skip
UNEVEN = 18  # how far a dye may be from the table's, in each channel
SHADING = 0.7  # exponent of the folds' brightness: 0 for none
MORE_ROWS = 0.25  # of a band's height, above and below it, which fade out
SOFT_EDGE = 1.0  # pixels of blur
SKIN = [COLOURS.index(name) for name in ("tan", "brown", "orange", "pink")]
LEAST_CLOTH = 0.5  # of a band, without what may be skin


def recolour(scene: Scene, rng: np.random.Generator) -> Scene:
    """Dye what up to ``MOST_DYED`` people wear above. Scenes with parts or given sentences stay as they are."""
    if scene.expressions or any(item.is_part for item in scene.objects):
        return scene
    facts = SceneFacts(scene)
    people = [thing for thing in facts.people if thing.item.mask is not None and thing.area > LEAST_AREA]
    if len(facts.people) < 2 or not people:
        return scene
    count = min(len(people), int(rng.integers(1, MOST_DYED + 1)))
    image = scene.image
    for index in rng.choice(len(people), count, replace=False):
        dye = np.array(DYES[int(rng.integers(len(DYES)))]) + rng.uniform(-UNEVEN, UNEVEN, 3)
        image = _dyed(image, facts, people[int(index)], dye)
    return replace(scene, image=image)


def _dyed(image: ImageArray, facts: SceneFacts, person: Thing, dye: NDArray[np.float64]) -> ImageArray:
    """The picture with a person's clothes above in another colour, their folds as they were."""
    rows, mask = facts.rows(person, "torso"), person.item.mask
    if rows is None or mask is None:
        return image
    more = MORE_ROWS * (rows[1] - rows[0])
    top, bottom = max(0, int(rows[0] - more)), min(len(mask), int(rows[1] + more) + 1)
    left, right = max(0, int(person.item.box_xyxy[0])), int(person.item.box_xyxy[2]) + 1
    window = image[top:bottom, left:right].astype(np.float32)
    skin = np.isin(name_pixels(image[top:bottom, left:right].reshape(-1, 3)), SKIN).reshape(window.shape[:2])
    cloth = mask[top:bottom, left:right] & ~skin
    if cloth.sum() < max(8.0, LEAST_CLOTH * mask[top:bottom, left:right].sum()):
        return image
    grey = window @ np.array([0.299, 0.587, 0.114], dtype=np.float32) + 8
    folds = (grey / np.median(grey[cloth])) ** SHADING
    edge = Image.fromarray(cloth.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(SOFT_EDGE))
    row = np.arange(top, bottom) + 0.5
    fade = np.clip(np.minimum(row - top, bottom - row) / max(more, 1.0), 0, 1)
    opacity = (np.asarray(edge) / 255 * fade[:, None])[..., None]
    changed = image.copy()
    mixed = window * (1 - opacity) + np.clip(folds[..., None] * dye, 0, 255) * opacity
    changed[top:bottom, left:right] = mixed.round().astype(np.uint8)
    return changed
