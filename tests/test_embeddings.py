"""Word vectors: compression with a bound, phrases padded on the left, and the bundled GloVe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from deixis import embeddings
from deixis.embeddings import LEVELS, WordVectors
from deixis.errors import CheckpointError, InputError

BUNDLED = Path(__file__).parent.parent / "src" / "deixis" / "assets" / "vectors"
WORDS = ["the", "dog", "left", ",", "-", "zero"]


@pytest.fixture
def vectors() -> WordVectors:
    values = np.random.default_rng(0).normal(size=(len(WORDS), 4)).astype(np.float32)
    values[-1] = 0
    return WordVectors.from_float(WORDS, values)


@given(
    arrays.arrays(np.float32, (3, 5), elements=st.floats(-8, 8, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x))
)
def test_compression_is_off_by_half_a_level(values: np.ndarray) -> None:
    vectors = WordVectors.from_float(["a", "b", "c"], values)
    level = np.abs(values).max(axis=1, keepdims=True) / LEVELS
    # Half a level, and for a largest entry what float16 rounds off the scale (1 / 2048), up to LEVELS times.
    assert (np.abs(vectors.decode(np.arange(3)) - values) <= level * (0.5 + LEVELS / 2048 + 1e-4)).all()


def test_save_and_load(vectors: WordVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path / "v")
    loaded = WordVectors.load(tmp_path / "v")
    rows = np.arange(len(WORDS))
    assert list(loaded.words) == WORDS
    assert loaded.fingerprint == vectors.fingerprint
    assert np.array_equal(loaded.decode(rows), vectors.decode(rows))
    assert (len(loaded), loaded.dim) == (6, 4)
    assert "dog" in loaded and "cat" not in loaded


def test_phrases_are_padded_on_the_left(vectors: WordVectors) -> None:
    encoded, present = vectors.encode(["left", "dog"], 4)
    assert present.tolist() == [False, False, True, True]
    assert not encoded[:2].any()
    assert np.array_equal(encoded[2:], vectors.decode(np.array([2, 1])))


def test_unknown_words_and_punctuation_are_left_out(vectors: WordVectors) -> None:
    plain = vectors.encode(["left", "dog"], 4)
    noisy = vectors.encode(["left", ",", "blorx", "-", "dog"], 4)
    assert np.array_equal(plain[0], noisy[0]) and np.array_equal(plain[1], noisy[1])
    for tokens in ([], ["blorx"], [",", "-"]):
        encoded, present = vectors.encode(tokens, 3)
        assert not encoded.any() and not present.any()


def test_the_first_known_words_stay(vectors: WordVectors) -> None:
    encoded, present = vectors.encode(["blorx"] * 30 + ["dog"] + ["left"] * 30, 20)
    assert present.all()
    assert np.array_equal(encoded, vectors.decode(np.array([1] + [2] * 19)))


def test_other_words_or_numbers_are_other_vectors() -> None:
    values = np.eye(3, dtype=np.float32)
    prints = {
        WordVectors.from_float(words, array).fingerprint
        for words, array in ((["a", "b", "c"], values), (["a", "c", "b"], values), (["a", "b", "c"], values[::-1]))
    }
    assert len(prints) == 3


@pytest.mark.parametrize("name", ["words.txt", "vectors.npy", "scales.npy", "fingerprint.txt"])
def test_a_missing_file_is_named(vectors: WordVectors, tmp_path: Path, name: str) -> None:
    vectors.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(CheckpointError, match=f"missing: {name}"):
        WordVectors.load(tmp_path)


@pytest.mark.parametrize("name", ["vectors.npy", "scales.npy", "words.txt"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00rubbish", b"a\nb"])
def test_damaged_files(vectors: WordVectors, tmp_path: Path, name: str, content: bytes) -> None:
    vectors.save(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError):
        WordVectors.load(tmp_path)


def test_truncated_and_mistyped_matrices(vectors: WordVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path)
    whole = (tmp_path / "vectors.npy").read_bytes()
    (tmp_path / "vectors.npy").write_bytes(whole[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        WordVectors.load(tmp_path)
    np.save(tmp_path / "vectors.npy", np.zeros((6, 4), dtype=np.float32))
    with pytest.raises(CheckpointError, match="expected int8, got float32"):
        WordVectors.load(tmp_path)
    with pytest.raises(CheckpointError, match="as many words as vectors"):
        WordVectors(["a"], np.zeros((2, 3), np.int8), np.ones(2, np.float16))


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "v").write_text("x")
    with pytest.raises(CheckpointError, match="expected a folder of word vectors, got a file; 'deixis embed convert'"):
        WordVectors.load(tmp_path / "v")


def test_where_vectors_come_from_is_kept_and_is_no_part_of_them(vectors: WordVectors, tmp_path: Path) -> None:
    values = vectors.decode(np.arange(len(WORDS)))
    told = WordVectors.from_float(WORDS, values, {"origin": "café", "licence": "CC0"})
    told.save(tmp_path)
    assert WordVectors.load(tmp_path).about == {"origin": "café", "licence": "CC0"}
    assert told.fingerprint == vectors.fingerprint
    (tmp_path / "about.json").write_text("[]")
    with pytest.raises(CheckpointError, match=r"about\.json: expected a JSON object, got list"):
        WordVectors.load(tmp_path)


@pytest.mark.parametrize("rows_at_once", [1, 2, 65_536])
def test_nearest_words_by_cosine(monkeypatch: pytest.MonkeyPatch, rows_at_once: int) -> None:
    monkeypatch.setattr(embeddings, "ROWS_AT_ONCE", rows_at_once)
    values = np.array([[1, 0], [0, 3], [9, 9], [-1, 0], [5, 0.1], [0, 0]], dtype=np.float32)
    vectors = WordVectors.from_float(["a", "b", "c", "d", "e", "zero"], values)
    near = vectors.nearest("a", 10)
    assert [word for word, _ in near] == ["e", "c", "b", "zero", "d"]
    assert [cosine for _, cosine in near] == pytest.approx([0.9998, 0.5**0.5, 0, 0, -1], abs=0.005)
    assert vectors.nearest("a", 2) == near[:2]


def test_an_unknown_word_gets_words_of_its_spelling(vectors: WordVectors) -> None:
    with pytest.raises(InputError, match="one of the 6 known words, got 'dgo'; similar words are dog"):
        vectors.nearest("dgo", 3)
    with pytest.raises(InputError, match="no frequent word is spelled alike"):
        vectors.nearest("qqqq", 3)


def test_the_length_is_checked(vectors: WordVectors) -> None:
    vectors.check_dim(4)
    with pytest.raises(CheckpointError, match="expected word vectors of 300 numbers, the model's word_dim, got"):
        vectors.check_dim(300)


def test_the_bundled_vectors() -> None:
    glove = WordVectors.load(BUNDLED)
    assert (len(glove), glove.dim) == (400_000, 50)
    encoded, present = glove.encode(["man", "guy", "banana"], 3)
    assert present.all()
    unit = encoded / np.linalg.norm(encoded, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.6 > unit[0] @ unit[2], "alike words have alike vectors"
    # Of GloVe 6B 50-d, "the" begins 0.418, 0.24968, -0.41242, 0.1217.
    assert np.allclose(glove.encode(["the"], 1)[0][0, :4], [0.418, 0.24968, -0.41242, 0.1217], atol=0.02)
