"""GloVe: vectors whose inner products are the logarithms of co-occurrence (Pennington et al. 2014, equation 8).

    J = sum over i, j of f(X_ij) (w_i . c_j + b_i + b'_j - log X_ij)^2,    f(x) = min(1, (x / x_max)^exponent)

It is minimised by AdaGrad over batches of cells, and the vector of a word is w_i + c_i. Everything is in float32 on one
thread, so the same text and seed give the same bytes on the same machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deixis.embeddings import WordVectors
from deixis.errors import DataError
from deixis.glove.cooccurrence import Cooccurrences, count
from deixis.glove.corpus import index
from deixis.trainconfig import GloveConfig
from deixis.types import FloatArray


@dataclass(frozen=True)
class Epoch:
    """How far training is.

    Attributes:
        number, of: epochs done, and all.
        loss: mean over the cells of f(X) times the squared error, measured as the epoch went.
    """

    number: int
    of: int
    loss: float


def train(
    sentences: Iterable[Sequence[str]],
    config: GloveConfig,
    scratch: Path,
    report: Callable[[Epoch], object] = lambda epoch: None,
    origin: str = "",
) -> WordVectors:
    """Train word vectors on sentences of words.

    Memory: the different words of the text, 16 bytes for each number of the vectors (V words of ``config.dim`` + 2),
    and about 100 bytes for each of ``config.buffer`` pairs. Disk: 4 bytes a word of the text and at most 16 bytes a
    pair within a window, most of which are added up before.

    Args:
        sentences: read once.
        config: the settings.
        scratch: an existing folder for what does not fit in memory; left empty.
        report: called after each epoch.
        origin: of the text, kept with the vectors.

    Raises:
        DataError: too little text: no word is frequent enough, or none stands near another.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        corpus = index(sentences, config, Path(folder))
        vectors = fit(count(corpus, config, Path(folder)), config, report)
    return WordVectors.from_float(corpus.words, vectors, {"origin": origin, "glove": asdict(config)})


def fit(
    cooccurrences: Cooccurrences, config: GloveConfig, report: Callable[[Epoch], object] = lambda epoch: None
) -> FloatArray:
    """(N, D) float32 vectors of the N words of a co-occurrence matrix."""
    rng = np.random.default_rng(config.seed)
    # A row is [w, b, 1] on one side and [c, 1, b'] on the other, so that their product is w . c + b + b'.
    words, contexts = (_Table(rng, cooccurrences.size, config, fixed) for fixed in (-1, -2))
    for epoch in range(config.epochs):
        total, cells = 0.0, 0
        for rows, columns, x in _batches(cooccurrences, config, rng):
            left, right = words.values[rows], contexts.values[columns]
            weights = ((np.minimum(x, config.x_max) / config.x_max) ** config.exponent).astype(np.float32)
            errors = np.einsum("nd,nd->n", left, right) - np.log(x).astype(np.float32)
            pulls = (weights * errors)[:, None]
            words.descend(rows, pulls * right)
            contexts.descend(columns, pulls * left)
            total += float(np.sum(weights * errors**2, dtype=np.float64))
            cells += len(x)
        if not cells:
            raise DataError("expected sentences of several words, got none in which two known words stand together")
        report(Epoch(epoch + 1, config.epochs, total / cells))
    return words.values[:, : config.dim] + contexts.values[:, : config.dim]


class _Table:
    """One side's vectors and biases, with AdaGrad's sums of squares; the column ``fixed`` stays one."""

    def __init__(self, rng: np.random.Generator, size: int, config: GloveConfig, fixed: int) -> None:
        self.values = (rng.random((size, config.dim + 2), dtype=np.float32) - np.float32(0.5)) / np.float32(config.dim)
        self.values[:, fixed] = 1
        self._squares = np.ones_like(self.values)
        self._rate, self._fixed = np.float32(config.learning_rate), fixed

    def descend(self, rows: NDArray[np.int64], gradients: FloatArray) -> None:
        """One step: (B,) rows, which may repeat, and the gradient of each, (B, D + 2)."""
        order = np.argsort(rows, kind="stable")
        starts = np.flatnonzero(np.diff(rows[order], prepend=-1))
        sums = np.add.reduceat(gradients[order], starts, axis=0)
        sums[:, self._fixed] = 0
        changed = rows[order][starts]
        self._squares[changed] += sums**2
        self.values[changed] -= self._rate * sums / np.sqrt(self._squares[changed])


def _batches(
    cooccurrences: Cooccurrences, config: GloveConfig, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Every cell of X once, both triangles, in a new order: rows, columns and values of a batch."""
    for number in rng.permutation(len(cooccurrences.files)):
        upper, lower, values = cooccurrences.part(int(number))
        once = np.flatnonzero(upper != lower)
        rows, columns = np.append(upper, lower[once]), np.append(lower, upper[once])
        x = np.append(values, values[once])
        order = rng.permutation(len(x))
        for start in range(0, len(x), config.batch):
            batch = order[start : start + config.batch]
            yield rows[batch], columns[batch], x[batch]
