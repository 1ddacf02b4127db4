"""Persons by what they wear: "blue shirt", "woman in red dress", "the one with the hat"."""

from __future__ import annotations

from collections.abc import Iterator

from deixis.data import attributes, nouns
from deixis.data.facts import SceneFacts, Thing
from deixis.data.wording import Claim

_WORN = nouns.listed(
    """
    blazer, blouse, cardigan, cape, coat, dress, hoodie, jacket, jeans, jumper, leggings, pants, romper, shirt,
    shorts, skirt, suit, sweater, sweatshirt, swimwear, t-shirt, tights, top, vest, stockings, bodysuit
    """
)
_WITH = nouns.listed("bag, purse, hat, sunglasses, glasses, scarf, belt, tie, gloves, watch, necklace")
_SHOD = nouns.listed("boots, heels, sandals, sneakers, shoes, socks")
_OUTER = nouns.listed("blazer, cardigan, coat, jacket, suit, dress")
_PLAIN = frozenset({"shoes", "socks"})  # nobody is told by these without a colour
_SMALLEST_GARMENT = 0.001  # share of the picture


def garments(facts: SceneFacts) -> Iterator[Claim]:
    """Persons by a garment, with its colour or without; two garments together where both are worn."""
    if any(owner is None for owner in facts.owners.values()):
        return
    if any(person.id not in facts.parts for person in facts.people):
        return  # what that one wears is not known
    for person in facts.people:
        worn = [part for part in facts.parts[person.id] if _usable(facts, part)]
        options = facts.options(person)
        if not options:
            continue
        coloured: list[tuple[Thing, str]] = []
        for part in worn:
            colour = facts.colour(part)
            if colour is not None and colour != "tan" and _alone(facts, person, part, colour):
                coloured.append((part, colour))
                yield from _with_colour(facts, person, part, colour, options)
            if part.name not in _PLAIN and _alone(facts, person, part, None):
                yield from _plain(facts, person, part, options)
        yield from _together(facts, person, coloured, worn, options)


def _usable(facts: SceneFacts, part: Thing) -> bool:
    known = part.name in _WORN or part.name in _WITH or part.name in _SHOD
    return known and part.area >= _SMALLEST_GARMENT and bool(_garment_nouns(facts, part)) and not part.item.is_crowd


def _garment_nouns(facts: SceneFacts, part: Thing) -> list[str]:
    return [noun for noun in nouns.names(part.name) if facts.allowed(noun)]


def _alone(facts: SceneFacts, person: Thing, part: Thing, colour: str | None) -> bool:
    """Whether nobody else wears such a garment (in what might be this colour), as far as labels can tell."""
    alike = nouns.also_fits(part.name, part.name) | {part.name}
    if part.name not in facts.labelled:
        return False
    if len(facts.people) > 1 and not alike <= facts.labelled:
        return False
    for other in facts.things:
        if other.name not in alike or facts.owners.get(other.id) == person.id:
            continue
        if colour is None or attributes.could_be(facts.shares(other), colour):
            return False
    return True


def _claim(person: Thing, wording: str, options: tuple[str, ...], slots: dict[str, str], part: Thing) -> Claim:
    holds = frozenset({"c"} if "c" in slots else ())
    weight = part.area**0.5
    return Claim("clothing", wording, person.item.category, (person.id,), options, holds, slots, weight)


def _with_colour(
    facts: SceneFacts, person: Thing, part: Thing, colour: str, options: tuple[str, ...]
) -> Iterator[Claim]:
    for noun in _garment_nouns(facts, part):
        wording = "worn" if part.name in _WORN else "with"
        yield _claim(person, wording, options, {"c": colour, "g": noun}, part)


def _plain(facts: SceneFacts, person: Thing, part: Thing, options: tuple[str, ...]) -> Iterator[Claim]:
    for noun in _garment_nouns(facts, part):
        yield _claim(person, "wearing" if part.name in _WORN else "with", options, {"g": noun}, part)


def _together(
    facts: SceneFacts,
    person: Thing,
    coloured: list[tuple[Thing, str]],
    worn: list[Thing],
    options: tuple[str, ...],
) -> Iterator[Claim]:
    """As in "lady in black coat and jeans": the first garment singles out, the second is worn with it."""
    for part, colour in coloured:
        if part.name not in _WORN:
            continue
        for second in worn:
            if second.id == part.id or second.name not in _WORN or second.name in nouns.also_fits(part.name, part.name):
                continue
            if part.name in _OUTER or second.name not in _OUTER:
                slots = {"c": colour, "g": part.name, "h": second.name}
                yield _claim(person, "outfit", options, slots, part)
