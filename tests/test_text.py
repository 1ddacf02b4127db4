from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deixis.errors import PhraseError
from deixis.text import FRAME_WORDS, MIRRORED, depends_on_frame, mirror, tokenize


@pytest.mark.parametrize(
    ("phrase", "tokens"),
    [
        ("The man, left", ["the", "man", ",", "left"]),
        ("dog.", ["dog"]),
        ("dog...", ["dog", "..."]),
        ("the man's t-shirt", ["the", "man", "'", "s", "t", "-", "shirt"]),
        ("  two   dogs ", ["two", "dogs"]),
        ("Köter links", ["köter", "links"]),
        ("\uff24\uff2f\uff27", ["dog"]),  # full-width letters
        ("左の犬", ["左の犬"]),
        ("2nd from left", ["2nd", "from", "left"]),
        ("a.b", ["a", ".", "b"]),
    ],
)
def test_tokenize(phrase: str, tokens: list[str]) -> None:
    assert tokenize(phrase) == tokens


@pytest.mark.parametrize("phrase", ["", " ", "\t\n", ".", " . "])
def test_nothing_said_is_an_error(phrase: str) -> None:
    with pytest.raises(PhraseError, match="expected a phrase"):
        tokenize(phrase)


@given(st.text())
def test_tokens_are_never_blank(phrase: str) -> None:
    try:
        tokens = tokenize(phrase)
    except PhraseError:
        return
    assert tokens
    assert all(token and token == token.strip() for token in tokens)


@pytest.mark.parametrize(
    ("phrase", "mirrored"),
    [
        ("man on the left", "man on the right"),
        ("Left dog, not the RIGHT one", "Right dog, not the LEFT one"),
        ("leftmost and right-most", "rightmost and left-most"),
        ("lefty", "righty"),
        ("bright cleft", "bright cleft"),
        ("top dog", "top dog"),
        ("", ""),
    ],
)
def test_mirror(phrase: str, mirrored: str) -> None:
    assert mirror(phrase) == mirrored


@given(st.lists(st.sampled_from([*MIRRORED, "LEFT", "Right", "the", "dog", "bright", ",", "-", "left_side"])))
def test_mirror_is_an_involution(words: list[str]) -> None:
    phrase = " ".join(words)
    assert mirror(mirror(phrase)) == phrase


@given(st.text())
@example("left\u017f")  # the long s is an s to re.IGNORECASE
@example("r\u0131ght")  # and so is the dotless i an i
@example("r\u0130GHT")
def test_mirror_takes_any_text(phrase: str) -> None:
    assert len(mirror(phrase).split()) == len(phrase.split())


@pytest.mark.parametrize("word", sorted(MIRRORED))
def test_every_mirrored_word_changes_and_depends_on_the_frame(word: str) -> None:
    assert mirror(word) != word
    assert mirror(word.upper()) == mirror(word).upper()
    assert word in FRAME_WORDS


@pytest.mark.parametrize(
    ("phrase", "depends"),
    [
        ("the biggest dog", True),
        ("Second from LEFT", True),
        ("dog (left)", True),
        ("right-most cup", True),
        ("red dog", False),
        ("bright leftover", False),
        ("", False),
    ],
)
def test_depends_on_frame(phrase: str, depends: bool) -> None:
    assert depends_on_frame(phrase) is depends
