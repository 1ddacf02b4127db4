"""Changes of a picture keep every word about it true."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deixis.data.shapes import SHAPES, draw_scene
from deixis.data.synthesize import synthesize
from deixis.masks import bounding_box
from deixis.train import augment as module
from deixis.train.augment import augment, change_light, crop, flip, mosaic, resize_mask
from deixis.trainconfig import AugmentConfig
from deixis.types import Expression, Scene, SceneObject


def pair(*sentences: str) -> Scene:
    """Two squares in a 40 x 60 picture: id 1 on the left, id 2 on the right; the sentences name the first."""
    objects = []
    for identity, x in ((1, 5), (2, 40)):
        mask = np.zeros((40, 60), dtype=bool)
        mask[10:20, x : x + 10] = True
        objects.append(SceneObject(identity, "square", bounding_box(mask), mask))
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[10:20, 5:15] = 200
    given = tuple(Expression(text, (1,), "human") for text in sentences)
    return Scene(image, tuple(objects), frozenset({"square", "circle"}), given)


def check_flip() -> None:
    scene, flipped = pair("Left square", "square on the LEFT"), flip(pair("Left square", "square on the LEFT"))
    assert [item.text for item in flipped.expressions] == ["Right square", "square on the RIGHT"]
    first = next(item for item in flipped.objects if item.id == 1)
    assert first.box_xyxy == (45, 10, 55, 20)
    assert first.mask is not None and first.box_xyxy == bounding_box(first.mask)
    assert (flipped.image[first.mask] == 200).all()
    assert scene.labelled == flipped.labelled


def test_flip_swaps_words_masks_and_boxes() -> None:
    check_flip()


def test_the_flip_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mirror", lambda text: text)
    with pytest.raises(AssertionError):
        check_flip()


@given(st.integers(0, 10_000))
def test_flipping_twice_changes_nothing(seed: int) -> None:
    scene = replace(draw_scene(seed, 48), expressions=(Expression("leftmost circle, right of it", (1,), "human"),))
    twice = flip(flip(scene))
    assert np.array_equal(twice.image, scene.image)
    assert twice.expressions == scene.expressions
    for left, right in zip(twice.objects, scene.objects, strict=True):
        assert left.box_xyxy == right.box_xyxy
        assert np.array_equal(left.mask, right.mask)


def test_a_crop_drops_what_it_could_make_false() -> None:
    scene = pair("leftmost square", "second square", "the biggest", "the grey square", "grey thing here")
    cropped = crop(scene, (0, 5, 50, 30))
    assert [item.text for item in cropped.expressions] == ["the grey square", "grey thing here"]
    assert cropped.size == (25, 50)
    assert [item.box_xyxy for item in cropped.objects] == [(5, 5, 15, 15), (40, 5, 50, 15)]


def test_a_crop_drops_sentences_about_what_it_cuts() -> None:
    scene = pair("the grey square")
    assert len(crop(scene, (7, 0, 60, 40)).expressions) == 1, "80 % of it stay"
    assert len(crop(scene, (9, 0, 60, 40)).expressions) == 0, "60 % of it stay"
    gone = crop(scene, (30, 0, 60, 40))
    assert [item.id for item in gone.objects] == [2] and not gone.expressions
    assert crop(scene, (0, 0, 60, 40)) is scene


def test_a_class_with_a_sliver_of_a_boxed_object_is_not_complete() -> None:
    scene = replace(
        pair(), objects=(SceneObject(1, "square", (0, 0, 20, 20)), SceneObject(2, "circle", (30, 0, 50, 20)))
    )
    assert crop(scene, (19, 0, 60, 40)).labelled == {"circle"}, "5 % of the square are left, and seen"
    assert crop(scene, (20, 0, 60, 40)).labelled == {"circle", "square"}, "nothing of the square is left"
    assert crop(scene, (10, 0, 60, 40)).labelled == {"circle", "square"}, "half of it is left, and labelled"


def test_a_mosaic_knows_what_both_halves_know() -> None:
    left = pair("the grey square", "left square")
    right = replace(pair("a bright one"), labelled=frozenset({"square"}))
    both = mosaic(left, right, True, np.random.default_rng(0))
    assert both.labelled == {"square"}
    assert len({item.id for item in both.objects}) == 4
    assert [item.text for item in both.expressions] == ["the grey square", "a bright one"]
    width = both.size[1] // 2
    by_id = {item.id: item for item in both.objects}
    assert by_id[both.expressions[0].target_ids[0]].box_xyxy[2] < width
    assert by_id[both.expressions[1].target_ids[0]].box_xyxy[0] >= width
    for item in both.objects:
        assert item.mask is not None and item.mask.shape == both.size
        assert np.abs(np.subtract(item.box_xyxy, bounding_box(item.mask))).max() <= 1.5
    assert mosaic(left, right, False, np.random.default_rng(0)).expressions == ()


@given(st.integers(0, 1000), st.floats(0, 0.9))
def test_light_keeps_shape_type_and_grey(seed: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    changed = change_light(image, strength, rng)
    assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
    assert np.abs(change_light(image, 0.0, rng).astype(int) - image).max() <= 1
    grey = change_light(np.repeat(image[..., :1], 3, axis=2), strength, rng).astype(int)
    assert np.ptp(grey, axis=2).max() <= 1, "no hue comes from nowhere"


def test_resize_mask() -> None:
    mask = np.array([[True, False], [False, True]])
    assert np.array_equal(resize_mask(mask, 4, 6), np.repeat(np.repeat(mask, 3, axis=0), 2, axis=1))


def is_true(scene: Scene, expression: Expression) -> bool:
    """Recompute what a phrase says of a scene with all shapes labelled; True when the phrase is of another form."""
    targets = [item for item in scene.objects if item.id in expression.target_ids]
    found = re.fullmatch(rf"(?:the )?(left|right|top|bottom) ({'|'.join(SHAPES)})", expression.text)
    if found:
        side, category = found.groups()
        axis, sign = (0 if side in ("left", "right") else 1), (1 if side in ("left", "top") else -1)
        like = [item for item in scene.objects if item.category == category]
        if not targets:
            return not like and expression.kind == "absent"
        best = min(like, key=lambda item: sign * (item.box_xyxy[axis] + item.box_xyxy[axis + 2]))
        return targets == [best]
    if expression.text in SHAPES:
        return targets == [item for item in scene.objects if item.category == expression.text]
    return len(targets) == len(expression.target_ids)


@settings(max_examples=60)
@given(st.integers(0, 100_000))
def test_what_is_synthesized_after_augmentation_is_true(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = augment(draw_scene(rng, 96), AugmentConfig(), rng)
    if seed % 3 == 0:
        scene = mosaic(scene, augment(draw_scene(rng, 80), AugmentConfig(), rng), False, rng)
    for item in scene.objects:
        assert item.mask is not None and item.mask.shape == scene.size
    for expression in synthesize(scene, rng, 12):
        assert is_true(scene, expression), expression
        assert is_true(flip(scene), replace(expression, text=module.mirror(expression.text))), expression


def test_the_truth_check_can_fail() -> None:
    assert not is_true(pair(), Expression("left square", (2,), "location"))
    assert is_true(pair(), Expression("left square", (1,), "location"))
