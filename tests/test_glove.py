"""GloVe on a corpus: counts as the definition has them, in any amount of memory, and neighbours as planted."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deixis.embeddings import WordVectors
from deixis.errors import DataError
from deixis.glove.cooccurrence import Cooccurrences, count
from deixis.glove.corpus import STDIN, index, read_sentences
from deixis.glove.fit import Epoch, train
from deixis.trainconfig import GloveConfig

CLUSTERS = {"animal": ("dog", "cat", "horse"), "colour": ("red", "green", "blue"), "place": ("left", "right", "top")}
MEMBERS = {word for cluster in CLUSTERS.values() for word in cluster}


def planted(sentences: int = 2000, seed: int = 0) -> list[list[str]]:
    """Words of a cluster stand among the same three words, and never next to one another."""
    rng = np.random.default_rng(seed)
    names = list(CLUSTERS)
    chosen = [(names[rng.integers(3)], rng.integers(3), rng.permutation(3)) for _ in range(sentences)]
    return [
        [f"{name}{order[0]}", CLUSTERS[name][word], f"{name}{order[1]}", f"{name}{order[2]}"]
        for name, word, order in chosen
    ]


def alike(vectors: WordVectors, word: str) -> set[str]:
    """The two nearest of the clusters' words; the words around them are near as well, and not meant."""
    near = [other for other, _ in vectors.nearest(word, len(vectors)) if other in MEMBERS]
    return set(near[:2])


PLANTED = GloveConfig(dim=8, window=3, min_count=1, x_max=10, epochs=100, batch=16)


def naive(sentences: Sequence[Sequence[str]], vocabulary: Sequence[str], window: int) -> dict[tuple[str, str], float]:
    """X by its definition: for each word each other within the window on either side, 1 / distance."""
    found: Counter[tuple[str, str]] = Counter()
    for sentence in sentences:
        known = [word for word in sentence if word in vocabulary]
        for (i, word), (j, other) in itertools.product(enumerate(known), repeat=2):
            if 0 < abs(i - j) <= window:
                found[word, other] += 1 / abs(i - j)
    return dict(found)


def dense(cells: Cooccurrences) -> np.ndarray:
    """X as an (N, N) array; a cell that is in two files would be an error."""
    matrix = np.zeros((cells.size, cells.size))
    for number in range(len(cells.files)):
        rows, columns, x = cells.part(number)
        assert (rows <= columns).all() and not matrix[rows, columns].any()
        matrix[rows, columns] = x
    return matrix + np.triu(matrix, 1).T


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from("abcdefg"), max_size=9), min_size=1, max_size=8).filter(any),
    st.integers(1, 6),
    st.integers(3, 60),
    st.integers(1, 2),
)
def test_counts_are_those_of_the_definition_in_any_memory(
    sentences: list[list[str]], window: int, buffer: int, min_count: int
) -> None:
    frequency = Counter(itertools.chain.from_iterable(sentences))
    if max(frequency.values()) < min_count:
        return
    for size in (buffer, GloveConfig.buffer):
        config = GloveConfig(window=window, buffer=size, min_count=min_count)
        with TemporaryDirectory() as folder:
            corpus = index(sentences, config, Path(folder))
            cells = count(corpus, config, Path(folder))
            assert len(cells.files) == max(1, -(-sum(frequency.values()) * window // size))
            got = dense(cells)
        expected = naive(sentences, corpus.words, window)
        pairs = itertools.product(corpus.words, repeat=2)
        assert np.allclose(got.ravel(), [expected.get(pair, 0) for pair in pairs], rtol=1e-12, atol=0)


def test_a_small_buffer_holds_little_at_once(tmp_path: Path) -> None:
    config = GloveConfig(window=3, min_count=1, buffer=100)
    cells = count(index(planted(), config, tmp_path), config, tmp_path)
    sizes = [len(cells.part(number)[0]) for number in range(len(cells.files))]
    assert len(sizes) == 240 and max(sizes) <= config.buffer


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_count": 1}, ["b", "a", "c", "d"]),
        ({"min_count": 2}, ["b", "a", "c"]),
        ({"min_count": 3}, ["b"]),
        ({"min_count": 1, "max_words": 2}, ["b", "a"]),
    ],
)
def test_the_vocabulary_is_the_most_frequent_words(tmp_path: Path, changes: dict[str, int], words: list[str]) -> None:
    corpus = index(["bcab", "dcb", "a"], GloveConfig(**changes), tmp_path)
    assert corpus.words == words
    assert corpus.count == 8


