"""``deixis data list``, ``info``, ``download`` and ``doctor``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from commands import Run, files, refused
from deixis.cli.data import finding_lines
from deixis.data import catalogue
from deixis.data.catalogue import CATALOGUE, Entry, RemoteFile
from deixis.data.doctor import Finding
from serving import Answer, site


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this command touches the network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.mark.usefixtures("no_network")
def test_list_shows_every_entry(run: Run) -> None:
    outcome = run("data", "list")
    assert outcome.code == 0 and [line.split()[0] for line in outcome.lines] == list(CATALOGUE)
    shown = {line.split()[0]: line.split("  ")[1:] for line in outcome.lines}
    assert "20.4 GB" in " ".join(shown["coco"]) and "unknown" in " ".join(shown["refcoco"])
    assert "on request" in " ".join(shown["flickr30k_entities"])


@pytest.mark.usefixtures("no_network")
def test_info_shows_addresses_sizes_and_licence(run: Run) -> None:
    outcome = run("data", "info", "coco")
    assert outcome.code == 0 and "CC BY 4.0" in outcome.out
    for file in CATALOGUE["coco"].files:
        assert f"{file.size:,} bytes" in outcome.out and str(file.sha256) in outcome.out
        assert all(url in outcome.out for url in file.urls)
    unknown = run("data", "info", "refcoco+").lines
    assert [line.split() for line in unknown if "unknown" in line] == [["size", "unknown"], ["SHA-256", "unknown"]]
    assert "form" in run("data", "info", "flickr30k_entities").out
    refused(run("data", "info", "refcoc"), "expected a dataset of coco, refcoco", "'refcoc'")


def test_download_fetches_into_the_root(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with site() as web:
        good = RemoteFile("refs.json", (web.url + "/lost", web.serve("/refs.json", Answer(b"[]"))), "small")
        lost = RemoteFile("lost.json", (web.url + "/lost",), "small")
        entry = Entry("small", "Small", "CC0", "https://example.org", (good, lost), needs=("coco",))
        monkeypatch.setattr(catalogue, "CATALOGUE", MappingProxyType({"small": entry}))
        outcome = run("data", "download", "small", "--data", "root", "--only", "refs.json")
        assert outcome.code == 0 and outcome.err == "", "no bar where stderr is no terminal"
        assert outcome.lines[0].startswith("refs.json: complete (root/.downloads/small/refs.json.json")
        assert outcome.lines[1] == "its pictures: deixis data download coco --data root"
        assert Path("root/small/refs.json").read_text() == "[]"
        refused(run("data", "download", "small", "--data", "root"), "lost.json", "no mirror gave it", "HTTP 404")
    refused(
        run("data", "download", "small", "--data", "root", "--only", "x"), "expected a file of refs.json, lost.json"
    )
    assert run("data", "download", "small").code == 2, "the root must be given"


def test_download_shows_a_bar_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import deixis.cli.data as command

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(command.sys.stderr, "isatty", lambda: True, raising=False)
    with site() as web:
        file = RemoteFile("refs.json", (web.serve("/refs.json", Answer(b"[]")),), "small")
        entry = Entry("small", "Small", "CC0", "https://example.org", (file,))
        monkeypatch.setattr(catalogue, "CATALOGUE", MappingProxyType({"small": entry}))
        outcome = run("data", "download", "small", "--data", "root")
    assert outcome.code == 0 and "fetch refs.json" in outcome.err and "2/2 bytes" in outcome.err


def found(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> list[tuple[Any, ...]]:
    """Replaces the examination; collects how it was called."""
    calls: list[tuple[Any, ...]] = []

    def examine(root: Path, name: str, part: bool, progress: Callable[[int], object]) -> list[Finding]:
        calls.append((root, name, part))
        progress(1)
        return list(findings)

    monkeypatch.setattr("deixis.data.doctor.examine", examine)
    return calls


NOTE = Finding("note", "splits", Path("a.p"), "train, val", "they share a picture")
ERROR = Finding("error", "masks", Path("a.p"), "val, image 3", "it is empty", "remove it")


def test_doctor_counts_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import deixis.cli.console as console

    monkeypatch.setattr(console.sys.stderr, "isatty", lambda: True, raising=False)
    found(monkeypatch, NOTE)
    outcome = run("data", "doctor", "refcoco", "--data", "root", "--part")
    assert outcome.code == 0 and "pictures 1" in outcome.err


def test_doctor_leaves_with_0_1_or_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(run("data", "doctor", "refcoc", "--data", "."), "expected a dataset of refcoco")
    refused(run("data", "doctor", "refcoco", "--data", "nowhere"), "nowhere: expected the folder")
    assert run("data", "doctor", "refcoco").code == 2
    calls = found(monkeypatch, NOTE)
    outcome = run("data", "doctor", "refcoco", "--data", "root", "--part")
    assert (outcome.code, calls) == (0, [(Path("root"), "refcoco", True)])
    assert outcome.lines == [
        "note    splits    a.p: train, val: they share a picture",
        "errors: 0, warnings: 0, notes: 1",
    ]
    found(monkeypatch, NOTE, ERROR)
    outcome = run("data", "doctor", "refcoco", "--data", "root", "--json", "o/f.json")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.lines[1] == "error   masks     a.p: val, image 3: it is empty; remove it"
    assert files() == ["o/f.json"]
    rows = json.loads(Path("o/f.json").read_text())
    assert rows[1] == {
        "severity": "error",
        "check": "masks",
        "file": "a.p",
        "record": "val, image 3",
        "problem": "it is empty",
        "remedy": "remove it",
    }


def test_doctor_on_real_rows(run: Run, shared_data: Path) -> None:
    outcome = run("data", "doctor", "refcocog", "--data", shared_data / "refer", "--part")
    assert outcome.code == 0 and outcome.lines[-1] == "errors: 0, warnings: 0, notes: 5"
    assert run("data", "doctor", "refcocog", "--data", shared_data / "refer").code == 1


def test_many_findings_of_a_kind_are_counted() -> None:
    many = [Finding("error", "masks", Path("a.p"), f"image {number}", "it is empty") for number in range(1205)]
    lines = finding_lines([NOTE, *many])
    assert len([line for line in lines if "it is empty" in line]) == 5
    assert lines[-2] == "error   masks     a.p: 1,200 more like these"
    assert lines[-1] == "errors: 1,205, warnings: 0, notes: 1"


def test_a_file_is_named_once() -> None:
    (line, _) = finding_lines([Finding("error", "files", Path("a.p"), "", "a.p: expected a pickle")])
    assert re.split(r"\s+", line, maxsplit=2) == ["error", "files", "a.p: expected a pickle"]
