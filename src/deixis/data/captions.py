"""Captions of pictures with a single person as phrases that name this person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deixis.types import Expression

# Who is spoken of, by word. Two pictures side by side may use a caption only if these differ.
_KINDS = {
    "man": "man men guy guys dude gentleman male businessman policeman fireman cowboy he his him",
    "woman": "woman women lady ladies female businesswoman she her hers",
    "boy": "boy boys",
    "girl": "girl girls",
    "child": "child kid toddler baby infant",
}
SPEAKS_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}
# "His horse" is about the horse, so these do not name anybody.
POSSESSIVES = frozenset({"his", "him", "her", "hers"})
PERSON_WORDS = (frozenset(SPEAKS_OF) - POSSESSIVES) | frozenset(
    """person someone player skateboarder surfer snowboarder skier skater rider biker cyclist motorcyclist batter
    pitcher catcher chef cook officer worker farmer rancher jockey policeman soldier pedestrian driver""".split()  # noqa: SIM905 - one word list
)
_ANYBODY = frozenset({"person", "someone"})  # who may be beside somebody else of another picture
_SHARED = {"boy": {"boy", "child", "man"}, "girl": {"girl", "child", "woman"}, "child": {"boy", "girl", "child"}}
_MANY = re.compile(r"\b(people|men|women|group|couple|two|three|several|crowd|boys|girls|kids|children)\b")
HEAD_WORDS = 5  # a caption that names a person speaks of them when it does so at its beginning


def person_expressions(captions: Sequence[str], target: int) -> tuple[Expression, ...]:
    """Captions that begin with the picture's person, their beginnings, and the bare word where all captions agree.

    A beginning is what names the person: "a young catcher" of "A young catcher waits for the ball".

    Args:
        captions: sentences about one picture with a single person.
        target: id of the person's annotation.
    """
    found: dict[str, None] = {}
    for caption in captions:
        words = re.findall(r"[a-z']+", caption.lower())
        head = next((place for place, word in enumerate(words[:HEAD_WORDS]) if word in PERSON_WORDS), None)
        if head is None or _MANY.search(caption.lower()):
            continue
        found[caption.strip().rstrip(".")] = None
        if words[head] not in _ANYBODY:
            found[" ".join(words[: head + 1])] = None
    who = spoken_of(captions)
    if who is not None and found:
        found[who] = None
    return tuple(Expression(text, (target,), "caption", "person") for text in found)


def spoken_of(captions: Sequence[str]) -> str | None:
    """The kind of person ("man", "woman", "boy", "girl", "child") when no caption contradicts it, else None."""
    words = (word for text in captions for word in re.findall(r"[a-z']+", text.lower()))
    kinds = {SPEAKS_OF[word] for word in words if word in SPEAKS_OF}
    return kinds.pop() if len(kinds) == 1 else None


def may_share_frame(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether the captions of two pictures stay unambiguous when both pictures are in one frame."""
    one, other = spoken_of(left), spoken_of(right)
    return one is not None and other is not None and may_share(one, other)


def may_share(one: str, other: str) -> bool:
    """Whether nobody is of both of two kinds of people."""
    return other not in _SHARED.get(one, {one}) and one not in _SHARED.get(other, {other})
