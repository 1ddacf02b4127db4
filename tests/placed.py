"""Scenes of boxes without pixels, for tests of what may be said of things by their places."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from deixis.types import Box, Scene, SceneObject

Placed = tuple[str, Box]  # a class and its box in percent of the picture


def draw(*placed: Placed, labelled: Iterable[str] = ()) -> Scene:
    """A scene whose objects have the ids 0, 1, ...; labelled are their classes and the given ones."""
    objects = [SceneObject(number, name, box, None) for number, (name, box) in enumerate(placed)]
    known = frozenset(name for name, _ in placed) | frozenset(labelled)
    return Scene(np.zeros((100, 100, 3), dtype=np.uint8), tuple(objects), known)
