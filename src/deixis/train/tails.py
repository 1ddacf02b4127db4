"""Phrases that go on for longer than they need to: "dog on the left that a man with a hat is walking".

Captions are about people, and made phrases are short: a network that sees only these takes every long sentence for one
about a person. A made phrase with words of another picture's caption behind it is still about what it names first.
What is added is not true of the picture, as what people write is not always; it teaches to read on, and to point at
what was named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from deixis.data import nouns
from deixis.data.captions import HEAD_WORDS, PERSON_WORDS
from deixis.text import depends_on_frame, words_of
from deixis.types import Expression

# Kinds of phrases that tell what they name without naming another thing, so that more words change nothing.
LENGTHENED = frozenset({"class", "location", "absent"})
GIVEN = "caption"  # the kind of what comes out: its colours may be of anything
MOST_WORDS = 10  # of a tail
LINKS = ("that", "which", "with", "next to", "near", "behind", "in front of", "beside", "by", "of", "under", "and")
ARTICLES = ("a ", "the ", "")
_ARTICLED = ("the ", "a ", "an ", "all ", "both ", "every", "one ", "in ", "on ")


class Sentence(NamedTuple):
    """The words of a caption that begins with a person, and how many of them name the person."""

    words: tuple[str, ...]
    head: int


def sentences(captions: Iterable[str]) -> list[Sentence]:
    """The captions that begin with a person and speak of no place in the picture."""
    found = []
    for caption in captions:
        words = tuple(words_of(caption))
        heads = [place + 1 for place, word in enumerate(words[:HEAD_WORDS]) if word in PERSON_WORDS]
        if heads and not depends_on_frame(caption):
            found.append(Sentence(words, heads[0]))
    return found


def lengthen(phrase: Expression, sentences: Sequence[Sentence], rng: np.random.Generator) -> Expression:
    """A made phrase about a thing with what a sentence says of its person behind it, or with a link and all of it.

    Phrases about people stay as they are, and those that name a thing by another one.
    """
    if phrase.kind not in LENGTHENED or phrase.category is None or nouns.is_person(phrase.category):
        return phrase
    words, head = sentences[int(rng.integers(len(sentences)))]
    tail = words[head:] if rng.random() < 0.5 else (LINKS[int(rng.integers(len(LINKS)))], *words)
    text = " ".join((phrase.text.rstrip(".! "), *tail[:MOST_WORDS]))
    if not text.lower().startswith(_ARTICLED):
        text = ARTICLES[int(rng.integers(len(ARTICLES)))] + text
    return replace(phrase, text=text, kind=GIVEN)
