from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from deixis.baselines import Baseline, CentreBox, WholeImage
from deixis.errors import DataError, ImageError, PhraseError
from deixis.evaluate import compare, evaluate, read_records, record, write_records
from deixis.odds import certain
from deixis.types import Features, Record, Sample, Segmentation
from fakes import Oracle


def test_records_by_hand(samples: list[Sample]) -> None:
    first, second, third = evaluate(Oracle(), samples)
    assert first == Record("toy", "val", 1, 0, "left", 24, 24, 24, 24, 6, 8, 0.75, 0.0, "dog", {"kind": "location"})
    assert (second.intersection, second.union, second.distractor_iou) == (0, 48, 1.0)
    assert (third.intersection, third.union, third.predicted, third.target) == (20, 40, 20, 40)
    assert third.distractor_iou is None and third.category is None


def test_one_encoding_per_picture(samples: list[Sample]) -> None:
    oracle, done = Oracle(), []
    evaluate(oracle, iter(samples), done.append)
    assert oracle.encoded == 2
    assert oracle.asked == [["left", "right"], ["left"]]
    assert done == [2, 1]


def test_baselines_share_the_encoding(samples: list[Sample]) -> None:
    oracle, done = Oracle(), []
    baselines = {
        "everything": Baseline(WholeImage().segment_many),
        "box": Baseline(CentreBox().segment_many),
        "reversed": Baseline(oracle.segment_many, lambda phrases: [*reversed(phrases)]),
    }
    records, others = compare(oracle, baselines, iter(samples), done.append)
    assert oracle.encoded == 2 and done == [2, 1]
    assert records == evaluate(Oracle(), samples)
    assert others["everything"] == evaluate(WholeImage(), samples)
    assert others["box"] == evaluate(CentreBox(), samples)
    assert [item.intersection for item in others["reversed"]] == [0, 24, 20]  # "right" and "left" changed places
    assert [item.phrase for item in others["reversed"]] == ["left", "right", "left"]


def test_a_baseline_may_leave_rows_out(samples: list[Sample]) -> None:
    oracle = Oracle()
    only = Baseline(oracle.segment_many, lambda phrases: [phrase if phrase == "right" else None for phrase in phrases])
    records, others = compare(oracle, {"only right": only}, samples)
    assert len(records) == 3
    assert [item.sent_id for item in others["only right"]] == [1]
    assert oracle.asked == [["left", "right"], ["right"], ["left"]]  # nothing is asked where nothing is left


def test_samples_are_taken_picture_by_picture(samples: list[Sample]) -> None:
    oracle = Oracle()

    def lazy() -> Iterator[Sample]:
        for index, sample in enumerate(samples):
            assert index < 3 or oracle.encoded
            yield sample
        assert oracle.encoded == 1  # the first picture was done before the last sample was asked for

    evaluate(oracle, lazy())


def test_no_samples_no_records() -> None:
    assert evaluate(Oracle(), []) == []


def test_empty_masks_agree(samples: list[Sample]) -> None:
    empty = np.zeros((6, 8), dtype=bool)
    sample = dataclasses.replace(samples[0], mask=empty, distractor=empty)
    result = record(sample, Segmentation("x", empty, partial(certain, empty), 0.0))
    assert result.iou == 1.0 and result.distractor_iou == 1.0


def test_a_mask_of_another_size_is_explained(samples: list[Sample]) -> None:
    for changes in ({"mask": np.zeros((8, 6), dtype=bool)}, {"distractor": np.zeros((8, 6), dtype=bool)}):
        with pytest.raises(DataError, match=r"a\.png: the mask of expression 0 is \(8, 6\), the picture is \(6, 8\)"):
            evaluate(Oracle(), [dataclasses.replace(samples[0], **changes)])


def test_filled_boxes_are_no_truth(samples: list[Sample]) -> None:
    rows = [dataclasses.replace(sample, box_only=True) for sample in samples]
    with pytest.raises(DataError, match="expected a mask as truth, got filled boxes; IoU with a box is"):
        evaluate(WholeImage(), rows)


def test_a_missing_picture_is_explained(samples: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.png"):
        evaluate(Oracle(), [dataclasses.replace(samples[0], image=tmp_path / "none.png")])


def test_a_predictor_that_breaks_its_promise_is_refused(samples: list[Sample]) -> None:
    class Silent(Oracle):
        def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
            return super().segment_many(features, phrases)[1:]

    class Small(Oracle):
        def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
            return super().segment_many(dataclasses.replace(features, height=3), phrases)

    with pytest.raises(DataError, match="expected 2 answers, the predictor gave 1"):
        evaluate(Silent(), samples)
    with pytest.raises(DataError, match=r"one shape, got \(3, 8\) bool and \(6, 8\) bool"):
        evaluate(Small(), samples)


def test_a_phrase_without_a_known_word_counts_as_answered_by_nothing(samples: list[Sample]) -> None:
    class Picky(Oracle):
        def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
            if "right" in phrases:
                raise PhraseError("none of the words is known")
            return super().segment_many(features, phrases)

    first, second, third = evaluate(Picky(), samples)
    assert (second.phrase, second.predicted, second.intersection, second.score) == ("right", 0, 0, 0.0)
    assert second.union == second.target == 24
    expected = evaluate(Oracle(), samples)
    assert [first, third] == [expected[0], expected[2]]


# --- files -------------------------------------------------------------------------------------------------------


def test_records_survive_a_round_trip(samples: list[Sample], tmp_path: Path) -> None:
    records = evaluate(Oracle(), samples)
    records[0] = dataclasses.replace(records[0], phrase='caf\u00e9 "\u2028" \U0001f415\n', score=1 / 3)
    path = tmp_path / "out" / "records.jsonl"
    write_records(path, records)
    assert read_records(path) == records
    assert len(path.read_bytes().splitlines()) == 3
    assert [item.name for item in path.parent.iterdir()] == ["records.jsonl"]


def test_a_failure_keeps_the_old_records(samples: list[Sample], tmp_path: Path) -> None:
    records = evaluate(Oracle(), samples)
    path = tmp_path / "records.jsonl"
    write_records(path, records)
    with pytest.raises(DataError, match="expression 1 has a number that is not finite"):
        write_records(path, [records[0], dataclasses.replace(records[1], score=float("nan"))])
    assert read_records(path) == records


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{", "one JSON object a line"),
        ("[]", r"got \[\]"),
        ('{"image_id": 1}', "'sent_id' should be a whole number, got None"),
        ('+"extra": 1', "unexpected keyword argument 'extra'"),
        ('+"union": 3', "expected 0 <= intersection <= union, got 24 and 3"),
        ('+"score": null', "'score' should be a number, got None"),
        ("\udcff", "one JSON object a line"),
    ],
)
def test_a_damaged_line_is_named(samples: list[Sample], tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, evaluate(Oracle(), samples[:1]))
    good = path.read_text().strip()
    bad = f"{good[:-1]}, {change[1:]}}}" if change.startswith("+") else change
    path.write_bytes(f"{good}\n{bad}\n".encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=rf"records\.jsonl:2: expected a record .*{message}"):
        read_records(path)


def test_missing_records_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: expected a file of records, found nothing"):
        read_records(tmp_path / "none.jsonl")
