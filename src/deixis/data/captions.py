"""Captions of pictures with a single person as phrases that name this person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deixis.types import Expression

# Who is spoken of, by word. Two pictures side by side may use a caption only if these differ.
_KINDS = {
    "man": "man men guy guys gentleman male businessman policeman fireman cowboy he his him",
    "woman": "woman women lady ladies female businesswoman she her hers",
    "boy": "boy boys",
    "girl": "girl girls",
    "child": "child kid toddler baby infant",
}
_SPEAKS_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}
# "His horse" is about the horse, so these do not name anybody.
_POSSESSIVES = frozenset({"his", "him", "her", "hers"})
_PERSON_WORDS = (frozenset(_SPEAKS_OF) - _POSSESSIVES) | frozenset(
    """person someone player skateboarder surfer snowboarder skier skater rider biker cyclist motorcyclist batter
    pitcher catcher chef cook officer worker farmer rancher jockey policeman soldier pedestrian driver""".split()  # noqa: SIM905 - one word list
)
_SHARED = {"boy": {"boy", "child", "man"}, "girl": {"girl", "child", "woman"}, "child": {"boy", "girl", "child"}}
_MANY = re.compile(r"\b(people|men|women|group|couple|two|three|several|crowd|boys|girls|kids|children)\b")
HEAD_WORDS = 5  # a caption that names a person speaks of them when it does so at its beginning


def person_expressions(captions: Sequence[str], target: int) -> tuple[Expression, ...]:
    """Captions that begin with the picture's person, and the bare word for them where all captions agree.

    Args:
        captions: sentences about one picture with a single person.
        target: id of the person's annotation.
    """
    found = []
    for caption in captions:
        words = re.findall(r"[a-z']+", caption.lower())
        if _PERSON_WORDS.isdisjoint(words[:HEAD_WORDS]) or _MANY.search(caption.lower()):
            continue
        found.append(Expression(caption.strip().rstrip("."), (target,), "caption", "person"))
    who = spoken_of(captions)
    if who is not None and found:
        found.append(Expression(who, (target,), "caption", "person"))
    return tuple(found)


def spoken_of(captions: Sequence[str]) -> str | None:
    """The kind of person ("man", "woman", "boy", "girl", "child") when no caption contradicts it, else None."""
    words = (word for text in captions for word in re.findall(r"[a-z']+", text.lower()))
    kinds = {_SPEAKS_OF[word] for word in words if word in _SPEAKS_OF}
    return kinds.pop() if len(kinds) == 1 else None


def may_share_frame(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether the captions of two pictures stay unambiguous when both pictures are in one frame."""
    one, other = spoken_of(left), spoken_of(right)
    return one is not None and other is not None and may_share(one, other)


def may_share(one: str, other: str) -> bool:
    """Whether nobody is of both of two kinds of people."""
    return other not in _SHARED.get(one, {one}) and one not in _SHARED.get(other, {other})
