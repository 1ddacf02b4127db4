"""Words that are not spelled as the vectors know them: typing errors, two words in one, endings of one's own.

A noisy channel (Kernighan, Church and Gale 1990): of all words that a token may have been meant as, the one for which
P(word) P(token | word) is largest. P(word) follows from the word's place in the list, which frequent words lead.
P(token | word) knows four typing errors, equally often: a letter left out, two letters exchanged, a letter replaced, a
letter too much. Of the last two there are some 25 for each place, so that each single one is that much rarer. A word
of the list may be a typing error too ("teh"): it competes with its own P(word), which a rare word loses to a
frequent one that lies near. Nothing is built before the first word that is not frequent.
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
CONSONANTS = 4  # at least, of a token that is read as the word with the same ones
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ENDINGS = ("s", "es", "est", "ish", "ie", "ies", "y", "ward")

# P(token | word), of typing errors per letter of the token.
TYPING = 0.02  # of any error in a word
_ONE_WAY = TYPING / 4  # a letter left out, or exchanged with the next
_ONE_LETTER = TYPING / 4 / len(_LETTERS)  # replaced, or too much
_DOUBLED = _ONE_WAY / 3
_NO_BLANK = TYPING / 4
_ENDING = TYPING / 10
_OTHER_VOWELS = TYPING / 1000

Meant = tuple[tuple[str, ...], float]  # words, and P(token | words)


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
            self._read[token] = self._likeliest(token)
        return self._read[token]

    def _likeliest(self, token: str) -> tuple[str, ...]:
        row = self._vectors.row(token)
        best = self._vectors.read(token)
        trusted = row is not None and (row < TRUSTED or token in self._expected)
        if trusted or not token.isalpha() or len(token) > LONGEST:
            return best
        most = 0.0 if row is None else _probability(row)
        meant = _edits(token) if row is not None else chain(_edits(token), self._made_up(token))
        for words, likelihood in meant:
            probability = likelihood * math.prod(map(self._probability, words))
            if probability > most and all(word in self._vectors for word in words):
                best, most = words, probability
        return best

    def _made_up(self, token: str) -> Iterator[Meant]:
        """What an unknown token may consist of, and the most frequent word with its consonants."""
        for ending in _ENDINGS:
            if token.endswith(ending):
                yield (token.removesuffix(ending),), _ENDING
        for place in range(2, len(token) - 1):
            yield (token[:place], token[place:]), _NO_BLANK
        consonants = _consonants(token)
        row = self._frequent.consonants.row(consonants) if len(consonants) >= CONSONANTS else None
        if row is not None:
            yield (self._frequent.words[row],), _OTHER_VOWELS

    def _probability(self, word: str) -> float:
        """P(word); 0 for words that nothing is taken for."""
        rank = self._frequent.ranks.get(word)
        if word in self._expected:
            rank = EXPECTED_RANK if rank is None else min(rank, EXPECTED_RANK)
        return 0.0 if rank is None else _probability(rank)

    @cached_property
    def _frequent(self) -> _Frequent:
        return _Frequent(self._vectors.frequent(CANDIDATES))


class _Frequent:
    """Words by what is asked about them: their places in the list, and their consonants in the same order."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.ranks = {word: rank for rank, word in enumerate(words)}
        self.consonants = WordList(_consonants("\n".join(words)).encode("utf-8"))


def _consonants(text: str) -> str:
    return text.encode("utf-8").translate(None, b"aeiouy").decode("utf-8")


def _probability(rank: int) -> float:
    """P(word) of the word at a place of the list."""
    return 0.1 / ((rank + 3) * (1 + rank / BEND))


def _edits(token: str) -> Iterator[Meant]:
    """What a token may have been before one typing error; only the likelier kinds where the token is short."""
    for place in range(len(token) + 1):
        left, right = token[:place], token[place:]
        before = {left + right[1:2] + right[:1] + right[2:]: _ONE_WAY}
        if len(token) > 2:
            before |= dict.fromkeys((left + letter + right for letter in _LETTERS), _ONE_WAY)
        if len(token) > 3 and right:
            before[left + right[1:]] = _DOUBLED if left.endswith(right[0]) else _ONE_LETTER
            before |= dict.fromkeys((left + letter + right[1:] for letter in _LETTERS), _ONE_LETTER)
        for word, likelihood in before.items():
            if word != token:
                yield (word,), likelihood / len(token)