def test_neighbours_are_those_planted_and_the_loss_falls(tmp_path: Path) -> None:
    epochs: list[Epoch] = []
    vectors = train(planted(), PLANTED, tmp_path, epochs.append)
    for cluster in CLUSTERS.values():
        for word in cluster:
            assert alike(vectors, word) == set(cluster) - {word}
    assert [(epoch.number, epoch.of) for epoch in epochs] == [(number, 100) for number in range(1, 101)]
    assert epochs[-1].loss < 0.2 * epochs[0].loss
    assert list(tmp_path.iterdir()) == [], "nothing stays in the scratch folder"


def test_products_of_vectors_are_logarithms_of_counts(tmp_path: Path) -> None:
    """Where the text has only one pair, its loss goes to zero."""
    epochs: list[Epoch] = []
    train([["a", "b"]] * 50, GloveConfig(dim=4, epochs=200), tmp_path, epochs.append)
    assert epochs[-1].loss < 1e-4 < epochs[0].loss


def saved(vectors: WordVectors, folder: Path) -> dict[str, bytes]:
    vectors.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    changes = [{}, {}, {"seed": 1}]
    runs = [
        saved(train(planted(300), GloveConfig(**vars(PLANTED) | change), tmp_path), tmp_path / str(number))
        for number, change in enumerate(changes)
    ]
    assert runs[0] == runs[1]
    assert runs[0]["words.txt"] == runs[2]["words.txt"] and runs[0]["vectors.npy"] != runs[2]["vectors.npy"]


def test_a_small_buffer_learns_the_same(tmp_path: Path) -> None:
    config = GloveConfig(**vars(PLANTED) | {"buffer": 2000})
    vectors = train(planted(), config, tmp_path)
    assert alike(vectors, "dog") == {"cat", "horse"}


def test_vectors_tell_how_they_were_made(tmp_path: Path) -> None:
    train(planted(50), PLANTED, tmp_path, origin="x.txt").save(tmp_path / "v")
    about = WordVectors.load(tmp_path / "v").about
    assert about["origin"] == "x.txt" and about["glove"] == vars(PLANTED)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([], "occurs 5 times, got 0 words"),
        ([["a", "b"]] * 4, "occurs 5 times, got 8 words of which none does"),
        ([["a"], ["b"]] * 9, "none in which two known words stand together"),
        ([["a", "x"], ["b"]] * 5, None),
    ],
)
def test_too_little_text(tmp_path: Path, sentences: list[list[str]], message: str | None) -> None:
    if message is None:
        assert len(train(sentences, GloveConfig(epochs=1), tmp_path)) == 3
        return
    with pytest.raises(DataError, match=message):
        train(sentences, GloveConfig(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sentences_are_read_as_phrases_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("The Dog, on-left.\n\n ... \nsky\r\n", "utf-8")
    (tmp_path / "b.txt").write_text("café", "utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from stdin\n")))
    lines: list[int] = []
    sentences = list(read_sentences([tmp_path / "a.txt", STDIN, tmp_path / "b.txt"], lines.append))
    assert [sentence for sentence in sentences if sentence] == [
        ["the", "dog", "on", "left"], ["sky"], ["from", "stdin"], ["café"]
    ]  # fmt: skip
    assert sum(lines) == 6


def test_text_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(DataError, match=r"a\.txt: line 2: expected UTF-8 text"):
        list(read_sentences([tmp_path / "a.txt"]))
    with pytest.raises(DataError, match="expected a text file, found nothing there"):
        list(read_sentences([tmp_path / "b.txt"]))


def test_what_people_say_about_photographs(tmp_path: Path, shared_data: Path) -> None:
    """docs/embeddings.md has the neighbours after all epochs."""
    said = json.loads((shared_data / "referit" / "referit_query_trainval.json").read_bytes())
    text = tmp_path / "expressions.txt"
    text.write_text("\n".join(" ".join(one.split()) for several in said.values() for one in several), "utf-8")
    vectors = train(read_sentences([text]), GloveConfig(epochs=5), tmp_path)
    assert len(vectors) == 1353
    for word, near in (("left", "right"), ("man", "guy"), ("tree", "palm")):
        assert near in [other for other, _ in vectors.nearest(word, 5)]
