"""From a scene and its phrases to what the losses compare with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from hypothesis import given
from hypothesis import strategies as st

from deixis.data.attributes import SAID
from deixis.data.shapes import draw_scene
from deixis.data.traits import TRAITS
from deixis.image import Letterbox
from deixis.masks import bounding_box
from deixis.model.losses import IGNORED
from deixis.train.targets import MAX_OBJECTS, class_targets, object_targets, phrase_targets, shown_traits, shrink
from deixis.types import Expression, Scene, SceneObject

CLASSES = {"square": 0, "circle": 1}
SQUARE = Letterbox.fit(64, 64, 64)


def scene(*boxes: tuple[int, int, int, int], **flags: bool | str) -> Scene:
    """64 x 64 with filled boxes as squares, ids from 1; flags are of the last one."""
    objects = []
    for identity, (x0, y0, x1, y1) in enumerate(boxes, 1):
        mask = np.zeros((64, 64), dtype=bool)
        mask[y0:y1, x0:x1] = True
        objects.append(SceneObject(identity, "square", bounding_box(mask), mask))
    if flags:
        objects[-1] = replace(objects[-1], **flags)  # type: ignore[arg-type]
    return Scene(np.zeros((64, 64, 3), np.uint8), tuple(objects), frozenset({"square"}))


def boxed(whole: Scene) -> Scene:
    return replace(whole, objects=tuple(replace(item, mask=None) for item in whole.objects))


def test_shrink_counts_shares() -> None:
    mask = np.zeros((64, 64), dtype=bool)
    mask[:8, :4] = True
    cells = shrink(mask, SQUARE, 8)
    assert cells[0, 0] == 0.5 and cells.sum() == 0.5
    assert cells.dtype == np.float32


def test_shrink_leaves_the_padding_empty() -> None:
    cells = shrink(np.ones((32, 64), dtype=bool), Letterbox.fit(32, 64, 64), 8)
    assert np.array_equal(cells[:, 0], [0, 0, 1, 1, 1, 1, 0, 0])


@given(st.integers(0, 1000), st.sampled_from([(48, 64), (64, 40), (91, 33)]))
def test_shrink_keeps_area(seed: int, size: tuple[int, int]) -> None:
    mask = np.zeros(size, dtype=bool)
    rng = np.random.default_rng(seed)
    y, x = rng.integers(0, size[0] - 20), rng.integers(0, size[1] - 20)
    mask[y : y + 20, x : x + 20] = True
    scale = 64 / max(size)
    assert shrink(mask, Letterbox.fit(*size, 64), 4).sum() * 16 == pytest.approx((20 * scale) ** 2, rel=0.15)


def test_objects_largest_first_with_peaks_at_their_centres() -> None:
    found = object_targets(scene((0, 0, 8, 8), (16, 24, 48, 56)), SQUARE, exhaustive=True, classes=CLASSES)
    assert found.ids == (2, 1)
    assert np.allclose(found.boxes[0], [0.5, 0.625, 0.5, 0.5])
    assert found.cells.tolist() == [5 * 8 + 4, 0]
    assert [tuple(cell) for cell in np.argwhere(found.heat == 1)] == [(0, 0), (5, 4)]
    assert found.heat.min() >= 0 and found.heat[5, 5] < 1
    assert found.heat_weight.all()
    assert found.masks.shape == (2, 16, 16) and found.masks[0].sum() == 64
    assert found.mask_known.all()


@given(st.integers(0, 10_000))
def test_every_object_has_its_peak(seed: int) -> None:
    drawn = draw_scene(seed, 96)
    found = object_targets(drawn, Letterbox.fit(96, 96, 64), exhaustive=True, classes=CLASSES)
    assert set(np.flatnonzero(found.heat == 1)) == set(found.cells)
    assert len(found.ids) == len(drawn.objects)


def test_what_is_not_labelled_may_have_centres_anywhere() -> None:
    found = object_targets(scene((16, 24, 48, 56)), SQUARE, exhaustive=False, classes=CLASSES)
    assert found.heat_weight[3:7, 2:6].all()
    assert found.heat_weight.sum() == 16, "only inside the labelled object is it known that no other centre is there"
    assert not object_targets(scene(), SQUARE, exhaustive=False, classes=CLASSES).heat_weight.any()
    assert object_targets(scene(), SQUARE, exhaustive=True, classes=CLASSES).heat_weight.all()


def test_crowds_are_no_objects_and_teach_nothing() -> None:
    crowded = scene((0, 0, 8, 8), (32, 32, 64, 64), is_crowd=True)
    found = object_targets(crowded, SQUARE, exhaustive=True, classes=CLASSES)
    assert found.ids == (1,)
    assert not found.heat_weight[4:, 4:].any() and found.heat_weight.sum() == 64 - 16


def test_parts_and_slivers_are_no_objects() -> None:
    assert object_targets(scene((0, 0, 8, 8), (2, 2, 6, 6), is_part=True), SQUARE, True, CLASSES).ids == (1,)
    assert object_targets(scene((0, 0, 8, 8), (20, 0, 21, 60)), SQUARE, True, CLASSES).ids == (1,)


def test_only_so_many_objects() -> None:
    many = scene(*((x, y, x + 4, y + 4) for x in range(0, 50, 10) for y in range(0, 50, 10)))
    assert len(object_targets(many, SQUARE, True, CLASSES).ids) == MAX_OBJECTS


def test_classes_of_objects() -> None:
    shown = scene((0, 0, 8, 8), (16, 24, 48, 56), category="unheard of")
    assert object_targets(shown, SQUARE, True, CLASSES).classes.tolist() == [IGNORED, CLASSES["square"]]


def test_boxes_stand_for_masks() -> None:
    found = object_targets(boxed(scene((0, 0, 8, 8))), SQUARE, True, CLASSES)
    assert not found.mask_known.any() and found.masks.sum() == 4


def test_phrases_and_their_members() -> None:
    shown = scene((0, 0, 8, 8), (16, 24, 48, 56))
    objects = object_targets(shown, SQUARE, True, CLASSES)
    phrases = [
        Expression("small one", (1,), "size", "square"),
        Expression("both", (1, 2), "class", "square"),
        Expression("dragon", (), "absent", "dragon"),
    ]
    found = phrase_targets(shown, phrases, objects, SQUARE, CLASSES, 4)
    assert found.valid.tolist() == [True, True, True, False]
    assert found.classes.tolist() == [0, 0, IGNORED, IGNORED]
    assert np.argwhere(found.members).tolist() == [[0, 1], [1, 0], [1, 1]], "the largest is the first object"
    assert found.masks.sum(axis=(1, 2)).tolist() == [4, 68, 0, 0]
    assert found.mask_known.all() and found.choosable.all()
    assert not phrase_targets(boxed(shown), phrases, objects, SQUARE, CLASSES, 4).mask_known[:2].any()


def test_objects_show_what_their_names_and_the_phrases_say() -> None:
    drawn = scene((0, 0, 8, 8), (16, 24, 48, 56))
    small, large = drawn.objects
    drawn = replace(drawn, objects=(replace(small, names=("boy",)), large))
    objects = object_targets(drawn, SQUARE, True, CLASSES)
    phrases = [
        Expression("red square", (2,), "colour", "square"),
        Expression("dragon", (), "absent", "dragon"),
        Expression("small one", (1,), "size", "square"),
    ]
    named = phrase_targets(drawn, phrases, objects, SQUARE, CLASSES, 4)
    red, male, child = SAID.index("red"), 0, 1
    found = shown_traits(objects, named)
    assert found.shape == (MAX_OBJECTS, len(TRAITS))
    assert found[:2].tolist() == [[red, IGNORED, IGNORED, IGNORED], [IGNORED, male, child, IGNORED]]
    assert (found[2:] == IGNORED).all()


def test_phrases_that_no_proposed_object_can_answer() -> None:
    crowd = scene((0, 0, 8, 8), (32, 32, 64, 64), is_crowd=True)
    part = scene((0, 0, 8, 8), (2, 2, 6, 6), is_part=True)
    for shown, choosable in ((crowd, False), (part, True)):
        found = phrase_targets(
            shown, [Expression("it", (2,), "class")], object_targets(shown, SQUARE, True, CLASSES), SQUARE, CLASSES, 1
        )
        assert not found.members.any()
        assert found.choosable[0] == choosable, "of a part it is known that no whole object is meant"


def test_class_maps() -> None:
    maps, known = class_targets(scene((0, 0, 8, 8)), SQUARE, CLASSES)
    assert maps.shape == (2, 8, 8) and maps[0, 0, 0] == 1 and maps.sum() == 1
    assert known.tolist() == [True, False]
    maps, known = class_targets(boxed(scene((0, 0, 8, 8))), SQUARE, CLASSES)
    assert not maps.any() and not known.any(), "a box does not say where the class is"
