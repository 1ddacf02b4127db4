"""Do the paper's claims hold for the small network? Rows of an ablation, compared. See method.md.

    deixis ablate --base configs/ablation.toml --data SHARED --test-data SHARED/refer --seeds 0,1,2 --runs RUNS \
        --test refcoco:val --test refcoco+:val --test refcocog:val
    python benchmarks/ablation.py RUNS [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from machine import describe

from deixis.evaluate import read_records
from deixis.metrics import bootstrap_interval, difference_interval, mean_iou, of_records, overall_iou
from deixis.runs import find_records, find_runs
from deixis.types import Record

HELD_OUT, HUMAN = "heldout-synthesized", ("refcoco-val", "refcoco+-val", "refcocog-val")
CLAIMS = (
    ("a fixed embedding helps", "+embedding", "lstm-cnn"),
    ("class names of other pictures help", "+embedding+synthesized", "+embedding"),
    ("the category model beats the LSTM-CNN", "category", "+embedding+synthesized"),
    ("both together beat the LSTM-CNN", "full", "+embedding+synthesized"),
    ("both together beat the category model", "full", "category"),
    ("proposed objects help (not in the paper)", "full+objects", "full"),
)
Rows = Mapping[str, list[list[Record]]]  # records of each seed, by row


def _unseen(record: Record) -> bool:
    return record.tags.get("held_out_word") == "True"


PARTS: Mapping[str, tuple[Sequence[str], Callable[[Record], bool]]] = {
    "held-out photographs": ([HELD_OUT], lambda record: record.target > 0),
    "held-out photographs, words never trained on": (
        [HELD_OUT],
        lambda record: record.target > 0 and _unseen(record),
    ),
    "human phrases": (HUMAN, lambda record: True),
}


def read_part(runs: Path, files: Sequence[str], wanted: Callable[[Record], bool]) -> Rows:
    """Records of each row and seed that has all the files; image ids of the datasets do not meet."""
    rows: dict[str, list[list[Record]]] = {}
    for row, trainings in find_runs(runs).items():
        for training in trainings:
            found = find_records(training)
            if all(name in found for name in files):
                records = [record for name in files for record in read_records(found[name]) if wanted(record)]
                rows.setdefault(row, []).append(records)
    return rows


def row_numbers(seeds: list[list[Record]]) -> dict[str, Any]:
    """Means over seeds, their spread, and 95 % intervals over pictures of all seeds together."""
    pooled = [record for records in seeds for record in records]
    numbers: dict[str, Any] = {"seeds": len(seeds), "n": len(seeds[0])}
    for name, number in (("mIoU", mean_iou), ("oIoU", overall_iou)):
        values = [of_records(records, number) for records in seeds]
        numbers[name] = round(mean(values), 4)
        numbers[f"{name} spread"] = round(stdev(values), 4) if len(values) > 1 else None
        numbers[f"{name} interval"] = [round(value, 4) for value in bootstrap_interval(pooled, number)]
    return numbers


def claim_numbers(rows: Rows, better: str, worse: str) -> dict[str, Any] | None:
    """Difference of mIoU between two rows over the seeds that both have, with its interval over pictures."""
    count = min(len(rows.get(better, [])), len(rows.get(worse, [])))
    if not count:
        return None
    ours, theirs = ([record for records in rows[name][:count] for record in records] for name in (better, worse))
    low, high = difference_interval(ours, theirs, mean_iou)
    verdict = "yes" if low > 0 else "no, the reverse" if high < 0 else "not shown"
    return {
        "mIoU": round(of_records(ours, mean_iou) - of_records(theirs, mean_iou), 4),
        "interval": [round(low, 4), round(high, 4)],
        "seeds": count,
        "verdict": verdict,
    }


def alphas(runs: Path) -> dict[str, list[float]]:
    """What each training of each row ended with."""
    found: dict[str, list[float]] = {}
    for row, trainings in find_runs(runs).items():
        for training in trainings:
            if not find_records(training):
                continue  # not finished
            last = json.loads((training / "log.jsonl").read_text().splitlines()[-1])
            if "alpha" in last:
                found.setdefault(row, []).append(last["alpha"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"machine": describe(), "alpha": alphas(arguments.runs), "rows": {}, "claims": {}}
    for part, (files, wanted) in PARTS.items():
        rows = read_part(arguments.runs, files, wanted)
        result["rows"][part] = {row: row_numbers(seeds) for row, seeds in rows.items()}
        claims = {claim: claim_numbers(rows, better, worse) for claim, better, worse in CLAIMS}
        result["claims"][part] = {claim: numbers for claim, numbers in claims.items() if numbers}
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
