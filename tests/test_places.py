"""Which of several like things: what is claimed of boxes by their place, rank and size, and what is not."""

from __future__ import annotations

import pytest

from deixis.data.facts import SceneFacts
from deixis.data.places import locations, ordinals, sides, sizes
from deixis.types import Box
from placed import draw


def facts_of(*boxes: Box, name: str = "dog") -> SceneFacts:
    return SceneFacts(draw(*((name, box) for box in boxes)))


def row(*spans: tuple[float, float]) -> tuple[Box, ...]:
    return tuple((x0, 40, x1, 60) for x0, x1 in spans)


@pytest.mark.parametrize(
    ("spans", "left", "right"),
    [
        ([(5, 25), (60, 80)], (0, {"abs", "half", "far"}), (1, {"abs", "half"})),
        ([(20, 60), (70, 90)], (0, {"abs"}), (1, {"abs", "half", "far"})),
        ([(5, 15), (40, 60)], (0, {"abs", "half", "far"}), (1, set())),  # right of the other, not in the picture
        ([(20, 40), (45, 55), (60, 80)], (0, {"abs", "half", "far"}), (2, {"abs", "half", "far"})),  # of three
        ([(20, 40), (45, 85)], (0, {"abs", "half"}), (1, {"abs"})),
        ([(40, 60), (42, 62)], None, None),  # too near one another
        ([(0, 20)], (0, {"abs", "half", "far"}), None),
        ([(20, 40)], (0, {"abs", "half"}), None),
        ([(30, 50)], None, None),  # alone and not at the side
    ],
)
def test_sides(
    spans: list[tuple[float, float]], left: tuple[int, set[str]] | None, right: tuple[int, set[str]] | None
) -> None:
    (group,) = facts_of(*row(*spans)).groups
    found = {slots["s"]: (index, set(holds)) for index, _, slots, holds in sides(group)}
    assert found == {side: place for side, place in (("left", left), ("right", right)) if place is not None}


def said(facts: SceneFacts, *wordings: str) -> set[tuple[str, int, str]]:
    """Wording, target and the words for it, of the claims by place of these wordings."""
    claims = (claim for claim in locations(facts) if claim.wording in wordings)
    return {(claim.wording, claim.target_ids[0], " ".join(claim.slots.values())) for claim in claims}


def test_above_and_below() -> None:
    assert said(facts_of((40, 5, 60, 25), (40, 70, 60, 90)), "vertical") == {
        ("vertical", 0, "top"),
        ("vertical", 1, "bottom"),
    }
    assert said(facts_of((40, 10, 60, 50), (40, 30, 60, 70)), "vertical") == set(), "half of each is beside the other"
    assert said(facts_of((40, 5, 60, 35)), "vertical") == {("vertical", 0, "top")}
    assert said(facts_of((40, 20, 60, 50)), "vertical") == set(), "alone, and not at the top"


def test_corners() -> None:
    assert said(facts_of((5, 5, 25, 25), (70, 70, 90, 90)), "corner") == {
        ("corner", 0, "top left"),
        ("corner", 1, "bottom right"),
    }
    assert said(facts_of((5, 5, 25, 25), (40, 40, 60, 60)), "corner") == set(), "the other is nearly there as well"
    assert said(facts_of((20, 20, 40, 40)), "corner") == {("corner", 0, "top left")}
    assert said(facts_of((28, 28, 48, 48)), "corner") == set()


def test_front_and_back() -> None:
    assert said(facts_of((10, 50, 50, 95), (70, 30, 85, 50)), "front", "back") == {("front", 0, ""), ("back", 1, "")}
    assert said(facts_of((10, 50, 50, 95), (70, 80, 85, 93)), "front", "back") == set(), "they stand in one line"
    assert said(facts_of((10, 50, 50, 95), (60, 30, 95, 65)), "front", "back") == set(), "of one size"
    assert said(facts_of((10, 50, 50, 95), (70, 30, 85, 50), name="kite"), "front", "back") == set(), "it flies"


def test_second_and_third_from_a_side() -> None:
    claims = list(ordinals(facts_of(*row((5, 15), (25, 35), (50, 60), (85, 95)))))
    assert {(claim.slots["s"], claim.slots["k"], claim.target_ids) for claim in claims} == {
        ("left", "second", (1,)),
        ("left", "2nd", (1,)),
        ("left", "third", (2,)),
        ("left", "3rd", (2,)),
        ("right", "second", (2,)),
        ("right", "2nd", (2,)),
        ("right", "third", (1,)),
        ("right", "3rd", (1,)),
    }
    assert {claim.wording for claim in claims} == {"ordinal"}


def test_ranks_are_of_things_in_a_row() -> None:
    heights = (40, 40, 66)
    boxes = [(x, y, x + 20, y + 20) for x, y in zip((5, 40, 75), heights, strict=True)]
    assert {claim.slots["s"] for claim in ordinals(facts_of(*boxes))} == {"left"}, "the last is 0.26 lower"
    assert list(ordinals(facts_of(*boxes[:2]))) == [], "nobody counts two"


@pytest.mark.parametrize(
    ("name", "boxes", "expected"),
    [
        ("person", [(10, 10, 40, 90), (60, 50, 75, 85)], {"big": 0, "small": 1, "near": 0, "away": 1}),
        ("person", [(60, 50, 75, 85), (10, 10, 40, 90)], {"big": 1, "small": 0, "near": 1, "away": 0}),
        ("person", [(10, 10, 20, 90), (50, 55, 70, 90)], {}),  # a tall and a short one, of one size
        ("person", [(10, 10, 20, 60), (30, 50, 60, 90), (65, 50, 95, 90)], {"small": 0, "away": 0}),
        ("dog", [(10, 10, 20, 90), (50, 55, 70, 90)], {}),
    ],
)
def test_sizes(name: str, boxes: list[Box], expected: dict[str, int]) -> None:
    found = {claim.wording: claim.target_ids[0] for claim in sizes(facts_of(*boxes, name=name))}
    heights = [y1 - y0 for _, y0, _, y1 in boxes]
    ranked = sorted(heights)
    if name == "person" and ranked[-1] > 1.3 * ranked[-2]:
        expected = expected | {"tall": heights.index(ranked[-1])}
    if name == "person" and ranked[1] > 1.3 * ranked[0]:
        expected = expected | {"short": heights.index(ranked[0])}
    assert found == expected
