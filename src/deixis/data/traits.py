"""Traits that phrases may say of what they name: colour, sex, age, posture. What they say, what is known of objects.

Labels are indices into a trait's values, ``NOTHING`` where a phrase says none of it, and None for "not known".
"""

from __future__ import annotations

from collections.abc import Sequence

from deixis.config import TRAIT_VALUES
from deixis.data import nouns
from deixis.data.attributes import SAID
from deixis.data.captions import POSSESSIVES, SPEAKS_OF
from deixis.data.synthesize import KINDS
from deixis.data.templates import AS_PEOPLE_SAY
from deixis.text import tokenize
from deixis.types import POSTURES, Expression, SceneObject

TRAITS = {"colour": SAID, "sex": ("male", "female"), "age": ("adult", "child"), "posture": POSTURES}
NOTHING = max(TRAIT_VALUES)

Labels = tuple[int | None, ...]  # one for each of ``TRAITS``

COLOUR_WORDS = {said: row for row, name in enumerate(SAID) for said in AS_PEOPLE_SAY.get(name, (name,))}
# Of these a colour is said, not of the person or of what that person wears above.
_WORN_ELSEWHERE = nouns.listed(
    """
    pants, jeans, skirt, shorts, leggings, tights, stockings, shoes, boots, heels, sandals, sneakers, socks, bag,
    purse, hat, cap, sunglasses, glasses, scarf, belt, tie, gloves, watch, necklace
    """
)
KINDS_OF_PEOPLE = {
    form: kind for word, kind in SPEAKS_OF.items() if word not in POSSESSIVES for form in (word, nouns.plural(word))
}
_SEX = {"man": 0, "boy": 0, "woman": 1, "girl": 1}
_POSTURES = (
    frozenset("stand stands standing walk walks walking run runs running jump jumps jumping".split()),  # noqa: SIM905
    frozenset("sit sits sitting seated".split()),  # noqa: SIM905 - word lists
)
_AGE = {"man": 0, "woman": 0, "boy": 1, "child": 1}  # women are called girls, too


def said(phrase: Expression, named: Sequence[SceneObject]) -> Labels:
    """What a phrase says of the objects that it names."""
    return colour_said(phrase), *_kind_said(phrase, named), _posture_said(phrase)


def shown(item: SceneObject) -> Labels:
    """What an object's own names and posture tell of it; colours are known from phrases only."""
    kinds = {KINDS_OF_PEOPLE[name] for name in item.names if name in KINDS_OF_PEOPLE}
    sexes, ages = ({table[kind] for kind in kinds if kind in table} for table in (_SEX, _AGE))
    posture = POSTURES.index(item.posture) if item.posture else None
    return None, *(values.pop() if len(values) == 1 else None for values in (sexes, ages)), posture


def colour_said(phrase: Expression) -> int | None:
    """The colour that a synthesized phrase says of what it names; a given sentence's may be of anything."""
    if phrase.kind not in KINDS:
        return None
    words = tokenize(phrase.text)
    found = {COLOUR_WORDS[word] for word in words if word in COLOUR_WORDS and word != phrase.category}
    return found.pop() if len(found) == 1 and _WORN_ELSEWHERE.isdisjoint(words) else NOTHING


def _kind_said(phrase: Expression, named: Sequence[SceneObject]) -> tuple[int | None, int | None]:
    """Sex and age by the first noun for a person: phrases begin with what they name.

    Not known where the objects have no names of their own: nouns for people are drawn at random then.
    """
    if phrase.category is not None and not nouns.is_person(phrase.category):
        return NOTHING, NOTHING
    if not named or not all(item.names for item in named):
        return None, None
    kind = next((KINDS_OF_PEOPLE[word] for word in tokenize(phrase.text) if word in KINDS_OF_PEOPLE), "")
    return _SEX.get(kind, NOTHING), _AGE.get(kind, NOTHING)


def _posture_said(phrase: Expression) -> int | None:
    """By the verbs about a person; what other made phrases say ("sitting on") is only that one is above."""
    if phrase.category is not None and not nouns.is_person(phrase.category):
        return NOTHING
    words = tokenize(phrase.text)
    found = [row for row, verbs in enumerate(_POSTURES) if not verbs.isdisjoint(words)]
    if not found:
        return NOTHING
    return found[0] if len(found) == 1 and (phrase.kind == "posture" or phrase.kind not in KINDS) else None
