"""Carrier phrases: what people write around a noun, with the noun taken out: "big shiny ... next to the gate".

Text is plentiful, and it shows how phrases go: which words stand before what is meant, and which ones go on about
something else. With the name of any class in it a carrier is a phrase that names this class first, so reading can be
learned without a picture. Carriers only GENERATE phrases; no phrase that is asked is taken apart like this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from deixis.data import nouns
from deixis.data.traits import COLOUR_WORDS, KINDS_OF_PEOPLE
from deixis.data.wording import choose_noun
from deixis.text import FRAME_WORDS, MAX_TOKENS, words_of

MOST_BEFORE = 6  # words before the noun
# What can stand behind the noun that a phrase is about: words that begin to say something of it.
AFTER = nouns.listed(
    """
    with, in, on, at, by, of, near, next, under, behind, beside, above, below, between, over, around, against, inside,
    outside, across, along, through, from, to, for, without, and, or, that, which, who, whose, is, are, was, has, have,
    left, right, far, farthest, closest, nearest, top, bottom, up, down, front, back, middle, center, lower, upper,
    facing, wearing, holding, sitting, standing, only, you, we, not, being, the, a, partially, almost, just, directly,
    looking, laying, lying, closer, out, off, all, farther, furthest, as, behind, about
    """
)
BEFORE = nouns.listed(
    "the, a, far, left, right, top, bottom, front, back, middle"
)  # of these, what can stand before it
# Kinds of people that photographs do not tell: they are read, but nobody is called so in training.
ROLES = nouns.listed(
    """
    umpire, batter, catcher, pitcher, player, baseball player, tennis player, soccer player, skier, surfer, snowboarder,
    skateboarder, skater, rider, driver, cop, officer, police officer, policeman, chef, cook, waiter, waitress, bride,
    groom, soldier, worker, fan, spectator, goalie, referee, coach, teacher, student, doctor, nurse, farmer, cowboy,
    biker, cyclist, bicyclist, motorcyclist, runner, swimmer, tourist, passenger, pedestrian, mom, dad, mother, father,
    grandma, grandpa, grandmother, grandfather, son, daughter, brother, sister, toddler, baby, infant, teen, teenager,
    chick, gal, wife, husband, businessman, vendor, hitter, bowler, athlete, photographer, fireman, mechanic,
    someone, somebody, jockey, conductor, kiddo
    """
)
# What photographs are full of and no class is: a phrase about them is about nothing that the network has.
STUFF = nouns.listed(
    """
    sky, tree, grass, wall, building, mountain, road, street, water, rock, cloud, house, window, door, sand, beach,
    bush, hill, river, church, statue, roof, floor, ground, lake, ocean, sea, snow, field, path, sidewalk, fence, tower,
    bridge, stairs, column, ceiling, curtain, lamp, picture, painting, sign, pole, flag, wood, leaf, branch, stone,
    cliff, waterfall, sun, shadow, castle, pillar, arch, tent, pool, dirt, crowd, forest, city, island, railing,
    light, rug
    """
)
PARTS = ("bunch", "pile", "pair", "group", "slice", "piece", "row", "couple", "lot", "stack", "picture", "kind")
# How often a phrase is about whom no class name says, about what no class is, and about a bunch of what it names.
ROLE_SHARE, STUFF_SHARE, PARTS_SHARE = 0.06, 0.06, 0.05
MIXED_SHARE = 0.5  # how often what is before the noun and what is after it are of two texts
MOST_DRESSED = 2  # words before a noun that a phrase is dressed in
AFTER_ONLY, BEFORE_ONLY = 0.4, 0.25  # how often it is dressed on one side; else on both
OPENINGS = ("a", "the", "", "")  # of dressed phrases that have no article
_ARTICLES = frozenset({"a", "an", "the"})
_TELLING = FRAME_WORDS | frozenset(COLOUR_WORDS) | frozenset(KINDS_OF_PEOPLE)


class Carrier(NamedTuple):
    """Words before and after a noun, and whether it was a plural."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    plural: bool


class Reading(NamedTuple):
    """A phrase and the class that it names; None for something that no class is."""

    text: str
    category: str | None


