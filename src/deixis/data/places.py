"""Which of several like things: by its place, its rank in a row, its size.

A claim is made only of labelled classes, with a clear margin against every other object of the class, however small.
Margins are fractions of the picture's sides.
"""

from __future__ import annotations

from collections.abc import Iterator

from deixis.data import attributes, nouns
from deixis.data.facts import SMALLEST_TARGET, UNSAID, SceneFacts, Thing, claim_one
from deixis.data.templates import ORDINALS
from deixis.data.wording import Claim

SIDE_MARGIN = 0.08  # centre distance to the runner-up, of the picture's width
VERTICAL_MARGIN = 0.1
_ALONE_AT_SIDE = 0.33  # the centre of what is alone of its class and still "on the left"
DEPTH_MARGIN = 0.05  # of the lower edges
SIZE_RATIO = 1.6
HEIGHT_RATIO = 1.3
_OFF_GROUND = frozenset({"bird", "kite", "airplane", "frisbee", "sports ball", "traffic light", "clock", "tie", "tv"})
_OFF_GROUND |= {"book", "bottle", "stop sign", "potted plant", "vase", "umbrella", "microwave"}
_UPRIGHT = frozenset({"giraffe", "bottle", "vase", "parking meter", "fire hydrant", "wine glass", "elephant"})


def locations(facts: SceneFacts) -> Iterator[Claim]:
    """Left, right, top, bottom, corners, middle, front and back."""
    for group in facts.groups:
        if (group[0].item.is_part and len(group) < 2) or group[0].name in UNSAID:
            continue
        for index, wording, slots, holds in _places(group):
            if wording == "side" or not group[0].item.is_part:
                yield claim_one(facts, group, index, wording, holds, slots)


Place = tuple[int, str, dict[str, str], frozenset[str]]


def _places(group: list[Thing]) -> Iterator[Place]:
    big = [thing.area >= SMALLEST_TARGET for thing in group]
    for place in (*sides(group), *_verticals(group), *_corners(group), *_middle(group), *_depths(group)):
        if big[place[0]]:
            yield place


def sides(group: list[Thing]) -> Iterator[Place]:
    """The leftmost and the rightmost one, by the centres."""
    for side in ("left", "right"):
        sign = 1 if side == "left" else -1
        centres = [thing.cx if sign > 0 else 1 - thing.cx for thing in group]
        index = attributes.extreme(centres, [max(SIDE_MARGIN, 0.25 * thing.width) for thing in group])
        if index is None or (len(group) == 1 and centres[index] > _ALONE_AT_SIDE):
            continue
        far_edge = group[index].box[2] if sign > 0 else 1 - group[index].box[0]
        holds = set()
        if centres[index] < 0.47:
            holds.add("abs")
        if far_edge < 0.55:
            holds.add("half")
        if centres[index] < (0.25 if len(group) > 1 else 0.15) or (len(group) >= 3 and centres[index] < 0.33):
            holds.add("far")
        yield index, "side", {"s": side}, frozenset(holds)


def _verticals(group: list[Thing]) -> Iterator[Place]:
    for side in ("top", "bottom"):
        centres = [thing.cy if side == "top" else 1 - thing.cy for thing in group]
        index = attributes.extreme(centres, [max(VERTICAL_MARGIN, 0.3 * thing.height) for thing in group])
        if index is None or centres[index] > (0.3 if len(group) == 1 else 0.6):
            continue
        spans = [(thing.box[1], thing.box[3]) for thing in group]
        others = [span for other, span in enumerate(spans) if other != index]
        if any(attributes.overlap(spans[index], span) > 0.4 for span in others):
            continue
        yield index, "vertical", {"v": side}, frozenset({"abs"} if centres[index] < 0.45 else ())


def _corners(group: list[Thing]) -> Iterator[Place]:
    limit = 0.42 if len(group) > 1 else _ALONE_AT_SIDE
    for v in ("top", "bottom"):
        for s in ("left", "right"):
            points = [
                (thing.cx if s == "left" else 1 - thing.cx, thing.cy if v == "top" else 1 - thing.cy) for thing in group
            ]
            inside = [index for index, (x, y) in enumerate(points) if x < limit and y < limit]
            near = [index for index, (x, y) in enumerate(points) if x < 0.54 and y < 0.54]
            if len(inside) == 1 and inside == near:
                x, y = points[inside[0]]
                yield inside[0], "corner", {"v": v, "s": s}, frozenset({"far"} if x < 0.25 and y < 0.25 else ())


