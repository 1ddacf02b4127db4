"""Words read by their spelling: typing errors are mended, and words that are right stay themselves."""

from __future__ import annotations

import json
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deixis.data import nouns
from deixis.data.attributes import COLOURS
from deixis.embeddings import WordVectors
from deixis.errors import PhraseError
from deixis.segmenter import DEFAULT_MODEL, DEFAULT_VECTORS, Segmenter
from deixis.spelling import SpelledVectors
from deixis.text import FRAME_WORDS, MAX_TOKENS, tokenize


@pytest.fixture(scope="module")
def glove() -> WordVectors:
    return WordVectors.load(DEFAULT_VECTORS)


@pytest.fixture(scope="module")
def bundled() -> Segmenter:
    return Segmenter.load(DEFAULT_MODEL)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("leftest", "left"),
        ("bldng", "building"),
        ("rightside", "right side"),
        ("tshirt", "shirt"),
        ("womn", "women"),
        ("puppys", "puppy"),
        ("peson", "person"),
        ("giraff", "giraffe"),
        ("whtie", "white"),
        ("teh", "the"),
        ("peopel", "people"),
        ("buidling", "building"),
        ("lft", "left"),
        ("rightmst", "rightmost"),
        ("bycicle", "bicycle"),
        ("guyy", "guy"),
        ("pinkshirt", "pink shirt"),
    ],
)
def test_typing_errors_are_taken_for_what_was_meant(bundled: Segmenter, token: str, words: str) -> None:
    understood = bundled.words(f"the {token} dog")
    assert understood.taken_for == {token: words}
    expected = bundled.vectors.encode(["the", *words.split(), "dog"], MAX_TOKENS)[0]
    np.testing.assert_array_equal(bundled.vectors.encode(["the", token, "dog"], MAX_TOKENS)[0], expected)


def test_words_of_the_synthesis_stay_themselves(bundled: Segmenter, glove: WordVectors) -> None:
    categories = [*nouns._COCO, *nouns._CLOTHING]
    singular = {name for category in categories for name in nouns.names(category)}
    words = {word for name in singular for form in (name, nouns.plural(name)) for word in tokenize(form)}
    words |= {*FRAME_WORDS, *COLOURS, "zebra", "giraffe", "snowboard", "frisbee", "teddy"}
    known = sorted(word for word in words if word.isalpha() and word in glove)
    assert len(known) > 400
    assert {word: bundled.vectors.read(word) for word in known} == {word: (word,) for word in known}


def test_words_that_people_use_stay_themselves(bundled: Segmenter, glove: WordVectors, shared_data: Path) -> None:
    counts: Counter[str] = Counter()
    for name in ("trainval", "test"):
        regions = json.loads((shared_data / "referit" / f"referit_query_{name}.json").read_text())
        counts.update(word for phrases in regions.values() for phrase in phrases for word in phrase.lower().split())
    frequent = [word for word, count in counts.items() if count >= 20 and word.isalpha() and word in glove]
    assert len(frequent) > 800
    errors = set("botom bottome buidling bulding fron lft moutain righ teh thats".split())  # noqa: SIM905
    changed = {word for word in frequent if bundled.vectors.read(word) != (word,)}
    assert changed - errors <= {"bot"}  # where a letter was more likely left out of a frequent word


def test_without_expected_words_only_frequency_counts(glove: WordVectors) -> None:
    assert SpelledVectors(glove).read("rightmst") == ("rightist",)
    assert SpelledVectors(glove, ["rightmost"]).read("rightmst") == ("rightmost",)
    assert SpelledVectors(glove, ["rightmostly"]).read("rightmstly") == (), "what has no vector is no reading"


def test_what_is_like_nothing_is_left_out(bundled: Segmenter) -> None:
    words = bundled.words("the qqxzvw, dog \U0001f415")
    assert (words.taken_for, words.ignored) == ({}, ("qqxzvw",))
    with pytest.raises(PhraseError, match="none of the words in 'qqxzvw' is known"):
        bundled.segment(np.zeros((9, 9, 3), dtype=np.uint8), "qqxzvw")


@given(
    st.text(string.ascii_lowercase, min_size=4, max_size=9), st.integers(0, 8), st.sampled_from(string.ascii_lowercase)
)
def test_a_word_with_one_error_is_that_word_when_there_is_no_other(word: str, place: int, letter: str) -> None:
    lexicon = SpelledVectors(WordVectors.from_float([word], np.ones((1, 2), dtype=np.float32)))
    at = place % len(word)
    left, right = word[:at], word[at:]
    for typed in (left + right[1:], left + letter + right, left + letter + right[1:], left + right[1::-1] + right[2:]):
        assert lexicon.read(typed) == (word,)


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_any_token_is_read_as_known_words(bundled: Segmenter, token: str) -> None:
    assert all(word in bundled.vectors for word in bundled.vectors.read(token))


def test_the_wrapped_vectors_are_the_same(glove: WordVectors) -> None:
    lexicon = SpelledVectors(glove)
    assert (lexicon.fingerprint, lexicon.dim) == (glove.fingerprint, glove.dim)
    assert "dog" in lexicon and "whtie" not in lexicon
    tokens = ["left", ",", "dog"]
    for mine, theirs in zip(lexicon.encode(tokens, 5), glove.encode(tokens, 5), strict=True):
        np.testing.assert_array_equal(mine, theirs)
