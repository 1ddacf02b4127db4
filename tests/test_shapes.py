"""Drawn scenes: labels that are right, and files that load back as what was drawn."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deixis.data.scenes import SceneSource
from deixis.data.shapes import COLOURS, RADII, SHAPES, draw_scene, shape_mask, write_coco
from deixis.masks import bounding_box, union
from deixis.trainconfig import SourceConfig


@given(st.integers(0, 2**32 - 1), st.sampled_from([64, 96, 150]))
def test_labels_are_those_of_the_drawing(seed: int, size: int) -> None:
    scene = draw_scene(seed, size)
    assert scene.size == (size, size)
    assert scene.labelled == set(SHAPES)
    assert 1 <= len(scene.objects) <= 5
    known = [item.mask for item in scene.objects if item.mask is not None]
    assert sum(int(mask.sum()) for mask in known) == union(known, size, size).sum(), "shapes do not overlap"
    assert np.abs(scene.image[~union(known, size, size)].astype(int) - 128).max() <= 8, "all else is ground"
    for item in scene.objects:
        assert item.mask is not None
        assert item.box_xyxy == bounding_box(item.mask)
        colour = np.median(scene.image[item.mask], axis=0)
        assert min(np.abs(colour - known).max() for known in COLOURS.values()) <= 5


def test_areas_are_those_of_the_shapes() -> None:
    for category, area in (("circle", np.pi), ("square", 2.0), ("triangle", 3 * 3**0.5 / 4)):
        assert shape_mask(category, 1000, (500, 500), 400).sum() == pytest.approx(area * 400**2, rel=0.01)
    with pytest.raises(ValueError, match="circle, square, triangle, got 'hexagon'"):
        shape_mask("hexagon", 8, (4, 4), 2)


def test_a_seed_draws_one_scene() -> None:
    first, second, other = draw_scene(3), draw_scene(np.random.default_rng(3)), draw_scene(4)
    assert np.array_equal(first.image, second.image)
    assert not np.array_equal(first.image, other.image)
    assert RADII[0] < RADII[1] < 0.5


def test_a_seed_draws_the_same_in_every_version() -> None:
    """Examples and tests of training depend on it."""
    drawn = hashlib.sha256()
    for seed in range(40):
        scene = draw_scene(seed, 96)
        drawn.update(scene.image.astype(np.uint8).tobytes())
        drawn.update(repr([(item.id, item.category, item.box_xyxy) for item in scene.objects]).encode())
        drawn.update(scene.source.encode())
    assert drawn.hexdigest()[:16] == "fd652b5113f3c914"


def test_a_shape_without_a_place_does_not_silence_the_next() -> None:
    ids = [[item.id for item in draw_scene(seed, radii=(0.1, 0.4)).objects] for seed in range(30)]
    assert any(found != list(range(1, len(found) + 1)) for found in ids)


def test_coco_round_trip(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "a", 5, seed=7, size=64)
    source = SceneSource(SourceConfig(str(path), str(tmp_path / "a" / "images")))
    assert len(source) == 5
    for index in range(5):
        drawn, read = draw_scene(np.random.default_rng([7, index]), 64), source.scene(index)
        assert np.array_equal(drawn.image, read.image)
        assert read.labelled == drawn.labelled
        for left, right in zip(drawn.objects, read.objects, strict=True):
            assert (left.category, left.box_xyxy) == (right.category, right.box_xyxy)
            assert np.array_equal(left.mask, right.mask)
    assert write_coco(tmp_path / "b", 5, seed=7, size=64).read_bytes() == path.read_bytes()
