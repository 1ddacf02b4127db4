"""The things of a scene in fractions of its size, with what is known of them; colours and owners are found lazily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deixis.data import attributes, nouns
from deixis.data.templates import KIND_OF
from deixis.data.wording import Claim
from deixis.types import Box, Scene, SceneObject

SMALLEST_TARGET = 0.0015  # share of the picture below which nothing is named
SALIENT = 0.02
# Labels that nobody says, or that cover regions nobody means by the word.
UNSAID = frozenset({"accessories", "intimate", "bra", "panties"})
_SELDOM_SAID = frozenset({"skin", "hair"})
_SKIN_LIKE = frozenset({"tan", "brown"})  # of a band of a person it may be skin
_RARELY_SKIN = frozenset({"orange", "pink"})
# Where in a box's width a person's clothes are looked for without a mask: on fully labelled COCO photographs that gave
# the mask's colour for 85 of 85 people for whom both gave one.
_MIDDLE = (0.35, 0.65)
_ANYWHERE = 0.1  # share of a whole person from which on a colour may be that of clothes
_WOMENS = nouns.listed("dress, skirt, heels, pumps, blouse, purse, romper, bra, stockings")


@dataclass(frozen=True, eq=False)
class Thing:
    """One object of a scene.

    Attributes:
        item: the annotation.
        name: its cleaned category.
        box: (x0, y0, x1, y1) as fractions of width and height.
        area: share of the picture's pixels, of the mask where there is one, else of the box.
    """

    item: SceneObject
    name: str
    box: Box
    area: float

    @property
    def id(self) -> int:
        """The annotation's id."""
        return self.item.id

    @cached_property
    def cx(self) -> float:
        """Horizontal centre of the box."""
        return (self.box[0] + self.box[2]) / 2

    @cached_property
    def cy(self) -> float:
        """Vertical centre of the box."""
        return (self.box[1] + self.box[3]) / 2

    @cached_property
    def width(self) -> float:
        """Width of the box."""
        return self.box[2] - self.box[0]

    @cached_property
    def height(self) -> float:
        """Height of the box."""
        return self.box[3] - self.box[1]


