"""GloVe's text files, of any dimension, to a folder of word vectors.

A line is ``word v1 ... vD`` in UTF-8, separated by single spaces. The last D fields are the vector, since a few words
of GloVe 840B hold spaces themselves. A first line of two whole numbers is word2vec's header ``N D``.
"""

from __future__ import annotations

import itertools
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from deixis.embeddings import LARGEST, WordList, WordVectors, compress
from deixis.errors import DataError
from deixis.files import atomic_folder, read_lines

ROWS_AT_ONCE = 4096
_HEADER = re.compile(r"(\d{1,18}) ([1-9]\d{0,17})", re.ASCII)


@dataclass(frozen=True)
class Conversion:
    """What became of a text file.

    Attributes:
        vectors: the folder's content.
        left_out: lines whose word is empty or came before; the first vector of a word stays.
    """

    vectors: WordVectors
    left_out: int


def convert(
    source: Path,
    folder: Path,
    words: int | None = None,
    licence: str = "",
    report: Callable[[int], object] = lambda rows: None,
) -> Conversion:
    """Compress a GloVe text file into a new folder of word vectors.

    In memory are the words and ``ROWS_AT_ONCE`` vectors at a time; codes go straight to disk.

    Args:
        source: the text file.
        folder: to be made.
        words: how many lines to take, from the first; None for all. GloVe's first words are the most frequent.
        licence: of the vectors, kept beside them.
        report: called with the number of rows that were read since the last call.

    Raises:
        DataError: the text file is malformed, or ``folder`` is there already.
    """
    about = {"origin": source.name, **({"licence": licence} if licence else {})}
    with atomic_folder(folder) as made, tempfile.TemporaryFile(dir=made) as scratch:
        kept, scales, left_out = _compress(itertools.islice(read_glove(source), words), scratch, report)
        if not len(scales):
            raise DataError(f"{source}: expected words, got only empty ones")
        codes = np.memmap(scratch, np.int8, "r").reshape(len(scales), -1)
        WordVectors(kept, codes, scales, about=about).save(made)
    return Conversion(WordVectors.load(folder), left_out)


def _compress(
    rows: Iterator[tuple[str, list[float]]], scratch: BinaryIO, report: Callable[[int], object]
) -> tuple[WordList, NDArray[np.float16], int]:
    """Write the codes of the words, each once, to ``scratch``; gives words, scales and how many rows were left out."""
    text, seen, read = bytearray(), {""}, 0
    scales = [np.empty(0, np.float16)]
    while block := list(itertools.islice(rows, ROWS_AT_ONCE)):
        new = []
        for word, values in block:
            if word not in seen:
                seen.add(word)
                new.append(values)
                text += word.encode("utf-8") + b"\n"
        if new:
            codes, more = compress(np.array(new, dtype=np.float32))
            scratch.write(codes.tobytes())
            scales.append(more)
        read += len(block)
        report(len(block))
    scratch.flush()
    return WordList(bytes(text[:-1])), np.concatenate(scales), read - (len(seen) - 1)


def read_glove(path: Path) -> Iterator[tuple[str, list[float]]]:
    """Words and vectors of a GloVe text file, one line at a time.

    Raises:
        DataError: no such file, nothing in it, not UTF-8, another number of values than in the line before, a value
            that is not a finite number, or fewer lines than the header says; the message names file and line.
    """
    promised, dim, count = None, 0, 0
    for number, text in read_lines(path):
        line = text.rstrip(" ")
        if not line:
            continue
        header = _HEADER.fullmatch(line) if number == 1 else None
        if header:
            promised, dim = int(header[1]), int(header[2])
            continue
        dim = dim or _dimension(line)
        try:
            yield _row(line, dim)
        except ValueError as error:
            raise DataError(f"{path}: line {number}: {error}") from None
        count += 1
    if promised not in (None, count):
        raise DataError(f"{path}: expected the {promised} words of its first line, got {count}; fetch the file again")
    if not count:
        raise DataError(f"{path}: expected lines 'word v1 ... vD', got an empty file")


def _dimension(line: str) -> int:
    """How many numbers end a line, the first field being the word whatever it is."""
    return len(list(itertools.takewhile(_is_number, reversed(line.split(" ")[1:]))))


def _row(line: str, dim: int) -> tuple[str, list[float]]:
    """Raises ValueError that says what is wrong with the line."""
    word, *fields = line.rsplit(" ", min(dim, len(line)))
    surplus = _dimension(f"_ {word}") if " " in word else 0
    if not dim or len(fields) != dim or surplus:
        wanted = f"{dim} values, as in the first line" if dim else "values"
        raise ValueError(f"expected a word and {wanted}, got {len(fields) + surplus} values")
    try:
        values = [float(field) for field in fields]
    except ValueError:
        wrong = next(field for field in fields if not _is_number(field))
        raise ValueError(f"expected {dim} numbers after the word, got {wrong[:40]!r} among them") from None
    if not sum(map(abs, values)) <= LARGEST:  # false for NaN as well
        raise ValueError(f"expected finite numbers whose sizes add up to {LARGEST:g} at most, got others")
    return word, values


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
