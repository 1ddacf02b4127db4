"""What is true of a scene by class and colour, and what is absent.

A claim is made only of labelled classes. A colour is claimed only where it clearly dominates and no other object of
the class could be said to have it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from deixis.data import nouns
from deixis.data.facts import SMALLEST_TARGET, UNSAID, SceneFacts, Thing, claim_one, worth
from deixis.data.places import sides
from deixis.data.templates import COUNT_WORDS
from deixis.data.wording import Claim
from deixis.types import POSTURES

_NEVER_ABSENT = UNSAID | {"skin", "hair", "top"}
_TROUSERS = frozenset({"black", "blue", "white", "gray", "red", "green"})
_CARRIED = nouns.listed("bag, purse, wallet, hat, shoes, boots, heels, sandals, sneakers, scarf, sunglasses")
# One sees through it, its mask has other things on it, or nobody would say its colour.
_NO_COLOUR = nouns.listed(
    """
    wine glass, bowl, dining table, pizza, sandwich, hot dog, knife, fork, spoon, orange, banana, carrot, broccoli,
    traffic light
    """
)
UNNOTICED = 0.08  # of a thing's area: a colour need not tell it from smaller ones
_FAINT_COLOURS = frozenset({"gray", "brown", "tan"})  # not of what may be transparent, or white in a dim room
_NEVER_FAINT = nouns.listed("cup, bottle, vase, toilet, sink, refrigerator, tv, oven")


def classes(facts: SceneFacts) -> Iterator[Claim]:
    """The only one of its class, or of its name, by this, and all of a class or name by the plural."""
    for name in sorted(facts.members.keys() | facts.crowds.keys()):
        group, crowd = facts.members.get(name, []), facts.crowds.get(name, [])
        options = facts.options(group[0]) if len(group) == 1 else tuple(facts.nouns(name))
        area = sum(thing.area for thing in (*group, *crowd))
        if not options or area < SMALLEST_TARGET or name in UNSAID:
            continue
        ids = tuple(thing.id for thing in (*group, *crowd))
        category = (*group, *crowd)[0].item.category
        if len(ids) == 1 and not crowd:
            yield Claim("class", "name", category, ids, options, weight=worth(group[0]))
        else:
            uncounted = bool(crowd) or group[0].item.is_part
            yield _plural(category, ids, options, uncounted, _worth_together([*group, *crowd]))
    for group in facts.groups:
        if len(group) < len(facts.members[group[0].name]):
            yield from _by_noun(facts, group)


def _by_noun(facts: SceneFacts, group: list[Thing]) -> Iterator[Claim]:
    """A part of a class by the noun that fits these alone: "woman", "men"."""
    options = tuple(noun for noun in facts.options(group[0], group) if all(noun in item.item.names for item in group))
    ids, category = tuple(thing.id for thing in group), group[0].item.category
    if not options or sum(thing.area for thing in group) < SMALLEST_TARGET:
        return
    if len(group) == 1:
        yield Claim("class", "name", category, ids, options, weight=worth(group[0]))
    else:
        yield _plural(category, ids, options, False, _worth_together(group))


def _worth_together(group: list[Thing]) -> float:
    return float(sum(worth(thing) ** 2 for thing in group) ** 0.5)


def _plural(category: str, ids: tuple[int, ...], options: tuple[str, ...], uncounted: bool, weight: float) -> Claim:
    holds, slots = set(), {}
    if not uncounted and len(ids) in COUNT_WORDS and options[0] not in nouns.PLURAL_FORMS:
        holds.add("count")
        slots["count"] = COUNT_WORDS[len(ids)]
        holds.add("two" if len(ids) == 2 else "many")
    wording = "all"
    if options[0] == "person":
        wording, options = "everyone", ("person",)
    return Claim("class", wording, category, ids, options, frozenset(holds), slots, weight)


def colours(facts: SceneFacts) -> Iterator[Claim]:
    """Things by their colour, persons by what they wear above and below, carried things by theirs."""
    for group in facts.groups:
        name = group[0].name
        if group[0].item.is_part:
            if name in _CARRIED:
                yield from _by_colour(facts, group, "all", "colour")
        elif nouns.is_person(name):
            dressed = any(thing.id in facts.parts for thing in group)
            yield from _by_colour(facts, group, "torso", "clad" if dressed else "in")
            if not dressed:  # else the garments have their own names
                yield from _by_colour(facts, group, "legs", "pants")
        else:
            yield from _by_colour(facts, group, "all", "colour")


def _by_colour(facts: SceneFacts, group: list[Thing], part: str, wording: str) -> Iterator[Claim]:
    for index, thing in enumerate(group):
        colour = facts.colour(thing, part) if thing.area >= SMALLEST_TARGET else None
        if colour is None or not colour_fits(thing, colour) or (part == "legs" and colour not in _TROUSERS):
            continue
        noticed = [other for other in group if other.area > UNNOTICED * thing.area]
        rivals = [other for other in noticed if facts.might_be(other, part, colour)]
        slots = {"c": colour}
        if part == "legs":
            slots["g"] = "jeans" if colour == "blue" else "pants"
        if len(rivals) == 1:
            yield claim_one(facts, group, index, wording, slots=slots)
        elif len(rivals) < len(group) and part != "legs":
            yield from _coloured_side(facts, group, index, rivals, slots)


def colour_fits(thing: Thing, colour: str) -> bool:
    """Whether the colour of the mask's pixels is the colour of the thing."""
    if thing.name in _NO_COLOUR or thing.name == colour:
        return False
    return not (thing.name in _NEVER_FAINT and colour in _FAINT_COLOURS)