class SceneFacts:
    """What may be said about a scene. Everything is in the order of the scene's objects, so that draws repeat.

    Args:
        scene: the labelled picture.
        held_out: nouns that must not be used.
    """

    def __init__(self, scene: Scene, held_out: frozenset[str] = frozenset()) -> None:
        self.scene = scene
        self.held_out = held_out
        self.labelled = frozenset(nouns.clean(name) for name in scene.labelled)
        things = (_thing(item, scene) for item in scene.objects)
        self.things = tuple(thing for thing in things if thing.area > 0)  # a crop may have left nothing of one
        self.present = frozenset(thing.name for thing in self.things)
        self.members: dict[str, list[Thing]] = {}
        self.crowds: dict[str, list[Thing]] = {}
        for thing in self.things:
            if thing.name in self.labelled:
                group = self.crowds if thing.item.is_crowd else self.members
                group.setdefault(thing.name, []).append(thing)
        self._shares: dict[tuple[int, str], attributes.ColourShares] = {}
        self._nouns: dict[str, list[str]] = {}

    @cached_property
    def countable(self) -> dict[str, list[Thing]]:
        """Members of the labelled classes of which every instance was told apart."""
        return {name: group for name, group in self.members.items() if name not in self.crowds and self.nouns(name)}

    @cached_property
    def groups(self) -> list[list[Thing]]:
        """Like things among which one can be told by place, size or colour: the countable classes, and within each
        those alone that a noun fits where every thing's own names are known ("woman" among people).
        """
        return [group for members in self.countable.values() for group in (members, *_namesakes(members))]

    @cached_property
    def salient_name(self) -> str | None:
        """The one class of all large objects, parts aside; None when there are several classes or none."""
        found = {thing.name for thing in self.things if thing.area >= SALIENT and not thing.item.is_part}
        return next(iter(found)) if len(found) == 1 else None

    def nouns(self, name: str) -> list[str]:
        """Nouns that fit the class and nothing else here; empty when every one would be ambiguous."""
        if name not in self._nouns:
            self._nouns[name] = [noun for noun in nouns.names(name) if self._fits_only(name, noun)]
        return self._nouns[name]

    def options(self, thing: Thing, group: Sequence[Thing] = ()) -> tuple[str, ...]:
        """Nouns for one thing: its own, else those of its class, for a person in a dress without "man" and "guy".

        Args:
            thing: to be named.
            group: if only a part of its class, no noun may fit any of the others.
        """
        options = self.nouns(thing.name)
        if thing.item.names:
            options = [name for name in thing.item.names if name == thing.name or self.allowed(name)]
        elif any(part.name in _WOMENS for part in self.parts.get(thing.id, ())):
            options = [noun for noun in options if noun in nouns.WOMEN_NOUNS]
        others = [other for other in self.members.get(thing.name, ()) if group and other not in group]
        return tuple(noun for noun in options if not any(noun in other.item.names for other in others))

    def allowed(self, noun: str) -> bool:
        """Whether the options let the noun, or its plural, be used."""
        return noun not in self.held_out and nouns.plural(noun) not in self.held_out

    def _fits_only(self, name: str, noun: str) -> bool:
        if not self.allowed(noun):
            return False
        others = nouns.also_fits(name, noun)
        return self.present.isdisjoint(others) and (noun == name or others <= self.labelled)

    def shares(self, thing: Thing, part: str = "all") -> attributes.ColourShares:
        """Colour shares of a thing, or of the "torso" or "legs" of a person; zeros when nothing is known."""
        key = (thing.id, part)
        if key not in self._shares:
            self._shares[key] = self._measure(thing, part)
        return self._shares[key]

    def colour(self, thing: Thing, part: str = "all") -> str | None:
        """The clearly dominant colour of a thing or of a band of a person; None when in doubt."""
        colour = attributes.dominant(self.shares(thing, part))
        if part == "all" or colour is None:
            return colour
        index = attributes.COLOURS.index(colour)
        if colour in _SKIN_LIKE or (colour in _RARELY_SKIN and self.shares(thing, part)[index] < 0.75):
            return None
        return colour

    def might_be(self, thing: Thing, part: str, colour: str) -> bool:
        """Whether somebody might say of a thing, or of a band of a person, that it is of that colour."""
        shares = self.shares(thing, part)
        if part == "all" or shares.any():
            return attributes.could_be(shares, colour)
        return attributes.could_be(self.shares(thing), colour, _ANYWHERE)  # clothes, but where?

    def rows(self, thing: Thing, part: str) -> tuple[int, int] | None:
        """Rows [start, stop) of a thing, or of the "torso" or "legs" of a person; None where these are not seen."""
        x0, y0, x1, y1 = thing.item.box_xyxy
        if part == "all":
            return max(int(y0), 0), int(y1 + 1)
        band = _band(thing, part, (y1 - y0) / max(x1 - x0, 1e-6))
        return None if band is None else attributes.band_rows(thing.item.box_xyxy, band)

    def _measure(self, thing: Thing, part: str) -> attributes.ColourShares:
        item, rows = thing.item, self.rows(thing, part)
        if rows is None or (item.mask is None and (part == "legs" or not nouns.is_person(thing.name))):
            return np.zeros(len(attributes.COLOURS))
        x0, _, x1, _ = item.box_xyxy
        mask = item.mask
        if mask is None:
            mask = np.broadcast_to(np.True_, self.scene.size)
            x0, x1 = (x0 + share * (x1 - x0) for share in _MIDDLE)
        return attributes.colour_shares(self.scene.image, mask, rows, (max(int(x0), 0), int(x1 + 1)))

    @cached_property
    def people(self) -> list[Thing]:
        """The persons, if all of them are labelled and told apart."""
        return [thing for name, group in self.countable.items() if nouns.is_person(name) for thing in group]

    @cached_property
    def owners(self) -> dict[int, int | None]:
        """For each part's id the id of the person that it belongs to, None when that is not clear."""
        return {thing.id: _owner(thing, self.people) for thing in self.things if thing.item.is_part}

    @cached_property
    def parts(self) -> dict[int, list[Thing]]:
        """For each person's id the parts that belong to that person."""
        found: dict[int, list[Thing]] = {}
        for thing in self.things:
            owner = self.owners.get(thing.id)
            if owner is not None:
                found.setdefault(owner, []).append(thing)
        return found


