"""Where an ablation's runs lie."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from deixis.errors import DataError
from deixis.runs import PAPER_ROWS, find_records, find_runs, records_path, run_folder
from deixis.train.ablations import ROWS


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_rows_are_found_in_the_papers_order_and_seeds_by_number(tmp_path: Path) -> None:
    seeds = [make(run_folder(tmp_path, "full", seed)) for seed in (10, 2, 0)]
    others = [make(run_folder(tmp_path, row)) for row in ("zebra", "another", "lstm-cnn", "+embedding")]
    (tmp_path / "notes").mkdir()
    (tmp_path / "full" / "seeds").mkdir()
    (tmp_path / "summary.txt").touch()
    found = find_runs(tmp_path)
    assert list(found) == ["lstm-cnn", "+embedding", "full", "another", "zebra"]
    assert found["full"] == seeds[::-1]
    assert found["zebra"] == others[:1]


def test_the_papers_rows_are_those_that_are_trained() -> None:
    assert tuple(ROWS)[: len(PAPER_ROWS)] == PAPER_ROWS


def test_records_are_found_where_they_are_written(tmp_path: Path) -> None:
    for part in ("refcoco+-val", "heldout-synthesized"):
        path = records_path(run_folder(tmp_path, PAPER_ROWS[0]), part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (run,) = find_runs(tmp_path)[PAPER_ROWS[0]]
    assert list(find_records(run)) == ["heldout-synthesized", "refcoco+-val"]
    assert find_records(run)["refcoco+-val"] == records_path(run, "refcoco+-val")
    assert find_records(tmp_path) == {}


def test_a_folder_without_runs_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder of runs, found nothing there"):
        find_runs(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected a folder a row, such as lstm-cnn/"):
        find_runs(tmp_path)
