"""Clothes of other colours: only what people wear above changes, and what is said of it is true."""

from dataclasses import replace

import numpy as np
import pytest

from deixis.data import attributes
from deixis.data.facts import SceneFacts
from deixis.data.synthesize import KINDS, SynthesisOptions, synthesize
from deixis.masks import bounding_box, union
from deixis.train.recolour import DYES, UNEVEN, recolour
from deixis.types import Expression, Scene, SceneObject

SIZE = 120
SKIN, CLOTH, WALL = (215, 170, 140), (128, 128, 128), (40, 90, 60)


def standing(number: int, left: int) -> SceneObject:
    """A person of 24 x 100 pixels."""
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[10:110, left : left + 24] = True
    return SceneObject(number, "person", bounding_box(mask), mask)


def crowd(*people: SceneObject) -> Scene:
    """People with bare heads and gray clothes with folds."""
    image = np.full((SIZE, SIZE, 3), WALL, dtype=np.uint8)
    for item in people:
        assert item.mask is not None
        image[item.mask] = CLOTH
        image[::7][item.mask[::7]] = (105, 105, 105)
        x0, y0, x1, _ = (int(edge) for edge in item.box_xyxy)
        image[y0 : y0 + 18, x0:x1] = SKIN
    return Scene(image, people, frozenset({"person", "dog"}))


def changed(before: Scene, after: Scene) -> np.ndarray:
    return (before.image != after.image).any(axis=-1)


CROWD = crowd(standing(1, 5), standing(2, 45), standing(3, 85))


@pytest.mark.parametrize("seed", range(20))
def test_only_the_clothes_of_people_change(seed):
    result = recolour(CROWD, np.random.default_rng(seed))
    where = changed(CROWD, result)
    people = union([item.mask for item in CROWD.objects if item.mask is not None], SIZE, SIZE)
    assert where.any() and result.objects == CROWD.objects
    beyond = np.pad(people, 2)
    reach = np.any([np.roll(beyond, (y, x), (0, 1)) for y in range(-2, 3) for x in range(-2, 3)], axis=0)[2:-2, 2:-2]
    assert not (where & ~reach).any(), "the soft edge reaches two pixels beyond a person"
    assert not where[10:26].any(), "faces stay as they are"
    assert not where[75:].any(), "so do trousers"


def test_the_same_chance_gives_the_same_colours():
    first, second = (recolour(CROWD, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.image, second.image)


def test_folds_are_seen_in_the_new_colour():
    result = recolour(CROWD, np.random.default_rng(0))
    y, x = np.argwhere(changed(CROWD, result))[len(np.argwhere(changed(CROWD, result))) // 2]
    person = next(item for item in CROWD.objects if item.mask is not None and item.mask[y, x])
    column = int((person.box_xyxy[0] + person.box_xyxy[2]) / 2)
    assert result.image[42, column].sum() < result.image[40, column].sum(), "row 42 is a fold"


def test_phrases_name_the_new_colours():
    only = SynthesisOptions(**{f"{kind}_weight": float(kind == "colour") for kind in KINDS}, noise=0.0)
    assert synthesize(CROWD, np.random.default_rng(0), 8, only) == []
    named = set()
    for seed in range(30):
        result = recolour(CROWD, np.random.default_rng(seed))
        facts = SceneFacts(result)
        for phrase in synthesize(result, np.random.default_rng(seed), 8, only):
            (thing,) = (thing for thing in facts.things if thing.id in phrase.target_ids)
            colour = attributes.dominant(facts.shares(thing, "torso"))
            assert colour is not None and colour.replace("gray", "gr") in phrase.text
            named.add(colour)
    assert len(named) >= 5


def test_dyes_are_of_many_colours():
    rng = np.random.default_rng(0)
    names = {
        attributes.COLOURS[int(attributes.name_pixels(np.clip(np.array([dye]) + uneven, 0, 255).astype(np.uint8))[0])]
        for dye in DYES
        for uneven in rng.uniform(-UNEVEN, UNEVEN, (20, 1, 3))
    }
    assert {"red", "blue", "green", "yellow", "orange", "pink", "purple", "white", "black", "gray"} <= names


@pytest.mark.parametrize(
    "scene",
    [
        crowd(standing(1, 5)),
        replace(CROWD, expressions=(Expression("the one in gray", (1,), "colour", "person"),)),
        replace(CROWD, objects=(*CROWD.objects, replace(standing(9, 5), category="shirt", is_part=True))),
        replace(CROWD, objects=tuple(replace(item, mask=None) for item in CROWD.objects)),
        replace(CROWD, objects=tuple(replace(item, category="dog") for item in CROWD.objects)),
        replace(CROWD, labelled=frozenset({"dog"})),
    ],
    ids=["one person", "given sentences", "parts", "boxes", "dogs", "people not labelled"],
)
def test_other_scenes_stay_as_they_are(scene):
    for seed in range(5):
        assert recolour(scene, np.random.default_rng(seed)) is scene
