from __future__ import annotations

from pathlib import Path

import pytest

from deixis.errors import CheckpointError
from deixis.vocabulary import PADDING, UNKNOWN, Vocabulary


def test_frequent_words_come_first_and_rare_ones_are_unknown() -> None:
    words = Vocabulary.collect(["Left dog", "left cat", "the dog on the left", "zebra"])
    assert words.words == (PADDING, UNKNOWN, "left", "dog", "the")
    assert "dog" in words and "zebra" not in words and len(words) == 5


def test_rows_are_padded_on_the_left() -> None:
    words = Vocabulary(["left", "dog"])
    numbers, present = words.encode(["left", "zebra", "dog"], 5)
    assert numbers[:, 0].tolist() == [0, 0, 2, 1, 3] and numbers.shape == (5, words.dim)
    assert present.tolist() == [False, False, True, True, True]
    assert words.encode(["dog"] * 9, 4)[0][:, 0].tolist() == [3, 3, 3, 3]
    assert words.encode([], 3)[0].tolist() == [[0], [0], [0]]


def test_it_is_the_same_after_it_was_stored(tmp_path: Path) -> None:
    words = Vocabulary(["left", "dog"])
    words.save(tmp_path / "vocabulary.txt")
    again = Vocabulary.load(tmp_path / "vocabulary.txt")
    assert (again.words, again.fingerprint) == (words.words, words.fingerprint)
    assert Vocabulary(["dog", "left"]).fingerprint != words.fingerprint


@pytest.mark.parametrize("content", ["left\ndog", f"{PADDING}\n{UNKNOWN}\ndog\ndog", ""])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_text(content)
    with pytest.raises(CheckpointError, match="it is damaged"):
        Vocabulary.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"vocabulary\.txt: expected the vocabulary"):
        Vocabulary.load(tmp_path / "vocabulary.txt")


def test_unknown_words_are_read_as_one() -> None:
    words = Vocabulary(["left", "dog"])
    assert [words.read(token) for token in ("dog", "zebra")] == [("dog",), (UNKNOWN,)]
