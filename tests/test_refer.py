from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deixis.data.refer import iter_refer, load_refer
from deixis.errors import DataError


def ref(ref_id: int, ann_id: int, image_id: int, split: str, *sentences: tuple[int, str]) -> dict[str, Any]:
    return {
        "ref_id": ref_id,
        "ann_id": ann_id,
        "image_id": image_id,
        "category_id": 1,
        "split": split,
        "file_name": f"COCO_train2014_{image_id:012}_{ann_id}.jpg",
        "sent_ids": [sent_id for sent_id, _ in sentences],
        "sentences": [
            {"sent_id": sent_id, "sent": sent, "raw": sent.upper(), "tokens": sent.split()}
            for sent_id, sent in sentences
        ],
    }


REFS = [
    ref(0, 10, 1, "val", (5, "left dog"), (6, "brown dog")),
    ref(1, 20, 2, "val", (7, "caf\u00e9 sign")),
    ref(2, 11, 1, "val", (8, "person")),
    ref(3, 21, 2, "testA", (9, "man")),
    ref(4, 20, 2, "testB", (10, "sign")),
]
INSTANCES = {
    "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    "images": [
        {"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "width": 10, "height": 8},
        {"id": 2, "file_name": "COCO_train2014_000000000002.jpg", "width": 6, "height": 4},
    ],
    "annotations": [
        {
            "id": 10,
            "image_id": 1,
            "category_id": 18,
            "segmentation": [[0, 0, 6, 0, 6, 6, 0, 6], [4, 4, 10, 4, 10, 8, 4, 8]],
            "bbox": [0, 0, 10, 8],
        },
        {"id": 11, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]], "bbox": [0, 0, 2, 2]},
        {"id": 20, "image_id": 2, "category_id": 1, "segmentation": [[0, 0, 6, 0, 6, 4, 0, 4]], "bbox": [0, 0, 6, 4]},
        {"id": 21, "image_id": 2, "category_id": 1, "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]], "bbox": [1, 1, 2, 2]},
    ],
}


def write(root: Path, refs: Any = REFS, dataset: str = "refcoco", name: str = "refs(unc).p", images: str = "") -> Path:
    """A REFER root; ``refs`` as bytes are written as they are."""
    folder = root / dataset
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(refs if isinstance(refs, bytes) else pickle.dumps(refs, protocol=2))
    (folder / "instances.json").write_text(json.dumps(INSTANCES))
    for image in INSTANCES["images"]:
        path = root / "images" / images / image["file_name"]  # type: ignore[index]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_one_sample_per_sentence_grouped_by_picture(tmp_path: Path) -> None:
    samples = load_refer(write(tmp_path), "refcoco", "val")
    assert [sample.phrase for sample in samples] == ["left dog", "brown dog", "person", "café sign"]
    assert [sample.sent_id for sample in samples] == [5, 6, 8, 7]
    assert [sample.image_id for sample in samples] == [1, 1, 1, 2]
    assert [sample.category for sample in samples] == ["dog", "dog", "person", "person"]
    assert {(sample.dataset, sample.split) for sample in samples} == {("refcoco", "val")}
    assert samples[0].image == tmp_path / "images" / "COCO_train2014_000000000001.jpg"
    assert samples[0].distractor is None


def test_masks_are_unions_of_polygons_at_the_size_of_the_picture(tmp_path: Path) -> None:
    sample = load_refer(write(tmp_path), "refcoco", "val")[0]
    expected = np.zeros((8, 10), dtype=bool)
    expected[0:6, 0:6] = expected[4:8, 4:10] = True
    np.testing.assert_array_equal(sample.mask, expected)
    with pytest.raises(ValueError, match="read-only"):
        sample.mask[0, 0] = False


def test_splits_can_be_taken_together(tmp_path: Path) -> None:
    samples = load_refer(write(tmp_path), "refcoco", "testA+testB")
    assert [(sample.split, sample.phrase) for sample in samples] == [("testA", "man"), ("testB", "sign")]


