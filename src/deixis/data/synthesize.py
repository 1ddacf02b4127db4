"""Referring expressions made from category masks: every phrase that is emitted is true, and true of its targets only.

The class name alone is what the 2016 papers trained on where no sentence was given; here the same masks also say
which one is left, second, biggest, red, in a blue shirt, on the couch, or not there at all.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deixis.data import claims, clothing, nouns, places, relations, templates, wording
from deixis.data.facts import SMALLEST_TARGET, SceneFacts, Thing
from deixis.data.wording import Claim
from deixis.types import Expression, Scene

KINDS = ("class", "location", "ordinal", "size", "colour", "clothing", "posture", "relation", "absent")


@dataclass(frozen=True)
class SynthesisOptions:
    """What to synthesize.

    Attributes:
        class_weight, location_weight, ordinal_weight, size_weight, colour_weight, clothing_weight,
            posture_weight, relation_weight, absent_weight: relative frequency of the kinds where they are possible; 0
            turns one off.
        noise: probability of capitals or a closing punctuation mark.
        decoration: probability that a place or size gets a true colour or size besides: "big red bus on the left".
        article: probability of "the" before a phrase that could have it.
        vocabulary: categories that may be claimed absent; empty means all that the scene labels.
        class_names_only: each region with its class name and nothing else, the simple form of Hu et al. 2016.
            Where a class has several regions the name is given to each of them on its own.
        held_out_names: nouns that are never emitted, in singular or plural.
    """

    class_weight: float = 0.2
    location_weight: float = 0.29
    ordinal_weight: float = 0.12
    size_weight: float = 0.08
    colour_weight: float = 0.12
    clothing_weight: float = 0.1
    posture_weight: float = 0.08
    relation_weight: float = 0.12
    absent_weight: float = 0.05
    noise: float = 0.03
    decoration: float = 0.2
    article: float = 0.12
    vocabulary: tuple[str, ...] = ()
    class_names_only: bool = False
    held_out_names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for kind in KINDS:
            if self.weight(kind) < 0:
                raise ValueError(f"expected weights of at least 0, got {kind}_weight={self.weight(kind)}")
        for name in ("noise", "decoration", "article"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected a probability for {name}, got {getattr(self, name)}")

    def weight(self, kind: str) -> float:
        """Relative frequency of a kind."""
        return float(getattr(self, f"{kind}_weight"))


DEFAULT = SynthesisOptions()
CLOTHES_AMONG_PEOPLE = 4.0  # how much readier clothes and colours are named where there are several people
_MOST_USES = 3  # wordings of one claim in one scene
_NO_ARTICLE = ("the ", "a ", "all", "both", "every", "people", "in ", "on ", "one ")
_ARTICLE_FACTOR = {"in": 0.4, "worn": 0.4, "all": 0.0, "everyone": 0.0, "outfit": 0.0, "pants": 0.4}


def synthesize(
    scene: Scene, rng: np.random.Generator, limit: int, options: SynthesisOptions = DEFAULT
) -> list[Expression]:
    """Draw expressions that are true of a scene and single out their targets among its labelled objects.

    Args:
        scene: the labelled picture; only classes in ``scene.labelled`` are spoken of.
        rng: the only source of chance; the same state gives the same expressions.
        limit: how many at most; fewer come where less can be said.
        options: see ``SynthesisOptions``.

    Returns:
        Expressions with different texts, in the order drawn.
    """
    facts = SceneFacts(scene, options.held_out_names)
    if options.class_names_only:
        return _class_names(facts, rng, limit)
    return _Drawing(facts, rng, options).draw(limit)


def describe(expressions: Iterable[Expression]) -> str:
    """One line for each expression: kind, targets and text."""
    return "\n".join(
        f"{item.kind:9s} {','.join(map(str, item.target_ids)) or '-':16s} {item.text}" for item in expressions
    )


def _class_names(facts: SceneFacts, rng: np.random.Generator, limit: int) -> list[Expression]:
    found = [
        Expression(thing.name, (thing.id,), "class", thing.item.category)
        for thing in facts.things
        if thing.name in facts.labelled and thing.area >= SMALLEST_TARGET and facts.allowed(thing.name)
    ]
    return [found[index] for index in rng.permutation(len(found))[:limit]]


class _Drawing:
    """One scene's drawing: claims are collected kind by kind when a kind is first drawn."""

    def __init__(self, facts: SceneFacts, rng: np.random.Generator, options: SynthesisOptions) -> None:
        self.facts, self.rng, self.options = facts, rng, options
        self.claims: dict[str, list[Claim]] = {}
        self.weights: dict[str, list[float]] = {}
        self.uses: dict[str, list[int]] = {}
        self.texts: set[str] = set()
        self.by_id = {thing.id: thing for thing in facts.things}

    def draw(self, limit: int) -> list[Expression]:
        """Up to ``limit`` expressions."""
        kinds = {kind: self.options.weight(kind) for kind in KINDS if self.options.weight(kind) > 0}
        if not any(person.item.posture for person in self.facts.people):
            kinds.pop("posture", None)
        if len(self.facts.people) > 1:
            kinds |= {kind: CLOTHES_AMONG_PEOPLE * kinds[kind] for kind in ("clothing", "colour") if kind in kinds}
        found: list[Expression] = []
        for _ in range(4 * limit):
            if len(found) >= limit or not kinds:
                break
            kind = list(kinds)[wording.pick(list(kinds.values()), self.rng)]
            if kind not in self.claims:
                self._collect(kind)
                kinds[kind] *= self._worth(kind)
            full = kind == "absent" and sum(item.kind == "absent" for item in found) >= max(1, round(limit / 6))
            if full or not any(self.weights[kind]):
                del kinds[kind]
                continue
            expression = self._take(kind)
            if expression is not None:
                found.append(expression)
        return found

    def _collect(self, kind: str) -> None:
        sources: dict[str, Callable[[SceneFacts], Iterable[Claim]]] = {
            "class": claims.classes,
            "location": places.locations,
            "ordinal": places.ordinals,
            "size": places.sizes,
            "colour": claims.colours,
            "clothing": clothing.garments,
            "posture": claims.postures,
            "relation": relations.relations,
            "absent": lambda facts: claims.absences(facts, self.options.vocabulary),
        }
        self.claims[kind] = [claim for claim in sources[kind](self.facts) if claim.nouns]
        self.weights[kind] = [claim.weight for claim in self.claims[kind]]
        self.uses[kind] = [0] * len(self.claims[kind])

    def _worth(self, kind: str) -> float:
        """Places of things that are alone of their class are true, yet seldom said."""
        if kind != "location" or any("contrast" in claim.holds for claim in self.claims[kind]):
            return 1.0
        return 0.2

    def _take(self, kind: str) -> Expression | None:
        """Draw a claim and word it; None when the text was there already."""
        index = wording.pick(self.weights[kind], self.rng)
        claim = self.claims[kind][index]
        text = self._noisy(self._decorated(claim))
        self.uses[kind][index] += 1
        self.weights[kind][index] *= 0.25 if self.uses[kind][index] < _MOST_USES else 0.0
        if text.lower().strip(".! ") in self.texts or says(text, self.options.held_out_names):
            return None
        self.texts.add(text.lower().strip(".! "))
        self._rebalance(claim)
        return Expression(text, claim.target_ids, claim.kind, claim.category)

    def _rebalance(self, taken: Claim) -> None:
        """Other objects of the same class become likelier, the same object less likely."""
        for kind, known in self.claims.items():
            weights = self.weights[kind]
            for index, claim in enumerate(known):
                if claim.target_ids == taken.target_ids:
                    weights[index] *= 0.6
                elif claim.category == taken.category and len(claim.target_ids) == 1:
                    weights[index] *= 1.5

    def _decorated(self, claim: Claim) -> str:
        """Word a claim, sometimes with a true attribute besides that does not change what it names."""
        rng, text = self.rng, wording.word(claim, self.rng)
        if claim.wording == "side" and claim.kind == "colour":
            text = self._coloured(claim, claim.slots["c"])
        elif claim.wording in ("side", "corner", "vertical", "front", "big") and rng.random() < self.options.decoration:
            text = self._adorned(claim, text)
        probability = self.options.article * _ARTICLE_FACTOR.get(claim.wording, 1.0)
        if rng.random() < probability and not text.startswith(_NO_ARTICLE):
            text = "the " + text
        return text

    def _adorned(self, claim: Claim, text: str) -> str:
        thing = self.by_id[claim.target_ids[0]]
        group = self.facts.countable[thing.name]
        colour = self.facts.colour(thing, "torso" if nouns.is_person(thing.name) else "all")
        if thing.item.is_part:
            return text
        if claim.wording != "big" and _is_biggest(thing, group) and (colour is None or self.rng.random() < 0.4):
            sized = tuple(f"{'big' if self.rng.random() < 0.7 else 'large'} {noun}" for noun in claim.nouns)
            return wording.word(dataclasses.replace(claim, nouns=sized), self.rng)
        if colour is None or not claims.colour_fits(thing, colour):
            return text
        return self._coloured(claim, colour)

    def _coloured(self, claim: Claim, colour: str) -> str:
        """The claim with the colour before the noun, or after a person."""
        thing = self.by_id[claim.target_ids[0]]
        if nouns.is_person(thing.name):
            suffixes = templates.UNNAMED_SUFFIXES if thing.id in self.facts.parts else templates.SUFFIXES
            suffix = suffixes[int(self.rng.random() * len(suffixes))]
            return wording.word(claim, self.rng) + wording.fill(suffix, "", {"c": colour}, self.rng)
        said = wording.fill("{c}", "", {"c": colour}, self.rng)
        noun = wording.choose_noun(claim.nouns, self.rng)
        plain = dataclasses.replace(claim, nouns=(f"{said} {noun}",), holds=claim.holds - {"one"})
        return wording.word(plain, self.rng)

    def _noisy(self, text: str) -> str:
        if self.rng.random() >= self.options.noise:
            return text
        forms = (text.upper(), text.capitalize(), text.capitalize(), text + ".", text + "!")
        return forms[int(self.rng.random() * len(forms))]


def _is_biggest(thing: Thing, group: list[Thing]) -> bool:
    return len(group) > 1 and all(other is thing or thing.area > places.SIZE_RATIO * other.area for other in group)


@lru_cache(maxsize=64)
def _pattern(held_out: frozenset[str]) -> re.Pattern[str]:
    words = sorted(held_out | {nouns.plural(noun) for noun in held_out})
    return re.compile(r"\b(" + "|".join(re.escape(word) for word in words) + r")\b", re.IGNORECASE)


def says(text: str, held_out: frozenset[str]) -> bool:
    """Whether a phrase has one of these nouns, in singular or plural."""
    return bool(held_out) and _pattern(held_out).search(text) is not None
