"""GloVe's text files: any dimension, words with spaces, and every kind of damage named by file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deixis.embeddings import LEVELS, WordVectors
from deixis.errors import DataError
from deixis.glove import textfile
from deixis.glove.textfile import convert, read_glove

NUMBERS = st.floats(-9, 9, width=32)
# No spaces, no line ends of a text file; NEL, NBSP and other blanks do occur in words of GloVe.
PARTS = st.text(st.characters(exclude_characters=" \r\n\ufeff", exclude_categories=["Cs"]), min_size=1, max_size=6)


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[str, list[float]]]:
    dim = draw(st.integers(1, 5))
    last = PARTS.filter(lambda part: not is_number(part))
    spaced = st.builds(lambda first, second: f"{first} {second}", PARTS, last)
    first, *words = draw(st.lists(PARTS | spaced, min_size=1, max_size=6))
    # "3 4" on top would be a header.
    words = [first.replace("0", "o") if dim == 1 else first, *words]
    vectors = st.lists(NUMBERS, min_size=dim, max_size=dim)
    return [(word, draw(vectors)) for word in words]


def write(path: Path, rows: list[tuple[str, list[float]]], header: bool = False, end: str = "\n") -> Path:
    lines = [f"{word} {' '.join(map(repr, values))}{end}" for word, values in rows]
    if header:
        lines.insert(0, f"{len(rows)} {len(rows[0][1])}{end}")
    path.write_bytes("".join(lines).encode("utf-8"))
    return path


@given(tables(), st.booleans(), st.sampled_from(["\n", "\r\n", " \n"]))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[float]]], header: bool, end: str
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any.txt", rows, header, end)
    assert list(read_glove(path)) == rows


def test_the_last_fields_are_the_vector(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("the 0.1 0.2\nat name@domain.com 0.3 0.4\n. . . 5 6e-1\n7 7 8\n", "utf-8")
    assert [word for word, _ in read_glove(path)] == ["the", "at name@domain.com", ". . .", "7"]


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(b"\xef\xbb\xbfthe 1 2\n")
    assert list(read_glove(path)) == [("the", [1, 2])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected lines .* got an empty file"),
        (b"\n\n", "expected lines .* got an empty file"),
        (b"a 1 2 3\nb 1 2\n", "line 2: expected a word and 3 values, as in the first line, got 2 values"),
        (b"a 1 2 3\nb 1 2 3 4\n", "line 2: expected a word and 3 values, as in the first line, got 4 values"),
        (b"a 1 2 3\nb 1 2 3 4 5\n", "line 2: .* got 5 values"),
        (b"a 1 2 3\nb 1 x 3\n", "line 2: expected 3 numbers after the word, got 'x' among them"),
        (b"a 1 x 3\nb 1 2 3\n", "line 2: .* got 3 values"),
        (b"a 1 2\nb 1 nan\n", "line 2: expected finite numbers"),
        (b"a 1 2\nb 1 -inf\n", "line 2: expected finite numbers"),
        (b"a 1 2\nb 1 1e30\n", "line 2: expected finite numbers"),
        (b"a b c\n", "line 1: expected a word and values, got 0 values"),
        (b"a\n", "line 1: expected a word and values"),
        (b"a 1 2\n\xff\xfe 1 2\n", "line 2: expected UTF-8 text"),
        (b"3 2\na 1 2\nb 1 2\n", "expected the 3 words of its first line, got 2"),
        (b"2 2\na 1 2\nb 1 2 3\n", "line 3: expected a word and 2 values"),
        (b"2 " + b"9" * 18 + b"\na 1 2\n", "line 2: expected a word and 9{18} values"),
        (b"2 " + b"9" * 5000 + b"\na 1 2\n", "line 1: expected a word and values, got 0 values"),
        (b"9" * 5000 + b" 2\na 1 2\n", "line 2: .* got 2 values"),
        (b"2 0\na 1 2\n", "line 2: expected a word and 1 values, as in the first line, got 2 values"),
        (b"a " + b"1 " * (1 << 20), "line 1: expected at most 1,048,576 bytes a line"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"v.txt: {message}"):
        convert(path, tmp_path / "out")
    assert [item.name for item in tmp_path.iterdir()] == ["v.txt"], "nothing half-written stays"


@pytest.mark.parametrize(("name", "found"), [("missing", "nothing"), (".", "a folder")])
def test_no_file(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(DataError, match=f"expected a text file, found {found}"):
        convert(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize("rows_at_once", [1, 2, 4096])
def test_conversion_keeps_words_and_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(textfile, "ROWS_AT_ONCE", rows_at_once)
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    words = ["the", "dog", "\x85odd", "a b", "café"]
    source = write(tmp_path / "v.txt", list(zip(words, values.tolist(), strict=True)), header=True)
    seen: list[int] = []
    made = convert(source, tmp_path / "out", licence="CC0", report=seen.append)
    assert (made.left_out, sum(seen)) == (0, 5)
    loaded = WordVectors.load(tmp_path / "out")
    expected = WordVectors.from_float(words, values)
    assert loaded.words == words
    assert loaded.fingerprint == expected.fingerprint, "in blocks or at once, the vectors are the same"
    level = np.abs(values).max(axis=1, keepdims=True) / LEVELS
    assert (np.abs(loaded.decode(np.arange(5)) - values) <= level * 0.6).all()
    assert loaded.about == {"origin": "v.txt", "licence": "CC0"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "about.json", "fingerprint.txt", "scales.npy", "vectors.npy", "words.txt"
    ]  # fmt: skip


def test_the_first_of_repeated_words_stays_and_empty_ones_go(tmp_path: Path) -> None:
    source = tmp_path / "v.txt"
    source.write_text("a 1 2\n 5 6\nb 3 4\na 7 8\n", "utf-8")
    made = convert(source, tmp_path / "out")
    assert (made.vectors.words, made.left_out) == (["a", "b"], 2)
    assert np.allclose(made.vectors.decode(np.array([0])), [[1, 2]], atol=0.02)
    source.write_text(" 5 6\n", "utf-8")
    with pytest.raises(DataError, match="got only empty ones"):
        convert(source, tmp_path / "other")


def test_only_the_first_lines(tmp_path: Path) -> None:
    source = tmp_path / "v.txt"
    source.write_text("9 2\na 1 2\nb 3 4\nnot read\n", "utf-8")
    assert convert(source, tmp_path / "out", words=2).vectors.words == ["a", "b"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "v.txt", [("a", [1.0])])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "words.txt").write_text("precious")
    with pytest.raises(DataError, match="expected the name of a new folder"):
        convert(source, tmp_path / "out")
    assert (tmp_path / "out" / "words.txt").read_text() == "precious"
