"""Relations between two things: said where the boxes show them, and not where they nearly do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deixis.data.facts import SceneFacts
from deixis.data.relations import relations
from deixis.data.wording import Claim
from deixis.types import Scene
from placed import Placed, draw

COUCH, HORSE, CAR = (20, 50, 80, 90), (20, 40, 80, 90), (20, 40, 80, 70)
BOARD, PERSON, CHAIR, BENCH = (30, 80, 70, 88), (30, 20, 60, 90), (33, 50, 60, 80), (30, 40, 70, 60)


def claims_of(scene: Scene, target: int) -> dict[tuple[str, str], Claim]:
    """What is said of one thing, by wording and side."""
    found = [claim for claim in relations(SceneFacts(scene)) if claim.target_ids == (target,)]
    return {(claim.wording, claim.slots.get("s", "")): claim for claim in found}


SAID = {
    "sitting": [
        (("person", (40, 40, 60, 80)), ("couch", COUCH)),
        (("dog", (40, 40, 60, 80)), ("bench", COUCH)),
    ],
    "riding": [(("person", (40, 10, 60, 75)), ("horse", HORSE))],
    "on": [(("person", (40, 30, 60, 85)), ("skateboard", BOARD))],
    "carrying": [(("person", PERSON), ("umbrella", (25, 5, 65, 35)))],
    "bearing": [(("person", PERSON), ("handbag", (35, 60, 55, 75)))],
    "before": [(("person", (40, 30, 60, 85)), ("car", CAR)), (("cat", (40, 60, 60, 85)), ("car", CAR))],
    "next": [(("dog", (10, 50, 30, 80)), ("chair", CHAIR)), (("dog", (62, 50, 82, 80)), ("chair", CHAIR))],
    "over": [(("clock", (40, 10, 60, 30)), ("bench", BENCH))],
    "under": [(("person", (40, 40, 60, 90)), ("clock", (40, 10, 60, 30)))],
}
NOT_SAID = {
    "sitting": [
        (("person", (40, 40, 60, 95)), ("couch", COUCH)),  # feet on the floor
        (("person", (40, 20, 60, 60)), ("couch", COUCH)),  # on the back
        (("person", (15, 40, 35, 80)), ("couch", COUCH)),  # half beside it
        (("person", (65, 40, 85, 80)), ("couch", COUCH)),
        (("person", (40, 10, 60, 70)), ("couch", COUCH)),  # mostly above it
        (("person", (40, 10, 60, 40)), ("couch", COUCH)),  # apart
        (("horse", (40, 40, 60, 80)), ("couch", COUCH)),
    ],
    "riding": [
        (("person", (10, 10, 30, 75)), ("horse", HORSE)),  # at its tail
        (("person", (70, 10, 90, 75)), ("horse", HORSE)),
        (("person", (40, 10, 60, 60)), ("horse", HORSE)),  # behind it
        (("person", (40, 10, 60, 90)), ("horse", HORSE)),  # before it
        (("person", (40, 36, 60, 75)), ("horse", HORSE)),  # no higher than it
        (("person", (10, 10, 95, 75)), ("horse", HORSE)),  # much wider
        (("dog", (40, 10, 60, 75)), ("horse", HORSE)),
    ],
    "on": [
        (("person", (40, 30, 60, 95)), ("skateboard", BOARD)),
        (("person", (40, 30, 60, 77.5)), ("skateboard", BOARD)),
        (("person", (60, 30, 90, 85)), ("skateboard", BOARD)),
        (("person", (40, 30, 60, 85)), ("snowboard", (45, 40, 55, 86))),  # it stands upright
        (("person", (40, 60, 60, 85)), ("skateboard", (30, 76, 70, 86))),  # it is high for so small a person
    ],
    "carrying": [
        (("person", PERSON), ("umbrella", (5, 5, 45, 35))),  # mostly beside
        (("person", PERSON), ("umbrella", (65, 20, 80, 50))),  # apart
        (("person", PERSON), ("umbrella", (0, 0, 80, 60))),  # far larger
    ],
    "bearing": [(("person", PERSON), ("handbag", (35, 80, 55, 95)))],  # it lies at the feet
    "before": [
        (("person", (40, 30, 60, 72)), ("car", CAR)),  # as near
        (("person", (40, 30, 60, 60)), ("car", CAR)),  # behind
        (("person", (70, 30, 95, 85)), ("car", CAR)),  # mostly beside
        (("person", (35, 30, 65, 85)), ("car", (10, 40, 40, 70))),
        (("person", (40, 72, 60, 95)), ("car", CAR)),  # wholly below
        (("cup", (40, 60, 60, 85)), ("car", CAR)),
    ],
    "next": [
        (("dog", (5, 50, 23, 80)), ("chair", CHAIR)),
        (("dog", (10, 76, 30, 99)), ("chair", CHAIR)),  # lower
        (("dog", (15, 50, 45, 80)), ("chair", CHAIR)),  # they overlap
        (("bus", (5, 10, 60, 90)), ("cup", (62, 50, 70, 60))),  # nobody finds a bus by a cup
        (("dog", (10, 50, 30, 80)), ("bed", CHAIR)),
    ],
    "over": [
        (("clock", (40, 0, 60, 20)), ("bench", BENCH)),  # too high up
        (("clock", (60, 10, 80, 30)), ("bench", BENCH)),  # half beside
        (("clock", (40, 30, 60, 48)), ("bench", BENCH)),  # before it
        (("cup", (40, 10, 60, 30)), ("bench", BENCH)),
    ],
    "under": [
        (("car", (40, 40, 60, 90)), ("clock", (40, 10, 60, 30))),
        (("person", (40, 40, 60, 90)), ("umbrella", (40, 10, 60, 30))),
        (("person", (20, 40, 80, 100)), ("clock", (45, 30, 55, 38))),  # nobody finds a person by a small clock
    ],
}


@pytest.mark.parametrize(
    ("wording", "thing", "landmark"), [(wording, *pair) for wording, pairs in SAID.items() for pair in pairs]
)
def test_what_the_boxes_show_is_said(wording: str, thing: Placed, landmark: Placed) -> None:
    claim = claims_of(draw(landmark, thing), 1)[wording, ""]
    assert (claim.kind, claim.category, claim.slots["m"]) == ("relation", thing[0], landmark[0])
    x0, y0, x1, y1 = thing[1]
    assert claim.weight == pytest.approx(((x1 - x0) * (y1 - y0)) ** 0.5 / 100)
    assert claim.nouns


@pytest.mark.parametrize(
    ("wording", "thing", "landmark"), [(wording, *pair) for wording, pairs in NOT_SAID.items() for pair in pairs]
)
def test_what_they_only_nearly_show_is_not(wording: str, thing: Placed, landmark: Placed) -> None:
    assert (wording, "") not in claims_of(draw(landmark, thing), 1)


def test_sides_of_a_landmark() -> None:
    left, right = ("dog", (5, 50, 25, 80)), ("dog", (70, 50, 90, 80))
    said = {
        name: {side for wording, side in claims_of(draw(("chair", CHAIR), thing), 1) if wording == "beside"}
        for name, thing in {
            "left": left,
            "right": right,
            "lower": ("dog", (5, 70, 25, 99)),
            "overlapping": ("dog", (15, 50, 45, 80)),
            "in line": ("dog", (40, 50, 55, 80)),
        }.items()
    }
    assert said == {"left": {"left"}, "right": {"right"}, "lower": set(), "overlapping": set(), "in line": set()}
    both = draw(("chair", CHAIR), left, right)
    assert ("beside", "left") in claims_of(both, 1) and ("beside", "right") in claims_of(both, 2)


def test_one_of_several_is_meant_only_where_it_is_clearly_not_the_others() -> None:
    sits, apart, doubtful = (40, 40, 60, 80), (1, 1, 10, 30), (40, 20, 60, 60)
    couch = ("couch", COUCH)
    assert ("sitting", "") in claims_of(draw(couch, ("person", sits), ("person", apart)), 1)
    assert ("sitting", "") not in claims_of(draw(couch, ("person", sits), ("person", doubtful)), 1)
    two = draw(couch, ("person", (25, 40, 45, 80)), ("person", (55, 40, 75, 80)))
    assert ("sitting", "") not in {**claims_of(two, 1), **claims_of(two, 2)}


def test_small_things_and_parts_are_no_landmarks_and_small_ones_no_targets() -> None:
    small_dog = ("dog", (26, 50, 32, 58))
    assert claims_of(draw(("cup", (33, 50, 37, 58)), small_dog), 1)
    assert not claims_of(draw(("cup", (33, 50, 36, 58)), small_dog), 1), "0.0024 of the picture"
    scene = draw(("chair", CHAIR), ("dog", (10, 50, 30, 80)))
    assert claims_of(scene, 1)
    assert not claims_of(replace(scene, objects=(replace(scene.objects[0], is_part=True), scene.objects[1])), 1)
    assert not claims_of(draw(("chair", CHAIR), ("dog", (29, 50, 32, 54))), 1), "0.0012 of it"
