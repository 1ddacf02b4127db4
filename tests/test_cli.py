"""The command line as such: errors at the border, version, usage, and what only a process shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import deixis
from commands import Run, deixis_process, finished, size_of
from deixis.cli import main, make_app
from deixis.errors import CheckpointError
from deixis.segmenter import DEFAULT_MODEL, DEFAULT_VECTORS, Segmenter
from fakes import CONFIG


# --- errors, version, usage -------------------------------------------------------------------------------------------
def test_errors_of_deixis_are_one_line(run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*args: object, **kwargs: object) -> Segmenter:
        raise CheckpointError("a model\nthat is\n  damaged")

    monkeypatch.setattr(Segmenter, "load", load)
    outcome = run("segment", picture, "red")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", "deixis: a model that is damaged\n")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "deixis: interrupted\n"),
        (MemoryError(), 2, "deixis: not enough memory for this; use a smaller picture\n"),
        (PermissionError(13, "Permission denied", "v/words.txt"), 2, "deixis: v/words.txt: Permission denied\n"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_other_errors_at_the_border(
    run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    def load(*args: object, **kwargs: object) -> Segmenter:
        raise error

    monkeypatch.setattr(Segmenter, "load", load)
    outcome = run("segment", picture, "red")
    assert (outcome.code, outcome.err) == (code, message)


def test_our_own_bugs_keep_their_traceback(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*args: object, **kwargs: object) -> Segmenter:
        raise ZeroDivisionError

    monkeypatch.setattr(Segmenter, "load", load)
    with pytest.raises(ZeroDivisionError):
        main(["segment", str(picture), "red"])


@pytest.mark.parametrize(
    "arguments", [[], ["segment"], ["segment", "a.jpg"], ["nothing"], ["segment", "a.jpg", "red", "--format", "gif"]]
)
def test_usage_errors(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


@pytest.mark.parametrize("value", ["-1", "many"])
def test_wrong_numbers_of_threads(run: Run, picture: Path, value: str) -> None:
    assert run("segment", picture, "red", "--threads", value).code == 2


def test_version_and_help(run: Run) -> None:
    assert run("--version").out == f"deixis {deixis.__version__}\n"
    for command in ("segment", "evaluate", "train", "export", "synthesize"):
        outcome = run(command, "--help")
        assert outcome.code == 0 and command in outcome.out


@pytest.mark.parametrize("arguments", [["segment", "--help"], ["data", "list"]])
def test_a_command_does_not_load_others(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    made: list[Sequence[str]] = []
    monkeypatch.setattr("deixis.cli.make_app", lambda *names: made.append(*names) or make_app(*names))
    assert run(*arguments).code == 0
    assert made == [(arguments[0],)]


def test_a_mistyped_command_is_told_the_right_one(run: Run) -> None:
    outcome = run("segmet")
    assert outcome.code == 2 and "'segment'" in outcome.err


# --- as a process -----------------------------------------------------------------------------------------------------
def test_python_dash_m_deixis() -> None:
    done = subprocess.run([sys.executable, "-m", "deixis", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"deixis {deixis.__version__}\n"


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the bundled model is not there yet")
def test_the_bundled_model_answers(tmp_path: Path, picture: Path) -> None:
    command = [sys.executable, "-m", "deixis", "segment", str(picture), "left dog", "person", "--presence", "0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr == ""
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["photo.left-dog.png", "photo.person.png"]
    assert all(size_of(tmp_path / name) == (120, 80) for name in names)


def test_a_graph_that_is_none_is_refused(tmp_path: Path, picture: Path) -> None:
    from deixis.embeddings import WordVectors
    from deixis.modelfile import ModelFile

    fingerprint = WordVectors.load(DEFAULT_VECTORS).fingerprint
    ModelFile(CONFIG, b"no graph", b"no graph", fingerprint).write(tmp_path / "a.deixis")
    with finished(deixis_process("segment", str(picture), "red", "--model", str(tmp_path / "a.deixis"))) as (
        code,
        error,
    ):
        assert code == 2 and error.count("\n") == 1 and "a.deixis" in error
