"""Phrases that go on with words of captions."""

from __future__ import annotations

import numpy as np
import pytest

from deixis.text import words_of
from deixis.train.tails import ARTICLES, LINKS, MOST_WORDS, Sentence, lengthen, sentences
from deixis.types import Expression

CAPTIONS = [
    "A man in a hat walking a dog.",
    "A young woman riding a horse",
    "A dog that runs after a man",
    "An old photo of several things and a man",
    "A boy on the left of the picture",
    "The second man from the right",
]
MAN = Sentence(("a", "man", "in", "a", "hat", "walking", "a", "dog"), 2)


def test_only_captions_that_begin_with_a_person_and_name_no_place() -> None:
    assert sentences(CAPTIONS) == [MAN, Sentence(("a", "young", "woman", "riding", "a", "horse"), 3)]
    assert sentences([]) == []


@pytest.mark.parametrize("kind", ["class", "location", "absent"])
def test_a_phrase_about_a_thing_goes_on(kind: str) -> None:
    """Either with what the caption says of its person, or with a link and the caption, cut at ``MOST_WORDS``."""
    phrase, rng = Expression("Red cup!", (3,), kind, "cup"), np.random.default_rng(0)
    found = [lengthen(phrase, [MAN], rng) for _ in range(200)]
    assert {(item.target_ids, item.category, item.kind) for item in found} == {((3,), "cup", "caption")}
    said = " ".join(MAN.words)
    tails = {"in a hat walking a dog", *(f"{link} {said}" for link in LINKS)}
    assert {item.text for item in found} <= {f"{article}Red cup {tail}" for article in ARTICLES for tail in tails}
    assert {item.text.startswith(("a ", "the ")) for item in found} == {True, False}
    assert {"walking" in item.text and " man " in item.text for item in found} == {True, False}
    long = lengthen(phrase, [Sentence(("a", "man", *"abcdefghijklmnop"), 2)], rng)
    assert len(words_of(long.text.removeprefix("a ").removeprefix("the "))) <= 2 + MOST_WORDS + 2


def test_no_second_article() -> None:
    rng = np.random.default_rng(0)
    for text in ("the cup", "all cups", "one on the left"):
        found = [lengthen(Expression(text, (3,), "class", "cup"), [MAN], rng) for _ in range(20)]
        assert all(item.text.startswith(text) for item in found)


@pytest.mark.parametrize(
    ("kind", "category"),
    [("class", "person"), ("relation", "cup"), ("colour", "cup"), ("human", "cup"), ("class", None)],
)
def test_what_stays_as_it_is(kind: str, category: str | None) -> None:
    phrase = Expression("cup", (3,), kind, category)
    assert lengthen(phrase, [MAN], np.random.default_rng(0)) is phrase
