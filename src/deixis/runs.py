"""Where the runs of an ablation lie: one place for whoever writes them and whoever reports them.

RUNS is laid out so:

    RUNS/lstm-cnn/                            a row, trained once; or, several times:
    RUNS/full/seed0/, RUNS/full/seed1/        a row's seeds
        config.json, sources.json, log.jsonl
        records/refcoco-val.jsonl             ``evaluate.write_records``, one file a dataset and split
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deixis.errors import DataError
from deixis.files import read_json

# The paper's rows, in the order of its tables: each a folder.
PAPER_ROWS = ("lstm-cnn", "+embedding", "+embedding+synthesized", "category", "full")

_CONFIG, _SOURCES, _RECORDS, _SEED = "config.json", "sources.json", "records", "seed"


def run_folder(runs: Path, row: str, seed: int | None = None) -> Path:
    """The folder of one training of a row."""
    return runs / row if seed is None else runs / row / f"{_SEED}{seed}"


def records_path(run: Path, part: str) -> Path:
    """The records of one training on one dataset and split, by "dataset-split"."""
    return run / _RECORDS / f"{part}.jsonl"


def find_runs(runs: Path) -> dict[str, list[Path]]:
    """The folders of trainings by row: the paper's rows in its order, then others by name; seeds by number.

    Raises:
        DataError: no such folder, or no row in it.
    """
    if not runs.is_dir():
        raise DataError(f"{runs}: expected a folder of runs, found {'a file' if runs.exists() else 'nothing'} there")
    names = {path.name for path in runs.iterdir() if path.is_dir()}
    rows = [name for name in PAPER_ROWS if name in names] + sorted(names.difference(PAPER_ROWS))
    found = {row: _trainings(runs / row) for row in rows}
    found = {row: folders for row, folders in found.items() if folders}
    if not found:
        raise DataError(
            f"{runs}: expected a folder a row, such as {PAPER_ROWS[0]}/ or {PAPER_ROWS[0]}/{_SEED}0/ with {_CONFIG} "
            f"or {_RECORDS}/ in it, found none"
        )
    return found


def find_records(run: Path) -> dict[str, Path]:
    """The files of records of one training, by "dataset-split", in order of their names."""
    return {path.stem: path for path in sorted((run / _RECORDS).glob("*.jsonl"))}


def leak_free(run: Path) -> bool | None:
    """Whether photographs that results are reported on were kept out of a training; None when that is not known.

    Raises:
        DataError: ``sources.json`` is not what a training writes.
    """
    path = run / _SOURCES
    if not path.is_file():
        return None
    sources = read_json(path)
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise DataError(f"{path}: expected a list of sources as 'deixis train' writes it, got {sources!r:.60}")
    return all_leak_free([source.get("leak_free") for source in sources])


def all_leak_free(sources: Sequence[bool | None]) -> bool | None:
    """Of several sources: False when one of them is not leak-free, None when one of them was not compared."""
    if False in sources:
        return False
    return None if None in sources or not sources else True


LEAK_FREE = {True: "yes", False: "no, they were kept on purpose", None: "not known, nothing was compared"}


def _trainings(row: Path) -> list[Path]:
    if _is_training(row):
        return [row]
    seeds = [path for path in row.glob(f"{_SEED}*") if path.name[len(_SEED) :].isdecimal() and _is_training(path)]
    return sorted(seeds, key=lambda path: int(path.name[len(_SEED) :]))


def _is_training(folder: Path) -> bool:
    return (folder / _CONFIG).is_file() or (folder / _RECORDS).is_dir()