def _middle(group: list[Thing]) -> Iterator[Place]:
    centres = [thing.cx for thing in group]
    order = attributes.ordered(centres, SIDE_MARGIN)
    half = len(group) // 2
    found = None
    if len(group) >= 3 and len(group) % 2 and len(order) > half + 1 and abs(centres[order[half]] - 0.5) < 0.15:
        found = order[half]
    central = [index for index, thing in enumerate(group) if thing.box[0] < 0.56 and thing.box[2] > 0.44]
    if len(central) == 1 and abs(centres[central[0]] - 0.5) < 0.08 and group[central[0]].width < 0.6:
        clear = all(abs(x - 0.5) > 0.2 for index, x in enumerate(centres) if index != central[0])
        found = central[0] if clear and found in (None, central[0]) else None
    elif len(central) != 1 and found is not None and central and found not in central:
        found = None
    if found is not None:
        yield found, "middle", {}, frozenset()


def _depths(group: list[Thing]) -> Iterator[Place]:
    near, away = _nearest(group), _farthest(group)
    if near is not None:
        yield near, "front", {}, frozenset()
    if away is not None:
        yield away, "back", {}, frozenset()


def _on_ground(group: list[Thing]) -> bool:
    return len(group) >= 2 and group[0].name not in _OFF_GROUND and not group[0].item.is_part


def _nearest(group: list[Thing]) -> int | None:
    """Index of what is largest and has the lowest lower edge, both clearly."""
    if not _on_ground(group):
        return None
    largest = attributes.dominates([thing.area for thing in group], SIZE_RATIO)
    lowest = attributes.extreme([-thing.box[3] for thing in group], [DEPTH_MARGIN] * len(group))
    return largest if largest == lowest else None


def _farthest(group: list[Thing]) -> int | None:
    """Index of what is smallest and has the highest lower edge, both clearly."""
    if not _on_ground(group):
        return None
    smallest = attributes.dominated([thing.area for thing in group], SIZE_RATIO)
    highest = attributes.extreme([thing.box[3] for thing in group], [DEPTH_MARGIN] * len(group))
    return smallest if smallest == highest else None


def ordinals(facts: SceneFacts) -> Iterator[Claim]:
    """Second, third and fourth from a side, among things that stand in a row."""
    for group in facts.groups:
        if len(group) < 3 or group[0].item.is_part:
            continue
        for side in ("left", "right"):
            centres = [thing.cx if side == "left" else 1 - thing.cx for thing in group]
            order = attributes.ordered(centres, SIDE_MARGIN)
            for rank, forms in ORDINALS.items():
                if rank > min(len(order), len(group) - 1) or not _in_row([group[i] for i in order[:rank]]):
                    break
                index = order[rank - 1]
                if group[index].area < SMALLEST_TARGET:
                    continue
                holds = frozenset({"abs"} if centres[index] < 0.47 else ())
                for form in forms:
                    yield claim_one(facts, group, index, "ordinal", holds, {"s": side, "k": form}, ranked=True)


def _in_row(things: list[Thing]) -> bool:
    return max(thing.cy for thing in things) - min(thing.cy for thing in things) < 0.25


def sizes(facts: SceneFacts) -> Iterator[Claim]:
    """Big, small, tall, short, closest and farthest."""
    for group in facts.groups:
        if len(group) < 2 or group[0].item.is_part:
            continue
        areas, heights = [thing.area for thing in group], [thing.height for thing in group]
        found = {
            "big": attributes.dominates(areas, SIZE_RATIO),
            "small": attributes.dominated(areas, SIZE_RATIO),
            "near": _nearest(group),
            "away": _farthest(group),
        }
        if group[0].name in _UPRIGHT or nouns.is_person(group[0].name):
            found["tall"] = attributes.dominates(heights, HEIGHT_RATIO)
            found["short"] = attributes.dominated(heights, HEIGHT_RATIO)
        for wording, index in found.items():
            if index is not None and group[index].area >= SMALLEST_TARGET:
                yield claim_one(facts, group, index, wording, ranked=True)
