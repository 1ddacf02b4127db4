"""Copy-paste: what is laid in is labelled, what is covered loses its pixels, and no sentence becomes false."""

from dataclasses import replace

import numpy as np
import pytest

from deixis.data.shapes import draw_scene
from deixis.masks import bounding_box
from deixis.train.paste import PASTED_ID, paste
from deixis.types import Expression, Scene, SceneObject


def block(number: int, category: str, box: tuple[int, int, int, int], size: int = 96) -> SceneObject:
    mask = np.zeros((size, size), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return SceneObject(number, category, box, mask)


def scene_of(*objects: SceneObject, colour: int = 40, **others: object) -> Scene:
    image = np.full((96, 96, 3), colour, dtype=np.uint8)
    return Scene(image, objects, frozenset({"cat", "dog", "person"}), **others)  # type: ignore[arg-type]


BLOCKS = scene_of(block(7, "dog", (10, 10, 70, 70)), colour=220)


@pytest.mark.parametrize("seed", range(20))
def test_pasted_objects_are_labelled_and_cover_what_was_there(seed):
    rng = np.random.default_rng(seed)
    scene, other = draw_scene(seed, 96), draw_scene(seed + 100, 96)
    result = paste(scene, other, rng)
    new = [item for item in result.objects if item.id >= PASTED_ID]
    assert len(result.objects) == len({item.id for item in result.objects})
    assert new or np.array_equal(result.image, scene.image)
    cover = np.zeros(scene.size, dtype=bool)
    for item in result.objects:
        assert item.mask is not None and item.mask.any()
        assert item.box_xyxy == bounding_box(item.mask)
        assert not (cover & item.mask).any(), "every pixel belongs to one object"
        cover |= item.mask
    for item in scene.objects:
        after = next((kept for kept in result.objects if kept.id == item.id), None)
        if after is not None:
            assert not (after.mask & ~item.mask).any()


def test_a_pasted_object_keeps_its_own_names():
    person = replace(block(7, "person", (10, 10, 70, 70)), names=("person", "woman"))
    (new,) = paste(scene_of(), scene_of(person), np.random.default_rng(3)).objects
    assert new.category == "person" and new.names == ("person", "woman")


def test_pixels_inside_are_the_objects_and_far_outside_the_scenes():
    scene = scene_of()
    result = paste(scene, BLOCKS, np.random.default_rng(3))
    (new,) = result.objects
    x0, y0, x1, y1 = (int(edge) for edge in new.box_xyxy)
    assert new.category == "dog"
    assert (result.image[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4] == 220).all()
    far = np.ones(scene.size, dtype=bool)
    far[max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4] = False
    assert (result.image[far] == 40).all()
    assert (scene.image == 40).all(), "the scene given is left alone"


def test_an_object_of_which_too_little_shows_is_no_longer_labelled_completely():
    thin = scene_of(block(1, "cat", (40, 40, 44, 44)))
    lost = [paste(thin, BLOCKS, np.random.default_rng(seed)) for seed in range(200)]
    gone = [result for result in lost if all(item.id != 1 for item in result.objects)]
    partly = [result for result in gone if (result.image[40:44, 40:44] == 40).any()]
    assert gone
    assert all("cat" not in result.labelled for result in partly)
    assert all("dog" in result.labelled for result in lost)


def test_a_box_without_a_mask_goes_when_it_is_covered():
    boxed = scene_of(SceneObject(1, "person", (40, 40, 48, 48)))
    results = [paste(boxed, BLOCKS, np.random.default_rng(seed)) for seed in range(200)]
    assert any([item.category for item in result.objects] == ["dog"] for result in results)
    assert any([item.category for item in result.objects] == ["person", "dog"] for result in results)


@pytest.mark.parametrize(("category", "stays"), [("cat", True), ("dog", False)])
def test_a_sentence_goes_when_another_of_its_class_comes(category, stays):
    small = block(1, category, (0, 0, 6, 6))
    scene = scene_of(small, expressions=(Expression("the furry one", (1,), "human", category),))
    untouched = [
        result
        for result in (paste(scene, BLOCKS, np.random.default_rng(seed)) for seed in range(60))
        if len(result.objects) == 2 and np.array_equal(result.objects[0].mask, small.mask)
    ]
    assert untouched
    assert all(bool(result.expressions) == stays for result in untouched)


def test_scenes_with_parts_and_crowds_are_left_alone():
    dressed = scene_of(block(1, "person", (0, 0, 90, 90)), replace(block(2, "shirt", (5, 5, 40, 40)), is_part=True))
    crowd = scene_of(replace(block(1, "person", (0, 0, 90, 90)), is_crowd=True))
    rng = np.random.default_rng(0)
    assert paste(dressed, BLOCKS, rng) is dressed
    assert paste(BLOCKS, dressed, rng) is BLOCKS
    assert paste(BLOCKS, crowd, rng) is BLOCKS
