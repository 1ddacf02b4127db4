from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deixis.data.dataset import open_dataset
from deixis.errors import DataError, ImageError, PhraseError
from deixis.evaluate import (
    CategoryOnly,
    CentreBox,
    Predictor,
    WholeImage,
    evaluate,
    read_records,
    record,
    summaries,
    which_report,
    write_records,
    write_summary,
)
from deixis.metrics import Summary
from deixis.report.tables import summary_table
from deixis.types import Features, ImageArray, Record, Sample, Segmentation
from fakes import colour_segmenter, scene


def left_half(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[:, : width // 2] = True
    return mask


class Oracle:
    """Answers "left" with the left half and everything else with the right one; counts its work."""

    def __init__(self) -> None:
        self.encoded = 0
        self.asked: list[list[str]] = []

    def encode_image(self, image: ImageArray) -> Features:
        self.encoded += 1
        return Features({}, image.shape[0], image.shape[1], 32)

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        self.asked.append(list(phrases))
        left = left_half(features.height, features.width)
        masks = [left if phrase == "left" else ~left for phrase in phrases]
        return [
            Segmentation(phrase, mask, mask.astype(np.float32), 0.75)
            for phrase, mask in zip(phrases, masks, strict=True)
        ]


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Two pictures, three phrases; the second is meant as its right half, the oracle's distractor."""
    for name, (height, width) in {"a": (6, 8), "b": (4, 10)}.items():
        Image.new("RGB", (width, height)).save(tmp_path / f"{name}.png")
    left_a, left_b = left_half(6, 8), left_half(4, 10)
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    return [
        Sample("toy", "val", 1, 0, a, "left", left_a, "dog", {"kind": "location"}, distractor=~left_a),
        Sample("toy", "val", 1, 1, a, "right", left_a, "dog", distractor=~left_a),
        Sample("toy", "test", 2, 2, b, "left", left_b | ~left_b),
    ]


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


@pytest.mark.parametrize("baseline", [WholeImage(), CentreBox()])
def test_an_empty_truth_and_baselines(samples: list[Sample], baseline: Predictor) -> None:
    nothing = dataclasses.replace(samples[0], mask=np.zeros((6, 8), dtype=bool), distractor=None)
    (result,) = evaluate(baseline, [nothing])
    assert result.intersection == 0 and result.union == result.predicted > 0 and result.iou == 0.0


def test_empty_masks_agree(samples: list[Sample]) -> None:
    empty = np.zeros((6, 8), dtype=bool)
    sample = dataclasses.replace(samples[0], mask=empty, distractor=empty)
    result = record(sample, Segmentation("x", empty, empty.astype(np.float32), 0.0))
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


def test_the_category_baseline_is_the_second_term_alone() -> None:
    segmenter = colour_segmenter()
    image = scene(60, 80, (0, 0, 40, 60))
    p2 = segmenter.explain(image, "red").terms["p2"]  # the fake's p2 is at most 0.4
    for threshold, expected in ((0.5, np.zeros((60, 80), dtype=bool)), (0.3, p2 >= 0.3)):
        baseline = CategoryOnly(segmenter, threshold)
        red, _ = baseline.segment_many(baseline.encode_image(image), ["red", "green"])
        np.testing.assert_array_equal(red.mask, expected)
        np.testing.assert_array_equal(red.probability, p2)
        assert red.phrase == "red" and red.score == segmenter.segment(image, "red").score


def test_the_whole_image_baseline() -> None:
    (answer,) = WholeImage().segment_many(WholeImage().encode_image(np.zeros((3, 5, 3), np.uint8)), ["x"])
    assert answer.mask.shape == (3, 5) and answer.mask.all()
    assert (answer.share, answer.score, answer.probability.dtype) == (1.0, 1.0, np.float32)


@pytest.mark.parametrize(("height", "width"), [(100, 200), (333, 500), (640, 480)])
def test_the_centre_box_is_central_and_half_the_area(height: int, width: int) -> None:
    mask = CentreBox().mask(height, width)
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert abs(rows[0] - (height - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (width - 1 - columns[-1])) <= 1
    assert mask.sum() == len(rows) * len(columns)


def test_the_centre_box_of_one_pixel_is_that_pixel() -> None:
    assert CentreBox().mask(1, 1).all()


def test_which_report(samples: list[Sample]) -> None:
    report = which_report(evaluate(Oracle(), samples))
    assert (report.n, report.right_iou, report.distractor_iou, report.right_share) == (2, 0.5, 0.5, 0.5)
    with pytest.raises(DataError, match="with a distractor, got none"):
        which_report(evaluate(Oracle(), samples[2:]))


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
    assert content["all"]["n"] == 3 and content["all"]["oiou"] == pytest.approx(44 / 112)
    assert content["records"] == [dataclasses.asdict(item) for item in records]
    assert content["baselines"]["whole image"]["all"]["oiou"] == pytest.approx((24 + 24 + 40) / (48 + 48 + 40))
    with pytest.raises(DataError, match="not finite"):
        write_summary(path, [dataclasses.replace(records[0], score=float("nan"))])
    assert json.loads(path.read_text()) == content


# --- tables ------------------------------------------------------------------------------------------------------


def test_the_table_of_summaries(samples: list[Sample]) -> None:
    rows = summaries(evaluate(Oracle(), samples))
    assert summary_table(
        {
            "oracle | toy val": rows["toy val"],
            "big": Summary(1234, 1.0, 0.12345, dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9), 0.0)),
        }
    ) == (
        "|  | n | prec@0.5 | prec@0.6 | prec@0.7 | prec@0.8 | prec@0.9 | oIoU | mIoU |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| oracle \\| toy val | 2 | 50.00 | 50.00 | 50.00 | 50.00 | 50.00 | 33.33 | 50.00 |\n"
        "| big | 1,234 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 100.00 | 12.35 |\n"
    )
    assert summary_table({}).count("\n") == 2


def test_baselines_on_real_rows(shared_data: Path) -> None:
    rows = list(open_dataset(shared_data / "refer", "refcocog:val"))
    whole, centre = (summaries(evaluate(baseline, rows))["refcocog val"] for baseline in (WholeImage(), CentreBox()))
    assert whole.n == centre.n == 15
    assert whole.miou == pytest.approx(np.mean([sample.mask.mean() for sample in rows]))
    assert whole.oiou < centre.oiou < 0.5
