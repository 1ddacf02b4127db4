"""What is measured of the things of a scene: colours of a person's bands, and whose a part is."""

from __future__ import annotations

import numpy as np
import pytest

from deixis.data.facts import SceneFacts, worth
from deixis.types import Box, Scene, SceneObject

RED, GREEN, ORANGE = (220, 20, 20), (30, 160, 40), (255, 130, 0)


def box_mask(box: Box) -> np.ndarray:
    x0, y0, x1, y1 = (int(side) for side in box)
    mask = np.zeros((200, 200), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.mark.parametrize(
    ("box", "rows", "part"),
    [
        ((70, 20, 130, 180), (55, 97), "torso"),  # stands
        ((70, 20, 130, 180), (112, 158), "legs"),
        ((50, 20, 150, 180), (64, 120), "torso"),  # sits
        ((70, 40, 130, 200), (85, 140), "torso"),  # cut off at the legs
        ((40, 80, 140, 200), (134, 170), "torso"),  # head and shoulders
    ],
)
def test_the_band_that_shows_the_clothes(box: Box, rows: tuple[int, int], part: str) -> None:
    image = np.zeros((200, 200, 3), dtype=np.uint8)
    image[:] = GREEN
    image[rows[0] : rows[1]] = RED
    facts = SceneFacts(Scene(image, (SceneObject(1, "person", box, box_mask(box)),), frozenset({"person"})))
    assert facts.colour(facts.things[0], part) == "red"
    assert facts.colour(facts.things[0]) != "red"


def test_a_part_is_of_the_person_whose_pixels_it_shares() -> None:
    """The box of the first holds the bag as well; its mask ends above."""
    first, second = (20, 20, 120, 180), (20, 100, 120, 190)
    upper = box_mask(first) & ~box_mask((0, 100, 200, 200))
    bag = (40, 120, 70, 150)
    scene = Scene(
        np.zeros((200, 200, 3), dtype=np.uint8),
        (
            SceneObject(1, "person", first, upper),
            SceneObject(2, "person", second, box_mask(second)),
            SceneObject(3, "bag", bag, box_mask(bag), is_part=True),
        ),
        frozenset({"person", "bag"}),
    )
    assert SceneFacts(scene).owners == {3: 2}


@pytest.mark.parametrize(("rows", "colour"), [((112, 158), "orange"), ((122, 158), "orange"), ((126, 158), None)])
def test_orange_may_be_skin_unless_nearly_all_of_the_band_is(rows: tuple[int, int], colour: str | None) -> None:
    image = np.zeros((200, 200, 3), dtype=np.uint8)
    image[:] = GREEN
    image[rows[0] : rows[1]] = ORANGE
    box = (70, 20, 130, 180)
    facts = SceneFacts(Scene(image, (SceneObject(1, "person", box, box_mask(box)),), frozenset({"person"})))
    assert facts.colour(facts.things[0], "legs") == colour


def test_worth_is_the_root_of_the_area_and_less_for_parts() -> None:
    image, box = np.zeros((200, 200, 3), dtype=np.uint8), (0, 0, 40, 40)
    things = (("person", False), ("bag", True), ("hair", True))
    objects = (SceneObject(index, name, box, None, is_part=part) for index, (name, part) in enumerate(things))
    facts = SceneFacts(Scene(image, tuple(objects), frozenset()))
    assert [worth(thing) for thing in facts.things] == pytest.approx([0.2, 0.1, 0.04])
