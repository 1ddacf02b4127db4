"""From a text to a mask: vectors trained on sentences, a model trained on these, and a phrase asked with both."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError
from deixis.export import export
from deixis.glove.fit import train as train_glove
from deixis.glove.textfile import convert
from deixis.modelfile import ModelFile
from deixis.segmenter import Segmenter
from deixis.train.ablate import open_run
from deixis.train.loop import train
from deixis.trainconfig import GloveConfig
from tiny import DIM, WORDS, tiny_model, tiny_run

PICTURE = np.random.default_rng(3).integers(0, 256, (48, 61, 3), dtype=np.uint8)


def test_vectors_from_text_serve_a_model(tmp_path: Path) -> None:
    sentences = [list(pair) for pair in itertools.combinations(WORDS, 2)]
    glove = train_glove(sentences, GloveConfig(dim=DIM, min_count=1, epochs=2), tmp_path)
    config = tiny_run(tmp_path, steps=1, model=tiny_model(objects=False), vectors="glove")
    glove.save(tmp_path / "glove")
    best = train(config, tmp_path / "run", tmp_path, lambda progress: None)  # "glove" starts from the root
    with pytest.raises(CheckpointError, match=rf"expected the words {glove.fingerprint} .* got"):
        open_run(best)
    export(best, tmp_path / "m.deixis")
    assert ModelFile.read(tmp_path / "m.deixis").vectors == glove.fingerprint
    result = Segmenter.load(tmp_path / "m.deixis", vectors=tmp_path / "glove").segment(PICTURE, "left circle")
    assert result.mask.shape == (48, 61) and np.isfinite(result.probability).all()

    # The same numbers as a text file of GloVe are the same vectors, and the same answer.
    rows = zip(glove.words, glove.decode(np.arange(len(glove))).tolist(), strict=True)
    text = "".join(f"{word} {' '.join(map(repr, values))}\n" for word, values in rows)
    (tmp_path / "glove.txt").write_text(text, "utf-8")
    convert(tmp_path / "glove.txt", tmp_path / "converted")
    again = Segmenter.load(tmp_path / "m.deixis", vectors=tmp_path / "converted").segment(PICTURE, "left circle")
    assert np.array_equal(again.probability, result.probability)

    with pytest.raises(CheckpointError, match=rf"{glove.fingerprint} \({DIM} numbers a word\) .* got \w+ \(50\)"):
        Segmenter.load(tmp_path / "m.deixis")


def test_training_refuses_vectors_of_another_length(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    WordVectors.from_float(WORDS, np.ones((len(WORDS), 5), np.float32)).save(tmp_path / "short")
    with pytest.raises(CheckpointError, match=rf"expected word vectors of {DIM} numbers.*word_dim.* got vectors of 5"):
        train(replace(config, vectors="short"), tmp_path / "run", tmp_path, lambda progress: None)
