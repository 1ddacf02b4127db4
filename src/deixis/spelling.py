"""Words that are not spelled as the vectors know them: typing errors, two words in one, endings of one's own.

A noisy channel (Kernighan, Church and Gale 1990): of all words that a token may have been meant as, the one for which
P(word) P(token | word) is largest. P(word) follows from the word's place in the list, which frequent words lead.
P(token | word) knows four typing errors, equally often: a letter left out, two letters exchanged, a letter replaced, a
letter too much. Of the last two there are some 25 for each place, so that each single one is that much rarer. A word
of the list may be a typing error too ("teh"): it competes with its own P(word), which a rare word loses to a
frequent one that lies near. Nothing is built before a word is met that is not frequent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from deixis.embeddings import REMEMBERED, WordList, WordVectors
from deixis.types import FloatArray

TRUSTED = 10_000  # the first words are taken as they are spelled
CANDIDATES = 50_000  # the first words, which others can be taken for
EXPECTED_RANK = 300  # of words that the model was taught, wherever they stand in the list
BEND = 8_000  # rank from which on frequencies fall with its square (Ferrer i Cancho and Sole 2001)
LONGEST = 24  # letters of a token that is read as another word
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ENDINGS = ("s", "es", "est", "ish", "ie", "ies", "y", "ward")

# P(token | word), of each single error of its kind and up to the token's length.
TYPING = 0.02
_ONE_WAY = TYPING / 4  # left out or exchanged
_ONE_LETTER = TYPING / 4 / len(_LETTERS)  # replaced or too much
_DOUBLED = _ONE_WAY / 3
_NO_BLANK = TYPING / 4
_OTHER_VOWELS = TYPING / 1000
_ENDING = TYPING / 10


class SpelledVectors:
    """Word vectors for tokens of any spelling; a ``Lexicon``.

    Args:
        vectors: of the words that are known.
        expected: words that are likelier than their place in the list says: those that the model was taught.
    """

    def __init__(self, vectors: WordVectors, expected: Iterable[str] = ()) -> None:
        self._vectors = vectors
        self._expected = frozenset(expected)
        self._read: dict[str, tuple[str, ...]] = {}

    @property
    def fingerprint(self) -> str:
        """That of the vectors."""
        return self._vectors.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._vectors.dim

    def __contains__(self, word: str) -> bool:
        return word in self._vectors

    def encode(self, tokens: Sequence[str], length: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """The vectors of the words that the tokens are read as; see ``WordVectors.encode``."""
        return self._vectors.encode([word for token in tokens for word in self.read(token)], length)

    def read(self, token: str) -> tuple[str, ...]:
        """The known words that a token stands for: itself, others by its spelling, or none."""
        if token not in self._read:
            if len(self._read) >= REMEMBERED:
                self._read.clear()
            self._read[token] = self._best(token)
        return self._read[token]

    def _best(self, token: str) -> tuple[str, ...]:
        row = self._vectors.row(token)
        best = self._vectors.read(token)
        trusted = row is not None and (row < TRUSTED or token in self._expected)
        if trusted or not (token.isalpha() and len(token) <= LONGEST):
            return best
        most = 0.0 if row is None else _probability(row)
        meant = self._typed(token) if row is not None else chain(self._typed(token), self._coined(token))
        for words, likelihood in meant:
            probability = likelihood * math.prod(map(self._probability, words))
            if probability > most and all(word in self._vectors for word in words):
                best, most = words, probability
        return best

    def _typed(self, token: str) -> Iterator[tuple[tuple[str, ...], float]]:
        """Words of which a token may be a typing error, each with P(token | word)."""
        for word, likelihood in _edits(token):
            yield (word,), likelihood / len(token)

    def _coined(self, token: str) -> Iterator[tuple[tuple[str, ...], float]]:
        """Words that an unknown token may be made of, or may have in common the consonants with; as ``_typed``."""
        for ending in _ENDINGS:
            if token.endswith(ending):
                yield (token.removesuffix(ending),), _ENDING
        for place in range(2, len(token) - 1):
            yield (token[:place], token[place:]), _NO_BLANK
        skeleton = _skeleton(token.encode("utf-8"))
        row = self._index.skeletons.row(skeleton.decode("utf-8")) if len(skeleton) > 3 else None
        if row is not None:
            yield (self._index.words[row],), _OTHER_VOWELS

    def _probability(self, word: str) -> float:
        """P(word); 0 for words that nothing is taken for."""
        rank = self._index.ranks.get(word)
        if word in self._expected:
            rank = EXPECTED_RANK if rank is None else min(rank, EXPECTED_RANK)
        return 0.0 if rank is None else _probability(rank)

    @cached_property
    def _index(self) -> _Index:
        return _Index(self._vectors.frequent(CANDIDATES))


class _Index:
    """Frequent words in order: their places, and their consonants."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.ranks = {word: rank for rank, word in enumerate(words)}
        self.skeletons = WordList(_skeleton("\n".join(words).encode("utf-8")))


def _skeleton(text: bytes) -> bytes:
    return text.translate(None, b"aeiouy")


def _probability(rank: int) -> float:
    """P(word) of the word at a place of the list."""
    return 0.1 / ((rank + 3) * (1 + rank / BEND))


def _edits(token: str) -> Iterator[tuple[str, float]]:
    """What a token may have been before one typing error; only the likelier kinds where the token is short."""
    splits = [(token[:place], token[place:]) for place in range(len(token) + 1)]
    for left, right in splits:
        if len(right) > 1:
            yield left + right[1] + right[0] + right[2:], _ONE_WAY
        if len(token) > 2:
            yield from ((left + letter + right, _ONE_WAY) for letter in _LETTERS)
        if len(token) > 3 and right:
            yield left + right[1:], _DOUBLED if left.endswith(right[0]) else _ONE_LETTER
            yield from ((left + letter + right[1:], _ONE_LETTER) for letter in _LETTERS)