def claim_one(
    facts: SceneFacts,
    group: list[Thing],
    index: int,
    wording: str,
    holds: frozenset[str] = frozenset(),
    slots: dict[str, str] | None = None,
    ranked: bool = False,
) -> Claim:
    """A claim about one of a class's things, with the ellipsis allowed where the large objects are all of its class.

    Args:
        facts: of the scene.
        group: one of ``facts.groups``.
        index: which one is named.
        wording: key of ``WORDINGS``, which also gives the kind.
        holds: needs of templates that are met.
        slots: words for the templates.
        ranked: whether the words count or compare, so that the noun must fit all of the group.
    """
    thing = group[index]
    if len(group) > 1:
        holds |= {"contrast", "two"} if len(group) == 2 else {"contrast"}
        whole = len(group) == len(facts.members[thing.name])
        if whole and facts.salient_name == thing.name and thing.area >= SALIENT and not thing.item.is_part:
            holds |= {"one"}
    options = facts.options(thing, group)
    if ranked:
        options = tuple(noun for noun in options if all(noun in facts.options(other) for other in group))
    return Claim(KIND_OF[wording], wording, thing.item.category, (thing.id,), options, holds, slots or {}, worth(thing))


def worth(thing: Thing) -> float:
    """How readily a thing is spoken of: the square root of its area, less for parts."""
    return float(thing.area**0.5 * (0.5 if thing.item.is_part else 1.0) * (0.4 if thing.name in _SELDOM_SAID else 1.0))


def _namesakes(members: list[Thing]) -> list[list[Thing]]:
    """The proper parts of a class that a noun picks out, each once; none where a thing has no names of its own."""
    if not all(thing.item.names for thing in members):
        return []
    found: dict[tuple[int, ...], list[Thing]] = {}
    for noun in dict.fromkeys(noun for thing in members for noun in thing.item.names):
        group = [thing for thing in members if noun in thing.item.names]
        if len(group) < len(members):
            found[tuple(thing.id for thing in group)] = group
    return list(found.values())


def _thing(item: SceneObject, scene: Scene) -> Thing:
    height, width = scene.size
    x0, y0, x1, y1 = item.box_xyxy
    box = (x0 / width, y0 / height, x1 / width, y1 / height)
    area = (box[2] - box[0]) * (box[3] - box[1])
    if item.mask is not None:
        area = float(np.count_nonzero(item.mask)) / (height * width)
    return Thing(item, nouns.clean(item.category), box, area)


def _band(thing: Thing, part: str, aspect: float) -> tuple[float, float] | None:
    """Which rows show the clothes: nothing of a person whose head is cut off, who lies, or is only a face."""
    if thing.box[1] < 0.005 or aspect < 1.0:
        return None
    if part == "legs":
        return attributes.LEGS_BAND if aspect >= 2.1 and thing.box[3] < 0.985 else None
    if thing.box[3] >= 0.985:
        return attributes.BUST_BAND if aspect < 1.9 else attributes.HALF_BAND
    return attributes.TORSO_BAND if aspect >= 1.9 else attributes.HALF_BAND


def _owner(part: Thing, people: list[Thing]) -> int | None:
    shares = [_inside(part, person) for person in people]
    if not shares:
        return None
    best = max(range(len(shares)), key=shares.__getitem__)
    rest = max((share for index, share in enumerate(shares) if index != best), default=0.0)
    return people[best].id if shares[best] >= 0.5 and rest <= 0.5 * shares[best] else None


def _inside(part: Thing, person: Thing) -> float:
    """Share of a part that lies in a person: of the mask's pixels, every third row and column, else of the box."""
    boxed = attributes.contained(part.box, person.box)
    if part.item.mask is None or person.item.mask is None or boxed == 0:
        return boxed
    mask = part.item.mask[::3, ::3]
    pixels = np.count_nonzero(mask)
    return float(np.count_nonzero(mask & person.item.mask[::3, ::3])) / pixels if pixels else boxed