def test_an_unknown_split_is_answered_with_those_there_are(tmp_path: Path) -> None:
    for split in ("test", "val+test", "", "VAL"):
        with pytest.raises(DataError, match=r"refs\(unc\)\.p: expected a split of testA, testB, val, got"):
            load_refer(write(tmp_path), "refcoco", split)


@pytest.mark.parametrize("images", ["", "train2014", "mscoco/images/train2014"])
def test_pictures_are_found_in_the_standard_places(tmp_path: Path, images: str) -> None:
    sample = load_refer(write(tmp_path, images=images), "refcoco", "val")[0]
    assert sample.image == tmp_path / "images" / images / "COCO_train2014_000000000001.jpg"


def test_a_missing_picture_is_named_before_the_first_sample(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "images" / "COCO_train2014_000000000002.jpg").unlink()
    with pytest.raises(DataError, match=r"image 2: expected COCO_train2014_000000000002\.jpg in images, images/train"):
        iter_refer(tmp_path, "refcoco", "val")


@pytest.mark.parametrize(
    ("dataset", "name", "split_by"),
    [
        ("refcoco+", "refs(unc).p", None),
        ("refcocog", "refs(umd).p", None),
        ("refcocog", "refs(google).p", "google"),
        ("refclef", "refs(berkeley).p", "berkeley"),
        ("mine", "refs(x).p", "x"),
    ],
)
def test_every_published_division(tmp_path: Path, dataset: str, name: str, split_by: str | None) -> None:
    assert len(load_refer(write(tmp_path, dataset=dataset, name=name), dataset, "val", split_by)) == 4


def test_a_missing_dataset_or_division_is_answered_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, dataset="refcocog", name="refs(google).p")
    with pytest.raises(DataError, match=r"dataset 'refcoco', found nothing; datasets in .*: refcocog"):
        load_refer(tmp_path, "refcoco", "val")
    with pytest.raises(DataError, match=r"refs\(umd\)\.p: expected the references there.* has refs\(google\)\.p"):
        load_refer(tmp_path, "refcocog", "val")
    with pytest.raises(DataError, match=r"datasets in .*: none"):
        load_refer(tmp_path / "nowhere", "refcoco", "val")
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="expected split_by"):
        load_refer(tmp_path, "mine", "val")


def test_missing_instances_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "refcoco" / "instances.json").unlink()
    with pytest.raises(DataError, match=r"instances\.json: expected a JSON file, found nothing"):
        load_refer(tmp_path, "refcoco", "val")


@pytest.mark.parametrize(("ann_id", "image_id"), [(99, 1), (20, 1)])
def test_a_reference_that_does_not_join_is_named(tmp_path: Path, ann_id: int, image_id: int) -> None:
    refs = [*REFS, ref(7, ann_id, image_id, "val", (11, "x"))]
    with pytest.raises(DataError, match=rf"ref 7 names ann_id {ann_id} of image 1, expected one of the 4 annotations"):
        load_refer(write(tmp_path, refs), "refcoco", "val")


def test_pickles_of_python_2_are_read(tmp_path: Path) -> None:
    # Python 2 wrote byte strings (opcode U) where Python 3 writes unicode (opcode X).
    content = pickle.dumps(REFS, protocol=2)
    python2 = content.replace(b"X\x03\x00\x00\x00val", b"U\x03val").replace(b"X\x04\x00\x00\x00sent", b"U\x04sent")
    assert python2 != content
    assert len(load_refer(write(tmp_path, python2), "refcoco", "val")) == 4


