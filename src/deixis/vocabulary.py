"""Words as numbers for the network: the vectors of ``embeddings.py``, or the rows of an embedding that is learned."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deixis.embeddings import is_word
from deixis.errors import CheckpointError
from deixis.files import atomic_write
from deixis.text import tokenize
from deixis.types import FloatArray

PADDING, UNKNOWN = "<pad>", "<unk>"  # rows 0 and 1


class Lexicon(Protocol):
    """What turns a phrase's tokens into the network's input."""

    @property
    def fingerprint(self) -> str:
        """Tells two lexicons apart."""

    @property
    def dim(self) -> int:
        """Numbers a word."""

    def __contains__(self, word: str) -> bool: ...

    def read(self, token: str) -> tuple[str, ...]:
        """The known words that stand for a token: itself, others, or none where it is left out."""

    def encode(self, tokens: Sequence[str], length: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Tokens to (length, dim) float32, padded with zeros on the left, and (length,) bool that is True at words."""


@dataclass(frozen=True)
class Words:
    """How a phrase was understood.

    Attributes:
        tokens: its words and punctuation.
        read_as: for each token the known words that stand for it: itself, others that it was taken for by its
            spelling, or none where it was left out.
    """

    tokens: tuple[str, ...]
    read_as: tuple[tuple[str, ...], ...]

    @property
    def known(self) -> tuple[bool, ...]:
        """For each token whether it is known as it is spelled."""
        return tuple(words == (token,) for token, words in zip(self.tokens, self.read_as, strict=True))

    @property
    def taken_for(self) -> dict[str, str]:
        """Tokens that were taken for other words, and for which: {"whtie": "white", "rightside": "right side"}."""
        pairs = zip(self.tokens, self.read_as, strict=True)
        return {token: " ".join(words) for token, words in pairs if words not in ((), (token,))}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Words that were left out because nothing like them is known."""
        pairs = zip(self.tokens, self.read_as, strict=True)
        return tuple(token for token, words in pairs if not words and is_word(token))


class Vocabulary:
    """Rows of a learned embedding (the baseline of Hu et al. 2016): each word is its row number, dimension 1.

    Args:
        words: of rows 2 and up, each once; row 0 is the padding and row 1 stands for all other words.
    """

    dim = 1

    def __init__(self, words: Sequence[str]) -> None:
        self.words = (PADDING, UNKNOWN, *words)
        self._rows = {word: row for row, word in enumerate(self.words)}
        self.fingerprint = hashlib.sha256("\n".join(self.words).encode("utf-8")).hexdigest()[:16]

    @classmethod
    def collect(cls, phrases: Iterable[str], minimum: int = 2) -> Vocabulary:
        """The words that occur at least ``minimum`` times, frequent ones first."""
        counts = Counter(token for phrase in phrases for token in tokenize(phrase))
        return cls([word for word, count in sorted(counts.items(), key=lambda x: (-x[1], x[0])) if count >= minimum])

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what ``save`` wrote.

        Raises:
            CheckpointError: missing, or not a vocabulary.
        """
        if not path.is_file():
            raise CheckpointError(f"{path}: expected the vocabulary of a learned embedding, found nothing there")
        words = path.read_text("utf-8").split("\n")
        if words[:2] != [PADDING, UNKNOWN] or len(set(words)) != len(words):
            raise CheckpointError(f"{path}: expected {PADDING}, {UNKNOWN} and then words, each once; it is damaged")
        return cls(words[2:])

    def save(self, path: Path) -> None:
        """Write one word a line."""
        with atomic_write(path) as temporary:
            temporary.write_text("\n".join(self.words), "utf-8")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._rows

    def read(self, token: str) -> tuple[str, ...]:
        """The word itself, or the one that stands for all unknown ones; see ``Lexicon.read``."""
        return (token if token in self else UNKNOWN,)

    def encode(self, tokens: Sequence[str], length: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Row numbers (length, 1) of the first ``length`` tokens; see ``Lexicon.encode``."""
        rows = [self._rows.get(token, 1) for token in tokens][:length]
        numbers = np.zeros((length, 1), dtype=np.float32)
        if rows:
            numbers[-len(rows) :, 0] = rows
        return numbers, numbers[:, 0] != 0
