"""``deixis report`` and ``deixis figure``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import deixis.report
from commands import Run, files, refused, size_of
from deixis.evaluate import write_records
from deixis.runs import records_path, run_folder
from deixis.types import Record


# --- report -----------------------------------------------------------------------------------------------------------
def write(runs: Path, row: str, seed: int | None, inter: int, dataset: str = "refcoco", split: str = "val") -> Path:
    """Two expressions of one training."""
    path = records_path(run_folder(runs, row, seed), f"{dataset}-{split}")
    write_records(path, [Record(dataset, split, i, i, "x", inter, 100, 100, 100, 10, 10, 0.5) for i in range(2)])
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write(folder, "lstm-cnn", None, 40)
    write(folder, "full", 0, 50)
    write(folder, "full", 1, 60)
    write(folder, "full", 1, 70, "heldout", "synthesized")
    return folder


def test_report_lists_rows_and_datasets(run: Run, runs: Path) -> None:
    outcome = run("report", runs)
    assert outcome.code == 0
    assert outcome.lines[0].startswith("| row | dataset | seeds | n | prec@0.5 |")
    assert [line.split(" | ")[:4] for line in outcome.lines[2:-2]] == [
        ["| lstm-cnn", "refcoco-val", "1", "2"],
        ["| full", "refcoco-val", "2", "2"],
        ["| full", "heldout-synthesized", "1", "2"],
    ]
    assert outcome.lines[2].endswith("| 40.00 (40.00 to 40.00) | 40.00 (40.00 to 40.00) |")
    assert outcome.lines[3].endswith("| 55.00 \N{PLUS-MINUS SIGN} 7.07 | 55.00 \N{PLUS-MINUS SIGN} 7.07 |")


def test_report_says_whether_measured_photographs_were_kept_out(run: Run, runs: Path) -> None:
    for row, states in {"lstm-cnn": [True], "full/seed0": [True, None], "full/seed1": [True, False]}.items():
        (runs / row / "sources.json").write_text(json.dumps([{"leak_free": state} for state in states]))
    line = run("report", runs).lines[-1]
    assert line.endswith("val and test: yes (lstm-cnn); no, they were kept on purpose (full)")
    (runs / "full" / "seed1" / "sources.json").unlink()
    assert "yes (lstm-cnn); not known, nothing was compared (full)" in run("report", runs).lines[-1]
    outcome = run("report", runs, "--format", "csv")
    assert "nothing was compared" in outcome.err and "compared" not in outcome.out
    (runs / "lstm-cnn" / "sources.json").write_text("{}")
    refused(run("report", runs), "sources.json: expected a list of sources")


def test_report_puts_the_papers_table_beside(run: Run, runs: Path) -> None:
    outcome = run("report", runs, "--table", 2)
    assert outcome.code == 0 and len(outcome.lines) == 2 + 5 * 2 + 2
    assert "| baseline LSTM-CNN | paper | UNC-Ref not stated |" in outcome.out
    assert "| baseline LSTM-CNN | ours | refcoco-val | 1 | 2 |" in outcome.out
    assert "| word embedding | ours | not run |" in outcome.out
    assert (
        run("report", runs, "--table", 2, "--format", "csv").lines[0].startswith("method,of,dataset,seeds,n,prec@0.5")
    )
    assert run("report", runs, "--table", 2, "-f", "latex").lines[0] == r"\begin{tabular}{lllrrrrrrrr}"


def test_report_explains_what_is_wrong(run: Run, runs: Path) -> None:
    refused(run("report", runs, "--table", 4), "1, 2, 3", "got 4")
    refused(run("report", "nowhere"), "nowhere", "expected a folder of runs")
    path = write(runs, "category", 0, 50)
    path.write_text("{}\n")
    refused(run("report", runs), f"{path}:1", "expected a record")
    path.unlink()
    write_records(path, [])
    refused(run("report", runs), "category on refcoco-val", "at least one expression")


# --- figure -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [4, 5, 6])
def test_figure_of_a_picture(run: Run, picture: Path, number: int) -> None:
    outcome = run("figure", number, picture, "--phrase", "red", "--phrase", "the red thing")
    assert (outcome.code, outcome.out) == (0, f"figure{number}.png\n")
    assert files() == [f"figure{number}.png"] and size_of(f"figure{number}.png")[0] == 1400


def test_figure_has_name_and_resolution(run: Run, picture: Path) -> None:
    assert run("figure", 6, picture, "--phrase", "red", "-o", "out/a.pdf").out == "out/a.pdf\n"
    assert Path("out/a.pdf").read_bytes().startswith(b"%PDF")
    assert run("figure", 6, picture, "--phrase", "red", "-o", "b.png", "--dpi", 50).code == 0
    assert size_of("b.png")[0] == 350


def test_figure_of_a_dataset(run: Run, refer: Path) -> None:
    arguments = ("figure", 4, "--dataset", "refcoco:val", "--data", refer, "--dpi", 50, "--count", 9)
    for pick in ("best", "worst", "random"):
        outcome = run(*arguments, "--pick", pick, "-o", f"{pick}.png")
        assert outcome.code == 0, outcome.err
    assert files() == ["best.png", "random.png", "worst.png"]
    run(*arguments, "--count", 2, "-o", "two.png")
    run(*arguments, "--count", 1, "-o", "one.png")
    assert size_of("best.png") == size_of("two.png")  # nobody knows the third phrase
    assert size_of("one.png")[1] < size_of("two.png")[1]
    assert run(*arguments, "--dataset", "refcoco:val", "-o", "both.png").code == 0
    assert size_of("both.png")[1] > size_of("best.png")[1]


def test_figure_explains_what_is_wrong(run: Run, picture: Path) -> None:
    refused(run("figure", 7, picture, "--phrase", "red"), "4, 5, 6", "got 7")
    refused(run("figure", 4, picture, "--phrase", "red", "-o", "a.jpg"), "a.jpg", ".png or .pdf")
    refused(run("figure", 4), "--phrase", "--dataset")
    refused(run("figure", 4, picture, "--phrase", "red", "--dataset", "refcoco:val", "--data", "x"), "one of them")
    refused(run("figure", 4, "--dataset", "refcoco:val"), "--data ROOT")
    refused(run("figure", 4, picture, "--phrase", "red", "--data", "x"), "--data ROOT")
    refused(run("figure", 4, picture), "1 pictures and 0 phrases")
    refused(run("figure", 4, picture, "--phrase", "qwertz"), "'qwertz'")
    refused(run("figure", 4, "none.png", "--phrase", "red"), "none.png")
    assert files() == []


def test_figure_names_the_extra_that_is_missing(run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "deixis.report.figures", raising=False)
    monkeypatch.delattr(deixis.report, "figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(run("figure", 4, picture, "--phrase", "red"), "matplotlib", "pip install 'deixis[figures]'")
