"""References joined with a COCO file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deixis.data.coco import load_coco
from deixis.data.coco_references import CocoReference, join_coco
from deixis.data.references import ExpressionDataset
from deixis.errors import DataError
from releases import INSTANCES, write_pictures


def join(root: Path, *rows: CocoReference, instances: dict[str, Any] = INSTANCES) -> ExpressionDataset:
    write_pictures(root / "images")
    (root / "instances.json").write_text(json.dumps(instances))
    coco = load_coco(root / "instances.json", Path())
    return join_coco(root, "mine", "val", root / "rows.json", rows, coco)


def row(sent_id: int, image_id: int, *ann_ids: int) -> CocoReference:
    return CocoReference(f"row {sent_id}", "val", image_id, ann_ids, ((sent_id, "x"),))


def changed(index: int, **values: Any) -> dict[str, Any]:
    annotations = [dict(annotation) for annotation in INSTANCES["annotations"]]
    annotations[index] |= values
    return INSTANCES | {"annotations": annotations}


def test_the_distractor_is_the_largest_other_object_of_the_class(tmp_path: Path) -> None:
    dog, large, small = join(tmp_path, row(1, 1, 10), row(2, 2, 20), row(3, 2, 21))
    assert dog.distractor is None  # the only dog
    assert large.distractor is not None and small.distractor is not None
    np.testing.assert_array_equal(small.distractor, large.mask)
    np.testing.assert_array_equal(large.distractor, small.mask)
    assert large.distractor is small.mask  # one picture decodes an object once


def test_a_crowd_and_a_box_are_no_distractors(tmp_path: Path) -> None:
    for values in ({"iscrowd": 1}, {"segmentation": []}):
        (sample,) = join(tmp_path, row(1, 2, 20), instances=changed(3, **values))
        assert sample.distractor is None


def test_several_targets_are_a_union_without_crowds(tmp_path: Path) -> None:
    (both,) = join(tmp_path, row(1, 2, 21, 20))
    assert both.mask.all() and both.distractor is None
    (one,) = join(tmp_path, row(1, 2, 21, 20), instances=changed(2, iscrowd=1))
    assert one.mask.sum() == 4
    (crowd,) = join(tmp_path, row(1, 2, 20), instances=changed(2, iscrowd=1))
    assert crowd.mask.all()


@pytest.mark.parametrize("ann_ids", [(99,), (10,), (20, 99)])
def test_annotations_that_are_not_there_or_of_another_picture_are_named(
    tmp_path: Path, ann_ids: tuple[int, ...]
) -> None:
    with pytest.raises(DataError, match=r"rows\.json: row 4 names ann_id .* of image 2, expected some of the 4"):
        join(tmp_path, row(4, 2, *ann_ids))


def test_a_target_that_is_only_a_box_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"instances\.json: annotation 21: expected a segmentation, got only a box"):
        join(tmp_path, row(1, 2, 21), instances=changed(3, segmentation=[]))


def test_a_damaged_mask_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    dataset = join(tmp_path, row(1, 2, 21), instances=changed(3, segmentation=[[1, 1]]))
    assert dataset.counts.refs == 1  # nothing is decoded before
    with pytest.raises(DataError, match=r"instances\.json: annotation 21 of image 2: expected polygons"):
        dataset.samples(0)
