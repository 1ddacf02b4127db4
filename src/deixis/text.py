"""Phrases to tokens and tokens to word vectors (Hu et al. 2016, section 3: at most T words, padded on the left)."""

from __future__ import annotations

import re
import unicodedata

from deixis.errors import PhraseError

MAX_TOKENS = 20
MAX_SLUG = 60
_SEPARATOR = re.compile(r"(\W+)")

# A mirrored picture swaps these in whatever was said about it.
_MIRROR = {
    "left": "right",
    "lefts": "rights",
    "leftmost": "rightmost",
    "left-most": "right-most",
    "leftest": "rightest",
    "lefthand": "righthand",
    "leftside": "rightside",
    "leftie": "rightie",
    "lefty": "righty",
    "leftward": "rightward",
    "leftwards": "rightwards",
}
MIRRORED = {**_MIRROR, **{right: left for left, right in _MIRROR.items()}}
_MIRROR_WORD = re.compile(r"\b(" + "|".join(sorted(MIRRORED, key=len, reverse=True)) + r")\b", re.IGNORECASE)

# Words for where something is in the picture, for which one of a row it is, and for its size or number.
LOCATION_WORDS = frozenset(MIRRORED) | frozenset(
    """middle center centre central top bottom upper lower up down above below corner edge side far farthest furthest
    nearest closest front back behind between next half""".split()  # noqa: SIM905 - word lists, not sixty lines
)
ORDINAL_WORDS = frozenset("first second third fourth fifth last 1st 2nd 3rd 4th 5th".split())  # noqa: SIM905
_SIZE_OR_NUMBER = frozenset(
    """biggest largest smallest tallest shortest bigger smaller larger taller shorter big small large tall short only
    all every both two three four group""".split()  # noqa: SIM905
)
# Words whose truth depends on what else is in the frame, so that a crop can make them false.
FRAME_WORDS = LOCATION_WORDS | ORDINAL_WORDS | _SIZE_OR_NUMBER


def tokenize(phrase: str) -> list[str]:
    """Lower-case, split at non-word characters and keep them as tokens, drop blanks and a final full stop.

    Args:
        phrase: free text in any script.

    Raises:
        PhraseError: nothing is left.
    """
    text = unicodedata.normalize("NFKC", phrase).lower().strip()
    tokens = [token.strip() for token in _SEPARATOR.split(text)]
    tokens = [token for token in tokens if token]
    if tokens and tokens[-1] == ".":
        tokens.pop()
    if not tokens:
        raise PhraseError("expected a phrase such as 'the dog on the left', got only blanks")
    return tokens


def mirror(phrase: str) -> str:
    """The phrase that is true of the horizontally flipped picture: left and right change places, case kept."""

    def swap(match: re.Match[str]) -> str:
        word = match.group(0)
        swapped = MIRRORED.get(word.lower())
        if swapped is None:  # IGNORECASE also takes look-alikes such as the dotless i, and they are other words
            return word
        if word.isupper():
            return swapped.upper()
        return swapped.capitalize() if word[0].isupper() else swapped

    return _MIRROR_WORD.sub(swap, phrase)


def depends_on_frame(phrase: str) -> bool:
    """Whether cropping the picture could make the phrase false ("leftmost", "second", "biggest", ...)."""
    return not FRAME_WORDS.isdisjoint(words_of(phrase))


def words_of(phrase: str) -> list[str]:
    """The words of a phrase in lower case, without punctuation: "left-most" is two."""
    return [word for word in re.split(r"[\W_]+", phrase.lower()) if word]


def slug(phrase: str) -> str:
    """A phrase as a part of a file name: a-z, 0-9 and dashes, never empty, at most ``MAX_SLUG`` characters."""
    plain = unicodedata.normalize("NFKD", phrase).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-") or "phrase"
