"""Records to numbers and to their file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from deixis.baselines import Baseline, WholeImage
from deixis.errors import DataError
from deixis.evaluate import compare, evaluate
from deixis.summary import results, which_report, write_summary
from deixis.types import Sample
from fakes import Oracle


def test_numbers_by_split_and_by_slice(samples: list[Sample]) -> None:
    found = results(evaluate(Oracle(), samples))
    assert {name: item.n for name, item in found.numbers.items()} == {"toy val": 2, "toy test": 1, "all": 3}
    counts = {name: {part: item.n for part, item in parts.items()} for name, parts in found.slices.items()}
    assert counts == {
        "toy val": {"location words": 2, "small target": 2, "several of its class": 2},
        "toy test": {"location words": 1, "small target": 1, "one of its class": 1},
        "all": {"location words": 3, "small target": 3, "one of its class": 1, "several of its class": 2},
    }
    assert found.slices["all"]["several of its class"] == found.numbers["toy val"]
    assert found.baselines == {}


def test_one_split_is_also_all(samples: list[Sample]) -> None:
    found = results(evaluate(Oracle(), samples[:2]))
    assert list(found.numbers) == ["toy val", "all"]
    assert found.numbers["all"] == found.numbers["toy val"]


def test_a_baseline_is_compared_on_the_expressions_that_it_answers(samples: list[Sample]) -> None:
    oracle = Oracle()
    baselines = {
        "swapped": Baseline(oracle.segment_many, lambda phrases: ["right" if p == "left" else None for p in phrases]),
        "nothing": Baseline(oracle.segment_many, lambda phrases: [None for _ in phrases]),
    }
    records, others = compare(oracle, baselines, samples)
    found = results(records, others)
    assert list(found.baselines) == ["swapped"]  # of nothing there are no numbers
    item = found.baselines["swapped"].difference["all"]
    assert item.n == found.baselines["swapped"].numbers["all"].n == 2
    assert (item.as_said_oiou, item.as_said_miou) == (44 / 64, 0.75)  # 24 / 24 and 20 / 40
    assert item.oiou == pytest.approx(44 / 64 - 20 / 88) and item.miou == pytest.approx(0.75 - 0.25)
    # Each picture alone: 1 - 0 and 1/2 - 1/2.
    assert item.miou_interval == pytest.approx((0.0, 1.0)) and item.oiou_interval == pytest.approx((0.0, 1.0))
    assert found.baselines["swapped"].difference["toy val"].oiou == 1.0


def test_which_report(samples: list[Sample]) -> None:
    report = which_report(evaluate(Oracle(), samples))
    assert (report.n, report.right_iou, report.distractor_iou, report.right_share) == (2, 0.5, 0.5, 0.5)
    with pytest.raises(DataError, match="with a distractor, got none"):
        which_report(evaluate(Oracle(), samples[2:]))


def test_the_summary_file(samples: list[Sample], tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, evaluate(Oracle(), samples))
    content = json.loads(path.read_text())
    assert content["protocol"] == "strict"
    assert list(content["splits"]) == ["toy val", "toy test"]
    assert content["splits"]["toy val"] == {
        "n": 2,
        "which": {"n": 2, "right_iou": 0.5, "distractor_iou": 0.5, "right_share": 0.5},
        "images": 1,
        "oiou": pytest.approx(24 / 72),
        "oiou_interval": pytest.approx([24 / 72, 24 / 72]),
        "miou": 0.5,
        "miou_interval": [0.5, 0.5],
        "precision": {"0.5": 0.5, "0.6": 0.5, "0.7": 0.5, "0.8": 0.5, "0.9": 0.5},
    }
    with pytest.raises(DataError, match="at least one record"):
        write_summary(path, [])
    assert json.loads(path.read_text()) == content


def test_the_summary_file_has_all_baselines_and_records(samples: list[Sample], tmp_path: Path) -> None:
    path, records = tmp_path / "summary.json", evaluate(Oracle(), samples)
    write_summary(path, records, {"whole image": evaluate(WholeImage(), samples)})
    content = json.loads(path.read_text())
    assert list(content) == ["protocol", "splits", "all", "slices", "baselines", "records"]
    assert content["slices"]["splits"]["toy val"]["several of its class"] == content["splits"]["toy val"]
    assert content["slices"]["all"]["location words"]["n"] == 3
    assert content["baselines"]["whole image"]["difference"]["all"]["n"] == 3
    assert content["all"]["n"] == 3 and content["all"]["oiou"] == pytest.approx(44 / 112)
    assert content["records"] == [dataclasses.asdict(item) for item in records]
    assert content["baselines"]["whole image"]["all"]["oiou"] == pytest.approx((24 + 24 + 40) / (48 + 48 + 40))
    with pytest.raises(DataError, match="not finite"):
        write_summary(path, [dataclasses.replace(records[0], score=float("nan"))])
    assert json.loads(path.read_text()) == content
