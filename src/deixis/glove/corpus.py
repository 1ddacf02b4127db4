"""A text corpus as numbers: read once, kept on disk, with its vocabulary."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deixis.embeddings import is_word
from deixis.errors import DataError, PhraseError
from deixis.files import read_lines
from deixis.text import tokenize
from deixis.trainconfig import GloveConfig

STDIN = Path("-")
END = -1  # of a sentence, in the file of tokens
TOKENS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Corpus:
    """Sentences as numbers.

    Attributes:
        words: the vocabulary, the most frequent word first.
        tokens: file of int32: numbers in the order in which words were first met, and END after each sentence.
        ranks: (K,) int32, the place in ``words`` of each of these numbers, -1 for words that were left out.
        count: how many tokens the file has, ENDs not counted.
    """

    words: list[str]
    tokens: Path
    ranks: NDArray[np.int32]
    count: int

    def blocks(self, size: int) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
        """Words of the vocabulary, those of at most ``size`` entries of the file at a time.

        Returns:
            Places in ``words``, and the number of the sentence that each stands in.
        """
        sentence = 0
        with self.tokens.open("rb") as handle:
            while len(entries := np.fromfile(handle, np.int32, size)):
                sentences = sentence + np.cumsum(entries == END)
                sentence = int(sentences[-1])
                ranks = np.where(entries == END, -1, self.ranks[entries])
                known = ranks >= 0
                yield ranks[known].astype(np.int32), sentences[known]


def read_sentences(
    paths: Sequence[Path], report: Callable[[int], object] = lambda sentences: None
) -> Iterator[list[str]]:
    """Words of text files, one sentence a line; the path "-" is standard input. Tokens are those of a phrase.

    Raises:
        DataError: no such file, not UTF-8, or a line that is far too long; the message names the line.
    """
    for path in paths:
        lines = read_lines(Path("standard input"), sys.stdin.buffer) if path == STDIN else read_lines(path)
        for _, line in lines:
            report(1)
            try:
                yield [token for token in tokenize(line) if is_word(token)]
            except PhraseError:  # an empty line
                continue


def index(sentences: Iterable[Sequence[str]], config: GloveConfig, scratch: Path) -> Corpus:
    """Number the words, write the numbers to a file in ``scratch``, and choose the vocabulary.

    In memory are the different words, rare ones included, and ``TOKENS_AT_ONCE`` numbers.

    Raises:
        DataError: no word occurs ``config.min_count`` times.
    """
    numbers: dict[str, int] = {}
    counts: list[int] = []
    path = scratch / "tokens"
    with path.open("wb") as handle:
        waiting = array("i")
        for sentence in sentences:
            for word in sentence:
                number = numbers.setdefault(word, len(counts))
                if number == len(counts):
                    counts.append(0)
                counts[number] += 1
                waiting.append(number)
            waiting.append(END)
            if len(waiting) >= TOKENS_AT_ONCE:
                waiting.tofile(handle)
                del waiting[:]
        waiting.tofile(handle)
    words = [word for word, number in numbers.items() if counts[number] >= config.min_count]
    words.sort(key=lambda word: (-counts[numbers[word]], word))
    del words[config.max_words :]
    if not words:
        raise DataError(
            f"expected a corpus in which some word occurs {config.min_count} times, got {sum(counts)} words of which "
            "none does; give more text or lower min_count"
        )
    ranks = np.full(len(counts), -1, np.int32)
    ranks[[numbers[word] for word in words]] = np.arange(len(words))
    return Corpus(words, path, ranks, sum(counts))