def _coloured_side(
    facts: SceneFacts, group: list[Thing], index: int, rivals: list[Thing], slots: dict[str, str]
) -> Iterator[Claim]:
    """The outermost of those that might be said to have the colour: "red car on the left"."""
    for found, wording, place, holds in sides(rivals):
        if rivals[found] is group[index] and "abs" in holds:
            claim = claim_one(facts, group, index, wording, slots=slots | place)
            yield dataclasses.replace(claim, kind="colour", holds=frozenset({"abs"}))


def postures(facts: SceneFacts) -> Iterator[Claim]:
    """The only person who is on the feet, or who sits, and the outermost of several; all of them."""
    for group in facts.groups:
        if not nouns.is_person(group[0].name):
            continue
        for posture, wording in zip(POSTURES, ("upright", "seated"), strict=True):
            alike = [thing for thing in group if thing.item.posture == posture and thing.area >= SMALLEST_TARGET]
            noticed = min((UNNOTICED * thing.area for thing in alike), default=0.0)
            others = (thing for thing in group if thing.item.posture in (posture, "") and thing not in alike)
            if alike and not any(thing.area > noticed for thing in others):
                yield from _in_posture(facts, group, alike, wording)


def _in_posture(facts: SceneFacts, group: list[Thing], alike: list[Thing], wording: str) -> Iterator[Claim]:
    if len(alike) == 1:
        yield claim_one(facts, group, group.index(alike[0]), wording)
        return
    for found, _, place, holds in sides(alike):
        if "abs" in holds:
            yield claim_one(facts, group, group.index(alike[found]), f"{wording} at side", slots=place)
    everyone = facts.options(alike[0], group)
    options = tuple(noun for noun in everyone if all(noun in facts.options(other) for other in alike))
    ids, category = tuple(thing.id for thing in alike), group[0].item.category
    yield Claim("posture", f"all {wording}", category, ids, options, weight=_worth_together(alike))


def absences(facts: SceneFacts, vocabulary: tuple[str, ...]) -> Iterator[Claim]:
    """Labelled classes of which nothing is here, nor anything that could pass for it."""
    for category in vocabulary or tuple(sorted(facts.scene.labelled)):
        name = nouns.clean(category)
        if name not in facts.labelled or name in facts.present or name in _NEVER_ABSENT:
            continue
        if not facts.present.isdisjoint(nouns.neighbours(name)):
            continue
        options = tuple(
            noun
            for noun in nouns.names(name)
            if facts.allowed(noun) and (noun == name or nouns.also_fits(name, noun) <= facts.labelled)
        )
        if not options or (nouns.is_person(name) and facts.owners):
            continue
        for side in ("left", "right"):
            yield Claim("absent", "absent", category, (), options, slots={"s": side})
