"""Google's release, plain and aligned, joined with COCO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deixis.data.google_refexp import load_google_refexp
from deixis.data.references import Counts
from deixis.errors import DataError
from releases import INSTANCES, write_pictures

Rows = list[dict[str, Any]]


def annotation(annotation_id: int, image_id: int, *refexp_ids: int) -> dict[str, Any]:
    return {
        "annotation_id": annotation_id,
        "image_id": image_id,
        "refexp_ids": list(refexp_ids),
        "region_candidates": [{"bounding_box": [0, 0, 1, 1], "predicted_object_name": "x"}],
    }


def refexp(refexp_id: int, raw: str) -> dict[str, Any]:
    return {"refexp_id": refexp_id, "raw": raw, "tokens": raw.split(), "parse": {}}


ANNOTATIONS = [annotation(10, 1, 101, 103), annotation(21, 2, 102)]
REFEXPS = [refexp(101, "The brown dog. "), refexp(102, "A small man"), refexp(103, "A dog on the left")]


def write(
    root: Path, annotations: Any = ANNOTATIONS, refexps: Any = REFEXPS, split: str = "val", suffix: str = ""
) -> Path:
    folder = root / "google_refexp"
    folder.mkdir(exist_ok=True)
    content = {"annotations": annotations, "refexps": refexps}
    (folder / f"google_refexp_{split}_201511{suffix}.json").write_text(json.dumps(content))
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / "instances_train2014.json").write_text(json.dumps(INSTANCES))
    write_pictures(root / "images" / "train2014")
    return root


def aligned(rows: Rows, key: str) -> dict[str, dict[str, Any]]:
    return {str(row[key]): row for row in rows}


def test_annotations_are_joined_with_coco(tmp_path: Path) -> None:
    dataset = load_google_refexp(write(tmp_path), "val")
    assert dataset.counts == Counts(refs=2, expressions=3, images=2)
    samples = list(dataset)
    assert [(sample.image_id, sample.sent_id, sample.phrase) for sample in samples] == [
        (1, 101, "The brown dog."),
        (1, 103, "A dog on the left"),
        (2, 102, "A small man"),
    ]
    assert {(sample.dataset, sample.split) for sample in samples} == {("google_refexp", "val")}
    assert samples[0].mask.shape == (8, 10) and samples[0].category == "dog"
    assert samples[2].mask.sum() == 4 and samples[2].distractor is not None
    assert samples[0].image.parent == tmp_path / "images" / "train2014"


def test_the_aligned_file_says_the_same(tmp_path: Path) -> None:
    plain = list(load_google_refexp(write(tmp_path), "val"))
    (tmp_path / "google_refexp" / "google_refexp_val_201511.json").unlink()
    by_id = (aligned(ANNOTATIONS, "annotation_id"), aligned(REFEXPS, "refexp_id"))
    other = list(load_google_refexp(write(tmp_path, *by_id, suffix="_coco_aligned"), "val"))
    assert [(row.sent_id, row.phrase, row.mask.tobytes()) for row in plain] == [
        (row.sent_id, row.phrase, row.mask.tobytes()) for row in other
    ]


def test_the_folder_may_keep_the_name_of_the_toolbox(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "google_refexp").rename(tmp_path / "google_refexp_dataset_release")
    assert len(load_google_refexp(tmp_path, "val")) == 2


def test_an_annotation_in_two_rows_is_one_reference(tmp_path: Path) -> None:
    rows = [annotation(10, 1, 101), annotation(10, 1, 103)]
    assert load_google_refexp(write(tmp_path, rows), "val").counts == Counts(refs=1, expressions=2, images=1)


def test_both_splits_together_and_no_others(tmp_path: Path) -> None:
    write(tmp_path, split="train")
    assert {sample.split for sample in load_google_refexp(write(tmp_path), "val+train")} == {"val", "train"}
    with pytest.raises(DataError, match="expected a split of train, val, got 'test'"):
        load_google_refexp(tmp_path, "test")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected google_refexp_val_201511\.json or .*unpack google_refexp_dataset"):
        load_google_refexp(tmp_path, "val")
    write(tmp_path)
    (tmp_path / "annotations" / "instances_train2014.json").unlink()
    with pytest.raises(DataError, match=r"instances_train2014\.json: expected a JSON file, found nothing"):
        load_google_refexp(tmp_path, "val")


@pytest.mark.parametrize(
    ("annotations", "refexps", "message"),
    [
        (None, REFEXPS, "expected a list or a dict 'annotations', got None"),
        (ANNOTATIONS, 3, "expected a list or a dict 'refexps', got 3"),
        ([annotation(10, 1, 999)], REFEXPS, r"annotations\[0\]: expected refexp_ids of this file's 3 refexps, got 999"),
        ([annotation(10, 1), annotation(10, 2)], REFEXPS, r"annotations\[1\]: expected annotation 10 in one picture"),
        ([{"annotation_id": "10"}], REFEXPS, r"annotations\[0\]: expected an object with an integer 'annotation_id'"),
        (ANNOTATIONS, [*REFEXPS, refexp(102, "x")], r"refexps\[3\]: expected unique refexp_ids, got 102 a second"),
        (ANNOTATIONS, [{"refexp_id": 1}], r"refexps\[0\]: expected an object with a string 'raw'"),
        ({"11": ANNOTATIONS[0]}, REFEXPS, r"annotations\['11'\]: expected a row whose 'annotation_id' is 11"),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, annotations: Any, refexps: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"google_refexp_val_201511\.json: {message}"):
        load_google_refexp(write(tmp_path, annotations, refexps), "val")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([annotation(99, 1, 101)], "annotation 99 names ann_id 99 of image 1, expected some of the 4 annotations"),
        ([annotation(10, 2, 101)], "annotation 10 names ann_id 10 of image 2"),
        ([annotation(10, 9, 101)], "annotation 10: .*expected the id of one of its 2 images, got 9"),
        ([annotation(10, 1, 101), annotation(11, 1, 101)], "expected every sent_id once in val, got 101"),
    ],
)
def test_ids_that_do_not_join_are_named(tmp_path: Path, rows: Rows, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_google_refexp(write(tmp_path, rows), "val")


def test_a_key_that_occurs_twice_is_named(tmp_path: Path) -> None:
    row = json.dumps(ANNOTATIONS[0])
    write(tmp_path)
    path = tmp_path / "google_refexp" / "google_refexp_val_201511.json"
    path.write_text(f'{{"annotations": {{"10": {row}, "10": {row}}}, "refexps": {{}}}}')
    with pytest.raises(DataError, match=r"val_201511\.json: expected every record once, got '10' a second time"):
        load_google_refexp(tmp_path, "val")
