"""``deixis embed``."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from commands import Run, deixis_process, files, finished, refused
from deixis.embeddings import WordVectors

TEXT = "red dog left\nblue dog right\nred cat left\nblue cat right\n" * 10
SMALL = ("--dim", 4, "--epochs", 3, "--min-count", 1)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, "utf-8")
    return path


def test_convert_info_and_neighbours(run: Run, tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("dog 1 0 0\ncat 1 0.1 0\nsky 0 0 1\ndog 9 9 9\n", "utf-8")
    made = run("embed", "convert", tmp_path / "glove.txt", "v", "--licence", "PDDL")
    assert made.code == 0 and "left out 1 lines" in made.err
    fingerprint = WordVectors.load(Path("v")).fingerprint
    assert made.lines == [f"v  (3 words of 3 numbers, fingerprint {fingerprint})"]
    assert run("embed", "info", "v").lines == [
        "folder v", "words 3", "dimension 3", "size 0.0 MB", f"fingerprint {fingerprint}", "origin glove.txt",
        "licence PDDL",
    ]  # fmt: skip
    assert run("embed", "neighbours", "dog", "--vectors", "v").lines == ["0.995 cat", "0.000 sky"]
    assert run("embed", "neighbours", "dog", "--vectors", "v", "--count", 1).lines == ["0.995 cat"]
    refused(run("embed", "neighbours", "dogg", "--vectors", "v"), "'dogg'", "similar words are dog")
    refused(run("embed", "neighbours", "qqq", "--vectors", "v"), "no frequent word is spelled alike")


def test_the_bundled_vectors_by_default(run: Run) -> None:
    info = run("embed", "info")
    assert {"words 400,000", "dimension 50", "licence PDDL 1.0"} <= set(info.lines)
    near = run("embed", "neighbours", "dog", "--count", 3)
    assert near.code == 0 and "cat" in near.out and len(near.lines) == 3
    refused(run("embed", "neighbours", "girafe-x"), "similar words are")


def test_train_makes_a_folder_that_says_how(run: Run, corpus: Path) -> None:
    made = run("embed", "train", corpus, "--out", "deep/v", *SMALL, "--seed", 3)
    assert made.code == 0, made.err
    assert "deep/v  (6 words of 4 numbers" in made.out
    assert made.err.splitlines()[-1].startswith("epoch 3/3  loss ")
    about = json.loads(Path("deep/v/about.json").read_text())
    assert about["origin"] == "corpus.txt" and (about["glove"]["dim"], about["glove"]["seed"]) == (4, 3)
    again = run("embed", "train", corpus, "--out", "deep/v", *SMALL)
    refused(again, "deep/v", "expected the name of a new folder")


def test_what_is_wrong_with_the_text_or_the_settings(run: Run, corpus: Path) -> None:
    corpus.write_bytes(b"ok\n\xff\n")
    refused(run("embed", "train", corpus, "--out", "v"), str(corpus), "line 2", "UTF-8")
    corpus.write_text("few words\n")
    refused(run("embed", "train", corpus, "--out", "v"), "occurs 5 times")
    refused(run("embed", "train", "nowhere.txt", "--out", "v"), "nowhere.txt", "found nothing")
    refused(run("embed", "train", corpus, "--out", "v", "--learning-rate", -1), "learning_rate", "above 0")
    refused(run("embed", "convert", corpus, "v"), "line 1", "expected a word and values")
    refused(run("embed", "info", corpus), "expected a folder of word vectors, got a file", "deixis embed convert")
    refused(run("embed", "info", "nowhere"), "expected words.txt", "missing")
    assert files() == []


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, corpus: Path) -> None:
    out = tmp_path / "made" / "v"
    arguments = ["embed", "train", str(corpus), "--out", str(out), "--epochs", "1000000", "--min-count", "1"]
    process = deixis_process(*arguments)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("epoch 1/"), "it is in the middle of its work"
    assert list(out.parent.iterdir()), "there is something to leave behind"
    process.send_signal(signal.SIGINT)
    with finished(process) as (code, error):
        assert code == 130 and "Traceback" not in error
    assert list(out.parent.iterdir()) == []
