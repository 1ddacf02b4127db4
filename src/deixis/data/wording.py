"""From something true to words: a claim says what of which objects, and a drawn template says how."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from deixis.data import nouns
from deixis.data.templates import AS_PEOPLE_SAY, WORDINGS

_SPOKEN_WITH_Y = ("uni", "use", "ute", "eu")


@dataclass(frozen=True)
class Claim:
    """Something true: which words may say it of which objects.

    Attributes:
        kind: the kind of expression, see ``deixis.types.Expression``.
        wording: key of ``WORDINGS``.
        category: the targets' class, as the scene spells it.
        target_ids: what is named.
        nouns: the nouns that may be used; the plural or ``{n}`` is made of one of them.
        holds: the needs of templates that are met here, see ``WORDINGS``.
        slots: words for the other places of the template.
        weight: how much it is worth saying, relative to others of the kind.
    """

    kind: str
    wording: str
    category: str
    target_ids: tuple[int, ...]
    nouns: tuple[str, ...]
    holds: frozenset[str] = frozenset()
    slots: dict[str, str] = field(default_factory=dict)
    weight: float = 1.0


def pick(weights: list[float], rng: np.random.Generator) -> int:
    """Index drawn in proportion to the weights, of which one at least is positive."""
    point = rng.random() * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return max(index for index, weight in enumerate(weights) if weight > 0)


def choose_noun(options: tuple[str, ...], rng: np.random.Generator) -> str:
    """A noun, about as often as people use it."""
    return options[pick(nouns.frequencies(options), rng)] if len(options) > 1 else options[0]


def word(claim: Claim, rng: np.random.Generator) -> str:
    """One wording of a claim."""
    noun = choose_noun(claim.nouns, rng)
    holds = claim.holds if noun in nouns.PLURAL_FORMS else claim.holds | {"single"}
    usable = [(text, weight) for text, weight, need in WORDINGS[claim.wording] if need <= holds]
    text = usable[pick([weight for _, weight in usable], rng)][0]
    return fill(text, noun, claim.slots, rng)


def fill(text: str, noun: str, slots: dict[str, str], rng: np.random.Generator) -> str:
    """Put words into a template."""
    words = {name: _as_said(value, rng) if name == "c" else value for name, value in slots.items()}
    words.update(n=noun, ns=nouns.plural(noun))
    if "{w}" in text:
        words["w"] = "upper" if slots["v"] == "top" else "lower"
    while "{the}" in text:
        text = text.replace("{the}", "the " if rng.random() < 0.45 else "", 1)
    if "{a}" in text:
        words["a"] = _article(text, words, rng)
    if "{an}" in text:
        words["an"] = "" if slots["m"] in nouns.PLURAL_FORMS else _indefinite(slots["m"])
    return text.format(**words)


def _article(text: str, words: dict[str, str], rng: np.random.Generator) -> str:
    head = words.get("g", "")
    if head in nouns.PLURAL_FORMS or rng.random() < 0.5:
        return ""
    return _indefinite(words["c"] if "{a}{c}" in text else head)


def _indefinite(following: str) -> str:
    """By the sound that follows: an umbrella, but a uniform."""
    return "an " if following[:1] in tuple("aeiou") and not following.startswith(_SPOKEN_WITH_Y) else "a "


def _as_said(colour: str, rng: np.random.Generator) -> str:
    options = AS_PEOPLE_SAY.get(colour, (colour,))
    return options[int(rng.random() * len(options))]