class NounFinder:
    """Finds the noun that a text is about: the first name of a category, of a kind of person or of ``STUFF``.

    Args:
        categories: class names.
    """

    def __init__(self, categories: Sequence[str]) -> None:
        names = {*ROLES, *STUFF, *(name for category in categories for name in nouns.names(category))}
        # A singular that is another name's plural ("glasses") counts as singular.
        self._plural = {tuple(words_of(nouns.plural(name))): True for name in sorted(names)}
        self._plural.update({tuple(words_of(name)): False for name in sorted(names)})
        self._parts = {word for name in self._plural for word in name}

    def __call__(self, text: str) -> tuple[Carrier, str] | None:
        """The words around the noun, and the noun; None where the text does not begin by naming something known."""
        words = words_of(text)
        for start in range(min(MOST_BEFORE, len(words))):
            for stop in (start + 3, start + 2, start + 1):
                name, after = tuple(words[start:stop]), words[stop:]
                if len(name) == stop - start and name in self._plural:
                    ends = not after or after[0] in AFTER or after[0].endswith("ing")
                    carrier = Carrier(tuple(words[:start]), tuple(after), self._plural[name])
                    return (carrier, " ".join(name)) if ends else None
            if words[start] in AFTER - BEFORE or words[start] in self._parts:
                return None  # the phrase goes on before anything was named, or a name is not complete ("fire")
        return None


def find_carriers(texts: Iterable[str], categories: Sequence[str]) -> list[Carrier]:
    """The carriers of the texts, each once."""
    finder = NounFinder(categories)
    return sorted({found[0] for found in map(finder, texts) if found is not None})


def read(carriers: Sequence[Carrier], names: Mapping[str, tuple[str, ...]], rng: np.random.Generator) -> Reading:
    """A carrier around a name of one of the categories, ``names`` has what each is called, or of what none is."""
    before, after, plural = carriers[int(rng.integers(len(carriers)))]
    if rng.random() < MIXED_SHARE:
        after = carriers[int(rng.integers(len(carriers)))].after
    category, noun = _named(names, rng)
    if rng.random() < PARTS_SHARE:
        before, plural = ("a", PARTS[int(rng.integers(len(PARTS)))], "of"), True
    words = (*before, nouns.plural(noun) if plural else noun, *after)
    return Reading(" ".join(words[:MAX_TOKENS]), category)


def _named(names: Mapping[str, tuple[str, ...]], rng: np.random.Generator) -> tuple[str | None, str]:
    """A category and a noun for it, None and a noun for something that is no category."""
    draw = rng.random()
    person = next(filter(nouns.is_person, names), None)
    if draw < ROLE_SHARE and person is not None:
        return person, _any(sorted(ROLES), rng)
    if draw < ROLE_SHARE + STUFF_SHARE:
        return None, _any(sorted(STUFF), rng)
    category = _any(list(names), rng)
    return category, choose_noun(names[category], rng)


def _any(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


class Dressing:
    """Words that change nothing of what a phrase about a thing says: no place, size, colour or kind of person.

    Args:
        carriers: whose words are taken.
    """

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        neutral = [carrier for carrier in carriers if _TELLING.isdisjoint(carrier.before)]
        befores = {tuple(word for word in carrier.before if word not in _ARTICLES) for carrier in neutral} - {()}
        self._befores = sorted(before[-MOST_DRESSED:] for before in befores)
        self._afters = sorted({carrier.after for carrier in carriers if _TELLING.isdisjoint(carrier.after)} - {()})

    def dress(self, carrier: Carrier, noun: str, rng: np.random.Generator) -> str:
        """A phrase, taken apart by ``NounFinder``, with some of them before the noun, behind it, or both."""
        draw = rng.random()
        before = () if draw < AFTER_ONLY else self._befores[int(rng.integers(len(self._befores)))]
        after = () if 0 <= draw - AFTER_ONLY < BEFORE_ONLY else self._afters[int(rng.integers(len(self._afters)))]
        opening = "" if _ARTICLES.intersection(carrier.before[:1]) else _any(OPENINGS, rng)
        words = (*opening.split(), *carrier.before, *before, noun, *carrier.after, *after)
        return " ".join(words[:MAX_TOKENS])
