"""An evaluation that is cut off anywhere goes on to the records of one that was not."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from deixis.baselines import Baseline, WholeImage
from deixis.errors import DataError, InputError
from deixis.evaluate import compare
from deixis.ledger import Ledger
from deixis.types import Record, Sample
from fakes import Oracle

ABOUT = {"model": "a", "datasets": ["toy:val"]}
Records = tuple[list[Record], dict[str, list[Record]]]


def measured(path: Path, samples: list[Sample], about: dict[str, Any] = ABOUT) -> tuple[Records, int]:
    """The records, and how many pictures had to be encoded."""
    oracle = Oracle()
    with Ledger(path, about) as ledger:
        records = compare(oracle, {"all": Baseline(WholeImage().segment_many)}, iter(samples), ledger=ledger)
    return records, oracle.encoded


def test_cut_off_at_any_byte_it_goes_on_to_the_same_records(tmp_path: Path, samples: list[Sample]) -> None:
    path = tmp_path / "new" / "ledger.jsonl"
    expected = compare(Oracle(), {"all": Baseline(WholeImage().segment_many)}, iter(samples))
    assert measured(path, samples) == (expected, 2)
    whole = path.read_bytes()
    left = set()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        records, encoded = measured(path, samples)
        assert records == expected
        assert path.read_bytes() == whole
        left.add(encoded)
    assert left == {2, 1, 0}


def test_what_is_kept_is_not_asked_again_when_the_predictor_breaks(tmp_path: Path, samples: list[Sample]) -> None:
    class Breaking(Oracle):
        def encode_image(self, image: Any) -> Any:
            if self.encoded == 1:
                raise RuntimeError("killed")
            return super().encode_image(image)

    with pytest.raises(RuntimeError, match="killed"), Ledger(tmp_path / "l", ABOUT) as ledger:
        compare(Breaking(), {"all": Baseline(WholeImage().segment_many)}, iter(samples), ledger=ledger)
    _, encoded = measured(tmp_path / "l", samples)
    assert encoded == 1


def test_the_ledger_of_another_evaluation_is_refused_and_left_alone(tmp_path: Path, samples: list[Sample]) -> None:
    path = tmp_path / "l"
    measured(path, samples)
    before = path.read_bytes()
    with pytest.raises(DataError, match="expected the ledger of this evaluation, got that of another"):
        measured(path, samples, {**ABOUT, "model": "b"})
    renamed = [dataclasses.replace(sample, phrase="other") for sample in samples]
    with pytest.raises(DataError, match="picture 1 has other expressions than the dataset"):
        measured(path, renamed)
    assert path.read_bytes() == before


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path, samples: list[Sample]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\nand bread")
    with pytest.raises(DataError, match=r"notes\.txt: expected the ledger of an evaluation, got something else"):
        measured(path, samples)
    assert path.read_text() == "buy milk\nand bread"


@pytest.mark.parametrize(
    "line", ["3", "{}", '{"sentences": [], "records": [[3]]}', '{"sentences": [], "records": [[{}]]}']
)
def test_lines_that_are_no_records_are_refused(tmp_path: Path, samples: list[Sample], line: str) -> None:
    (tmp_path / "l").write_text(json.dumps(ABOUT) + "\n" + line + "\n")
    with pytest.raises(DataError, match="l:2: expected a picture's records, got something else"):
        measured(tmp_path / "l", samples)


def test_every_line_is_json(tmp_path: Path, samples: list[Sample]) -> None:
    measured(tmp_path / "l", samples)
    about, *pictures = [json.loads(line) for line in (tmp_path / "l").read_text().splitlines()]
    assert about == ABOUT and [len(picture["sentences"]) for picture in pictures] == [2, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_two_evaluations_do_not_share_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path, ABOUT):
        with pytest.raises(InputError, match="another evaluation writes to this file"):
            Ledger(path, ABOUT)
        assert path.read_text() == json.dumps(ABOUT) + "\n"
    with Ledger(path, ABOUT):
        pass
