"""Word vectors: a fixed matrix learned from text alone (GloVe), kept as int8 with one scale a word.

A folder of vectors holds ``words.txt`` (one word a line), ``vectors.npy`` (N, D) int8, memory-mapped, and
``scales.npy`` (N,) float16. Row k of the matrix times scale k is the vector of word k. ``fingerprint.txt`` tells
which vectors these are without reading them all; it covers words and codes, and not the scales, which the network
takes out again (``model.text_encoder``). ``about.json``, where it is there, says where the vectors come from.
Folders are made from text files and text corpora by ``deixis.glove``.

An entry is off by at most half a level of its row, a level being 1/127 of the row's largest entry, plus what the
scale loses as float16. The cosine between a word of the bundled GloVe vectors and its compressed form is 0.99998 on
average and 0.99990 at the lowest (scripts/build_vectors.py).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deixis.errors import CheckpointError, InputError
from deixis.files import atomic_write, read_json
from deixis.types import FloatArray

LEVELS = 127  # int8 without -128, symmetric
LARGEST = LEVELS * 65504.0  # entry whose scale float16 can hold
FREQUENT = 400_000  # first words, among which similar spellings are looked for
_FILES = ("words.txt", "vectors.npy", "scales.npy", "fingerprint.txt")
REMEMBERED = 100_000  # words looked up, known or not, that a list keeps in mind
ROWS_AT_ONCE = 65_536  # decoded when all vectors are looked through; bounds memory


class WordList:
    """N words, each once, in one block of text, in which a word is searched when it is asked for.

    A dictionary of 400,000 words takes longer to build than a picture takes to segment. Frequent words come first
    in GloVe, so the search is short, and what was found is remembered.

    Args:
        text: the words in UTF-8, one a line, without a newline at the end.
    """

    def __init__(self, text: bytes) -> None:
        self._text = b"\n" + text + b"\n"
        self._count = text.count(b"\n") + 1
        self._found: dict[str, int | None] = {}

    @classmethod
    def join(cls, words: Sequence[str]) -> WordList:
        """The list of these words."""
        return cls("\n".join(words).encode("utf-8"))

    def __len__(self) -> int:
        return self._count

    @property
    def text(self) -> bytes:
        """The words in UTF-8, one a line, without a newline at the end."""
        return self._text[1:-1]

    def first(self, count: int) -> list[str]:
        """The first ``count`` words, or all if there are fewer."""
        return [word.decode("utf-8") for word in self.text.split(b"\n", count)[:count]]

    def row(self, word: str) -> int | None:
        """Where a word stands, counted from 0; None when it is not in the list."""
        try:
            return self._found[word]
        except KeyError:  # asked like this because another thread may clear it at any moment
            found = self._search(word)
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        self._found[word] = found
        return found

    def _search(self, word: str) -> int | None:
        if not word or "\n" in word:
            return None
        position = self._text.find(b"\n" + word.encode("utf-8", "replace") + b"\n")
        return None if position < 0 else self._text.count(b"\n", 0, position)


class WordVectors:
    """A fixed matrix of word vectors.

    Args:
        words: N words, each once.
        codes: (N, D) int8.
        scales: (N,) float16 or float32.
        fingerprint: which vectors these are; computed when not given.
        about: where they come from: "origin", "licence", settings; nothing here depends on it.
    """

    def __init__(
        self,
        words: Sequence[str] | WordList,
        codes: NDArray[np.int8],
        scales: NDArray[np.floating],
        fingerprint: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        if codes.ndim != 2 or len(words) != len(codes) or scales.shape != (len(codes),):
            raise CheckpointError(
                f"expected as many words as vectors and scales, got {len(words)} words, codes {codes.shape} "
                f"and scales {scales.shape}"
            )
        self._words = words if isinstance(words, WordList) else WordList.join(words)
        self._codes = codes
        self._scales = scales
        self.fingerprint = fingerprint or _fingerprint(self._words, codes)
        self.about: Mapping[str, Any] = about or {}

    @classmethod
    def from_float(
        cls, words: Sequence[str], vectors: FloatArray, about: Mapping[str, Any] | None = None
    ) -> WordVectors:
        """Compress (N, D) float vectors."""
        return cls(words, *compress(vectors), about=about)

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Open a folder of vectors; the matrix stays on disk until its rows are asked for.

        Raises:
            CheckpointError: not such a folder, or a file of it is missing or damaged.
        """
        if folder.is_file():
            raise CheckpointError(
                f"{folder}: expected a folder of word vectors, got a file; 'deixis embed convert' makes a folder of a "
                "GloVe text file"
            )
        if missing := [name for name in _FILES if not (folder / name).is_file()]:
            raise CheckpointError(f"{folder}: expected {', '.join(_FILES)}; missing: {', '.join(missing)}")
        about = read_json(folder / "about.json") if (folder / "about.json").exists() else {}
        if not isinstance(about, dict):
            raise CheckpointError(f"{folder}/about.json: expected a JSON object, got {type(about).__name__}")
        try:
            text = (folder / "words.txt").read_bytes()
            text.decode("utf-8")
            fingerprint = (folder / "fingerprint.txt").read_text("ascii").strip()
        except (ValueError, EOFError, OSError) as error:
            raise CheckpointError(f"{folder}: the word vectors are damaged: {error}") from error
        codes = _open_array(folder / "vectors.npy", "int8")
        scales = np.array(_open_array(folder / "scales.npy", "float16", "float32"))
        if not np.isfinite(scales).all():
            raise CheckpointError(f"{folder}/scales.npy: expected finite numbers, got others; make the folder again")
        try:
            return cls(WordList(text), codes, scales, fingerprint, about)
        except CheckpointError as error:
            raise CheckpointError(f"{folder}: {error}; make the folder again") from error

    def save(self, folder: Path) -> None:
        """Write the folder that ``load`` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"words.txt": self._words.text, "fingerprint.txt": self.fingerprint.encode("ascii")}
        if self.about:
            texts["about.json"] = json.dumps(dict(self.about), indent=1, ensure_ascii=False).encode("utf-8")
        for name, text in texts.items():
            with atomic_write(folder / name) as temporary:
                temporary.write_bytes(text)
        for name, array in (("vectors.npy", self._codes), ("scales.npy", self._scales)):
            # Of "wb" NumPy would write past Python, and say of a full disk nothing that can be told from a bug.
            with atomic_write(folder / name) as temporary, temporary.open("w+b") as handle:
                np.save(handle, array)

    @property
    def words(self) -> list[str]:
        """All words, in the order of the rows."""
        return self._words.text.decode("utf-8").split("\n")

    def raw(self) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
        """The matrix as it is kept: (N, D) int8 codes and (N,) float16 scales."""
        return np.ascontiguousarray(self._codes), self._scales.astype(np.float16)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._codes.shape[1])

    def frequent(self, count: int) -> list[str]:
        """The first ``count`` words."""
        return self._words.first(count)

    def row(self, word: str) -> int | None:
        """Where a word stands, counted from 0; None when it is unknown."""
        return self._words.row(word)

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: str) -> bool:
        return self._words.row(word) is not None

    def read(self, token: str) -> tuple[str, ...]:
        """See ``Lexicon.read``: a known word is itself; unknown ones and punctuation are left out."""
        return (token,) if is_word(token) and token in self else ()

    def decode(self, rows: NDArray[np.integer]) -> FloatArray:
        """(n, D) float32 vectors of the words in these rows."""
        return np.asarray(self._codes[rows], dtype=np.float32) * self._scales[rows, None].astype(np.float32)

    def encode(self, tokens: Sequence[str], length: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """The first ``length`` known tokens of a phrase, padded on the left (Hu et al. 2016, section 3).

        Unknown tokens and punctuation are left out: a zero vector in the middle of a phrase would tell the
        LSTM less than nothing.

        Returns:
            (length, D) float32 vectors, zero where padded, and (length,) bool that is True at words.
        """
        found = (self._words.row(token) for token in tokens if is_word(token))
        rows = [row for row in found if row is not None][:length]
        vectors = np.zeros((length, self.dim), dtype=np.float32)
        present = np.zeros(length, dtype=bool)
        if rows:
            vectors[-len(rows) :] = self.decode(np.array(rows))
            present[-len(rows) :] = True
        return vectors, present

    def check_dim(self, word_dim: int) -> None:
        """Refuse to serve a model that takes vectors of another length.

        Raises:
            CheckpointError: the lengths differ.
        """
        if self.dim != word_dim:
            raise CheckpointError(
                f"expected word vectors of {word_dim} numbers, the model's word_dim, got vectors of {self.dim}; "
                "give others, or set word_dim to their length and train anew"
            )

    def nearest(self, word: str, count: int) -> list[tuple[str, float]]:
        """The ``count`` other words whose vectors have the largest cosine with that of ``word``, largest first.

        Raises:
            InputError: the word is unknown; the message has known words of a similar spelling.
        """
        row = self._words.row(word)
        if row is None:
            alike = difflib.get_close_matches(word, self.words[:FREQUENT])
            hint = f"similar words are {', '.join(alike)}" if alike else "no frequent word is spelled alike"
            raise InputError(f"expected one of the {len(self):,} known words, got {word!r}; {hint}")
        query = _unit(self.decode(np.array([row])))[0]
        starts = range(0, len(self), ROWS_AT_ONCE)
        blocks = (np.arange(start, min(start + ROWS_AT_ONCE, len(self))) for start in starts)
        cosines = np.concatenate([_unit(self.decode(rows)) @ query for rows in blocks])
        cosines[row] = -np.inf
        best = np.argsort(-cosines, kind="stable")[: min(count, len(self) - 1)]
        words = self.words
        return [(words[index], float(cosines[index])) for index in best]


def _open_array(path: Path, *dtypes: str) -> NDArray[Any]:
    """A .npy file, mapped and not read, so that no header can ask for memory; never one of objects.

    Raises:
        CheckpointError: damaged, shorter than it says, or of another type.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # the header is Python syntax: TokenError, RecursionError, OverflowError, ...
        raise CheckpointError(f"{path}: expected a .npy file, it is damaged or incomplete: {error}") from error
    if array.dtype.name not in dtypes or not array.dtype.isnative:
        raise CheckpointError(f"{path}: expected {' or '.join(dtypes)}, got {array.dtype}")
    return array


def compress(vectors: FloatArray) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """(N, D) float vectors as (N, D) codes and (N,) scales; the largest entry of a row, at most LARGEST, is 127."""
    scales = (np.abs(vectors).max(axis=1) / LEVELS).astype(np.float16)
    safe = np.where(scales == 0, np.float16(1), scales).astype(np.float32)
    return np.clip(np.rint(vectors / safe[:, None]), -LEVELS, LEVELS).astype(np.int8), scales


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
    units: FloatArray = vectors / np.maximum(lengths, np.float32(1e-9))
    return units


def is_word(token: str) -> bool:
    """Whether a token is a word and no punctuation."""
    return any(character.isalnum() for character in token)


def _fingerprint(words: WordList, codes: NDArray[np.int8]) -> str:
    digest = hashlib.sha256(words.text)
    digest.update(np.ascontiguousarray(codes).reshape(-1).data)
    return digest.hexdigest()[:16]
