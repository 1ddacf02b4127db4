"""How often words stand near one another: the matrix X of GloVe, in bounded memory.

A pair of words d words apart, within the window and the sentence, adds 1/d to X[i, j] and to X[j, i] (Pennington et
al. 2014, section 4.2). Words outside of the vocabulary are taken out before distances are counted, as the authors' own
program does.

The corpus is read in blocks of at most ``buffer`` pairs. The sums of a block go to one of several files, chosen by a
hash of the cell (i, j), so that all shares of a cell are in one file, and a file holds about ``buffer`` entries. Each
file is then added up alone. Being chosen by a hash, its cells are also a random part of the matrix, which is what
stochastic descent wants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deixis.glove.corpus import Corpus
from deixis.trainconfig import GloveConfig

_ENTRY = np.dtype([("cell", np.int64), ("x", np.float64)])
Entries = NDArray[np.void]


@dataclass(frozen=True)
class Cooccurrences:
    """The upper triangle of the symmetric X, in files.

    Attributes:
        files: each with other cells.
        size: N, the number of words.
    """

    files: tuple[Path, ...]
    size: int

    def part(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Rows i, columns j >= i, and values X[i, j] > 0 of one file."""
        entries = np.fromfile(self.files[number], _ENTRY)
        rows, columns = np.divmod(entries["cell"], self.size)
        return rows, columns, entries["x"]


def count(corpus: Corpus, config: GloveConfig, scratch: Path) -> Cooccurrences:
    """Count the corpus's co-occurrences into files in ``scratch``."""
    number = math.ceil(corpus.count * config.window / config.buffer)
    files = tuple(scratch / f"cells{part}" for part in range(max(number, 1)))
    for file in files:
        file.touch()
    for pairs in _pairs(corpus, config):
        _append(_add_up(pairs), files)
    for file in files:
        _add_up(np.fromfile(file, _ENTRY)).tofile(file)
    return Cooccurrences(files, len(corpus.words))


def _pairs(corpus: Corpus, config: GloveConfig) -> Iterator[Entries]:
    """All pairs of the corpus, at most ``config.buffer`` or ``config.window`` at a time."""
    size = len(corpus.words)
    words, sentences = np.empty(0, np.int64), np.empty(0, np.int64)
    for new_words, new_sentences in corpus.blocks(max(config.buffer // config.window, 1)):
        done = len(words)  # of the last block; the pairs among them were counted
        words, sentences = np.append(words, new_words), np.append(sentences, new_sentences)
        found = []
        for distance in range(1, min(config.window, len(words) - 1) + 1):
            first = max(done - distance, 0)
            left, right = words[first:-distance], words[first + distance :]
            near = sentences[first:-distance] == sentences[first + distance :]
            left, right = left[near], right[near]
            pairs = np.empty(len(left), _ENTRY)
            pairs["cell"] = np.minimum(left, right) * size + np.maximum(left, right)
            pairs["x"] = np.where(left == right, 2 / distance, 1 / distance)  # on the diagonal both directions meet
            found.append(pairs)
        if found:
            yield np.concatenate(found)
        words, sentences = words[-config.window :], sentences[-config.window :]


def _add_up(entries: Entries) -> Entries:
    """One entry a cell, in the order of the cells."""
    entries = entries[np.argsort(entries["cell"], kind="stable")]
    starts = np.flatnonzero(np.diff(entries["cell"], prepend=-1))
    sums = entries[starts]
    if len(starts):
        sums["x"] = np.add.reduceat(entries["x"], starts)
    return sums


def _append(entries: Entries, files: tuple[Path, ...]) -> None:
    """Each entry to the file that its cell belongs to."""
    mixed = entries["cell"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Knuth's multiplicative hash
    places = (mixed >> np.uint64(32)) % np.uint64(len(files))
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(1, len(files), dtype=np.uint64))
    for file, part in zip(files, np.split(entries[order], ends), strict=True):
        if len(part):
            with file.open("ab") as handle:
                part.tofile(handle)