def test_byte_strings_that_are_not_utf8_are_read_as_latin_1(tmp_path: Path) -> None:
    content = pickle.dumps(REFS, protocol=2)
    python2 = content.replace(b"X\x0a\x00\x00\x00caf\xc3\xa9 sign", b"U\x09caf\xe9 sign")
    assert python2 != content
    assert load_refer(write(tmp_path, python2), "refcoco", "val")[3].phrase == "café sign"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_pickle_is_refused(tmp_path: Path, share: float) -> None:
    content = pickle.dumps(REFS, protocol=2)
    root = write(tmp_path, content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"refs\(unc\)\.p: expected a pickle of references, it is damaged"):
        load_refer(root, "refcoco", "val")


class Exploit:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_with_code_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    proof = tmp_path / "executed"
    content = pickle.dumps([*REFS, Exploit(proof)], protocol=protocol)
    with pytest.raises(DataError, match=r"refs\(unc\)\.p: .*got the global .*system; do not trust it"):
        load_refer(write(tmp_path, content), "refcoco", "val")
    assert not proof.exists()
    pickle.loads(content)  # the same bytes do harm elsewhere, so the test can fail
    assert proof.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"(S'1'\ni__builtin__\neval\n.",
        b"ccollections\nOrderedDict\n)R.",
        b"Pperson\n.",  # a persistent id
        b"\x80\x02\x82\x01.",  # an extension code
    ],
)
def test_no_class_and_no_global_is_built(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"refs\(unc\)\.p"):
        load_refer(write(tmp_path, content), "refcoco", "val")


def broken(key: str, value: Any) -> list[dict[str, Any]]:
    refs = copy.deepcopy(REFS)
    refs[1][key] = value
    return refs


@pytest.mark.parametrize(
    ("refs", "message"),
    [
        ({"a": 1}, "expected a list of references, got dict"),
        ([1], "reference 0: expected a dict with 'sentences' of type list, got 1"),
        (broken("ann_id", [20]), r"reference 1: expected a dict with 'ann_id' of type int, got \[20\]"),
        (broken("split", None), "reference 1: expected a dict with 'split' of type str, got None"),
        (broken("sentences", [{"sent": "x"}]), "reference 1: expected a dict with 'sent_id' of type int"),
        (broken("sentences", ["x"]), "reference 1: expected a dict with 'sent_id' of type int, got 'x'"),
        (broken("ref_id", 0), "reference 1: expected unique ref_ids, got 0 a second time"),
    ],
)
def test_malformed_references_are_named(tmp_path: Path, refs: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"refs\(unc\)\.p: {message}"):
        load_refer(write(tmp_path, refs), "refcoco", "val")


def test_an_object_with_only_a_box_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    content = copy.deepcopy(INSTANCES)
    content["annotations"][0]["segmentation"] = []
    (tmp_path / "refcoco" / "instances.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="annotation 10: expected a segmentation, got only a box"):
        load_refer(tmp_path, "refcoco", "val")


@pytest.mark.parametrize(
    ("dataset", "expressions", "images"), [("refcoco", 39, 4), ("refcoco+", 42, 4), ("refcocog", 15, 6)]
)
def test_real_rows(shared_data: Path, dataset: str, expressions: int, images: int) -> None:
    samples = load_refer(shared_data / "refer", dataset, "val")
    assert len(samples) == expressions
    assert len({sample.sent_id for sample in samples}) == expressions
    assert len({sample.image for sample in samples}) == images
    assert all(sample.mask.any() and not sample.mask.all() and sample.phrase for sample in samples)


def test_the_distractor_is_the_largest_other_object_of_the_class(tmp_path: Path) -> None:
    root = write(tmp_path)
    alone = {sample.sent_id: sample.distractor for sample in load_refer(root, "refcoco", "val")}
    (small,) = load_refer(root, "refcoco", "testA")
    (large,) = load_refer(root, "refcoco", "testB")
    assert alone[5] is None and alone[8] is None  # the only dog, and the only person of that picture
    assert small.distractor is not None and large.distractor is not None
    np.testing.assert_array_equal(small.distractor, large.mask)
    np.testing.assert_array_equal(large.distractor, small.mask)
