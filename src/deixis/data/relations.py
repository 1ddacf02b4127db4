"""What is true of a scene between its things: beside, on, in front of, carrying; and who wears what.

A relation is claimed only where the boxes, and for tables the masks, clearly show it of the target and clearly
exclude it of every other thing of the target's class. The landmark is the only one of its class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from deixis.data import attributes, nouns
from deixis.data.facts import SMALLEST_TARGET, SceneFacts, Thing
from deixis.data.wording import Claim

_SEATS = frozenset({"couch", "chair", "bed", "bench", "toilet"})
_MOUNTS = frozenset({"horse", "elephant", "motorcycle", "bicycle"})
_BOARDS = frozenset({"skateboard", "surfboard", "snowboard", "skis"})
_TABLEWARE = nouns.listed(
    """
    bottle, cup, bowl, fork, knife, spoon, pizza, sandwich, donut, cake, laptop, book, vase, banana, apple,
    orange, mouse, remote, keyboard
    """
) | {"wine glass", "cell phone", "hot dog", "potted plant"}
_CARRIABLE = frozenset({"umbrella", "frisbee", "baseball bat", "tennis racket", "cell phone", "wine glass"})
_BORNE = frozenset({"backpack", "handbag", "suitcase", "tie", "skateboard", "surfboard", "snowboard", "skis"})
_VEHICLES = nouns.listed("bus, car, truck, train, motorcycle, bicycle, boat")
_GROUNDED = _VEHICLES | nouns.listed("bench, couch, bed, horse, elephant, cow, chair")
_PETS = frozenset({"dog", "cat"})
_HIGH = frozenset({"clock", "tv", "kite", "bird", "airplane", "microwave", "umbrella"}) | {"traffic light", "stop sign"}

_NOT_BESIDE = _CARRIABLE | _BORNE | _BOARDS | {"dining table", "bed"}
_LARGEST_RATIO = 6.0  # nobody finds a bus by the cup beside it

# A test says True (it clearly is so), False (it clearly is not) or None (in doubt).
Test = Callable[[Thing, Thing], bool | None]


def relations(facts: SceneFacts) -> Iterator[Claim]:
    """Things by their relation to a landmark that is alone of its class."""
    landmarks = [group[0] for group in facts.countable.values() if len(group) == 1 and _is_landmark(group[0])]
    for group in facts.countable.values():
        if group[0].item.is_part or all(thing.area < SMALLEST_TARGET for thing in group):
            continue
        for landmark in landmarks:
            if landmark.name == group[0].name:
                continue
            huge = max(thing.area for thing in group) > _LARGEST_RATIO * landmark.area
            for wording, test, slots in _tests(group[0], landmark):
                if huge and wording in ("next", "beside", "over", "under", "before"):
                    continue
                index = _single(group, landmark, test)
                if index is not None:
                    yield _related(facts, group[index], landmark, wording, slots)


def _is_landmark(thing: Thing) -> bool:
    return thing.area >= 0.003 and not thing.item.is_part


def _single(group: list[Thing], landmark: Thing, test: Test) -> int | None:
    """Index of the one of which the test is True while it is False of all others."""
    found = None
    for index, thing in enumerate(group):
        answer = test(thing, landmark)
        if answer is None or (answer and found is not None):
            return None
        if answer:
            found = index
    return found if found is not None and group[found].area >= SMALLEST_TARGET else None


def _related(facts: SceneFacts, thing: Thing, landmark: Thing, wording: str, slots: dict[str, str]) -> Claim:
    filled = {"m": nouns.usual(tuple(facts.nouns(landmark.name))), **slots}
    weight = thing.area**0.5
    options = facts.options(thing)
    return Claim("relation", wording, thing.item.category, (thing.id,), options, slots=filled, weight=weight)


def _tests(thing: Thing, landmark: Thing) -> Iterator[tuple[str, Test, dict[str, str]]]:
    """The relations that make sense between two classes: wording, test and words."""
    person = nouns.is_person(thing.name)
    if landmark.name in _SEATS and (person or thing.name in _PETS):
        yield "sitting", _sits, {}
    if person and landmark.name in _MOUNTS:
        yield "riding", _rides, {}
    if person and landmark.name in _BOARDS:
        yield "on", _stands_on, {}
    if landmark.name == "dining table" and thing.name in _TABLEWARE:
        yield "on", _lies_on, {}
    if person and landmark.name in _CARRIABLE | _BORNE:
        yield "carrying" if landmark.name in _CARRIABLE else "bearing", _carries, {}
    if landmark.name in _GROUNDED and (person or thing.name in _GROUNDED | _PETS):
        yield "before", _before, {}
    if landmark.name not in _NOT_BESIDE and thing.name not in _NOT_BESIDE:
        yield "next", _next_to, {}
        yield "beside", _left_of, {"s": "left"}
        yield "beside", _right_of, {"s": "right"}
    if thing.name in _HIGH:
        yield "over", _above, {}
    if landmark.name in _HIGH - {"umbrella"} and thing.name not in _VEHICLES:
        yield "under", lambda low, high: _above(high, low), {}


def _spans(thing: Thing, landmark: Thing) -> tuple[float, float]:
    """Overlap of the two boxes across and down, as shares of the shorter side."""
    across = attributes.overlap((thing.box[0], thing.box[2]), (landmark.box[0], landmark.box[2]))
    return across, attributes.overlap((thing.box[1], thing.box[3]), (landmark.box[1], landmark.box[3]))


def _next_to(thing: Thing, landmark: Thing) -> bool | None:
    distance = attributes.gap(thing.box, landmark.box)
    if distance > 0.2:
        return False
    across, down = _spans(thing, landmark)
    return True if distance < 0.06 and down > 0.5 and across < 0.25 else None


def _left_of(thing: Thing, landmark: Thing) -> bool | None:
    if thing.cx > landmark.cx + 0.02:
        return False
    across, down = _spans(thing, landmark)
    return True if landmark.cx - thing.cx > 0.1 and across < 0.2 and down > 0.4 else None


def _right_of(thing: Thing, landmark: Thing) -> bool | None:
    if thing.cx < landmark.cx - 0.02:
        return False
    across, down = _spans(thing, landmark)
    return True if thing.cx - landmark.cx > 0.1 and across < 0.2 and down > 0.4 else None


def _apart(thing: Thing, landmark: Thing) -> bool:
    return attributes.gap(thing.box, landmark.box) > 0.03


def _sits(thing: Thing, landmark: Thing) -> bool | None:
    if _apart(thing, landmark):
        return False
    inside = landmark.box[0] - 0.02 < thing.box[0] and thing.box[2] < landmark.box[2] + 0.02
    low = landmark.box[1] + 0.35 * landmark.height < thing.box[3] < landmark.box[3] - 0.03 * landmark.height
    return True if inside and low and attributes.contained(thing.box, landmark.box) > 0.5 else None


def _rides(thing: Thing, landmark: Thing) -> bool | None:
    if _apart(thing, landmark):
        return False
    inner = landmark.box[0] + 0.15 * landmark.width < thing.cx < landmark.box[2] - 0.15 * landmark.width
    feet = landmark.cy < thing.box[3] < landmark.box[3] - 0.04 * landmark.height
    head = thing.box[1] < landmark.box[1] - 0.15 * landmark.height
    return True if inner and feet and head and thing.width < 1.2 * landmark.width else None


def _stands_on(thing: Thing, landmark: Thing) -> bool | None:
    if _apart(thing, landmark):
        return False
    feet = landmark.box[1] - 0.02 < thing.box[3] < landmark.box[3] + 0.02
    low = landmark.height < 0.35 * thing.height and landmark.width > landmark.height
    across, _ = _spans(thing, landmark)
    return True if feet and low and across > 0.6 else None


def _lies_on(thing: Thing, landmark: Thing) -> bool | None:
    """Whether the table's pixels lie right below the thing; boxes alone do not show it."""
    if _apart(thing, landmark):
        return False
    mask = landmark.item.mask
    if mask is None or attributes.contained(thing.box, landmark.box) < 0.5:
        return None
    height, width = mask.shape
    bottom, left, right = int(thing.box[3] * height), int(thing.box[0] * width), int(thing.box[2] * width)
    strip = mask[bottom : bottom + max(2, height // 60), left : right + 1]
    return True if strip.size and float(np.mean(strip)) > 0.6 else None


def _carries(thing: Thing, landmark: Thing) -> bool | None:
    if _apart(thing, landmark):
        return False
    near = attributes.contained(landmark.box, thing.box) > 0.35 and landmark.area < 1.5 * thing.area
    return True if near and landmark.cy < thing.box[3] - 0.05 * thing.height else None


def _before(thing: Thing, landmark: Thing) -> bool | None:
    across, _ = _spans(thing, landmark)
    if across < 0.01 or thing.box[3] < landmark.box[3] - 0.03:
        return False
    inside = attributes.contained((thing.box[0], 0.0, thing.box[2], 1.0), (landmark.box[0], 0.0, landmark.box[2], 1.0))
    return True if inside > 0.8 and thing.box[3] > landmark.box[3] + 0.05 and thing.box[1] < landmark.box[3] else None


def _above(thing: Thing, landmark: Thing) -> bool | None:
    across, _ = _spans(thing, landmark)
    if across < 0.01 or thing.cy > landmark.cy:
        return False
    distance = landmark.box[1] - thing.box[3]
    return True if across > 0.7 and -0.02 < distance < 0.15 else None
