from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deixis.data.refer import load_refer
from deixis.errors import DataError
from deixis.masks import encode_rle
from deixis.types import Sample
from releases import INSTANCES, write_pictures


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


def write(root: Path, refs: Any = REFS, dataset: str = "refcoco", name: str = "refs(unc).p", images: str = "") -> Path:
    """A REFER root; ``refs`` as bytes are written as they are."""
    folder = root / dataset
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(refs if isinstance(refs, bytes) else pickle.dumps(refs, protocol=2))
    (folder / "instances.json").write_text(json.dumps(INSTANCES))
    write_pictures(root / "images" / images)
    return root


def samples_of(root: Path, dataset: str, split: str, split_by: str | None = None) -> list[Sample]:
    return list(load_refer(root, dataset, split, split_by))


def test_one_sample_per_sentence_grouped_by_picture(tmp_path: Path) -> None:
    samples = samples_of(write(tmp_path), "refcoco", "val")
    assert [sample.phrase for sample in samples] == ["left dog", "brown dog", "person", "café sign"]
    assert [sample.sent_id for sample in samples] == [5, 6, 8, 7]
    assert [sample.image_id for sample in samples] == [1, 1, 1, 2]
    assert [sample.category for sample in samples] == ["dog", "dog", "person", "person"]
    assert {(sample.dataset, sample.split) for sample in samples} == {("refcoco", "val")}
    assert samples[0].image == tmp_path / "images" / "COCO_train2014_000000000001.jpg"
    assert samples[0].distractor is None


def test_masks_are_unions_of_polygons_at_the_size_of_the_picture(tmp_path: Path) -> None:
    sample = samples_of(write(tmp_path), "refcoco", "val")[0]
    expected = np.zeros((8, 10), dtype=bool)
    expected[0:6, 0:6] = expected[4:8, 4:10] = True
    np.testing.assert_array_equal(sample.mask, expected)
    with pytest.raises(ValueError, match="read-only"):
        sample.mask[0, 0] = False


def test_splits_can_be_taken_together(tmp_path: Path) -> None:
    samples = samples_of(write(tmp_path), "refcoco", "testA+testB")
    assert [(sample.split, sample.phrase) for sample in samples] == [("testA", "man"), ("testB", "sign")]


def test_an_unknown_split_is_answered_with_those_there_are(tmp_path: Path) -> None:
    for split in ("test", "val+test", "", "VAL"):
        with pytest.raises(DataError, match=r"refs\(unc\)\.p: expected a split of testA, testB, val, got"):
            samples_of(write(tmp_path), "refcoco", split)


@pytest.mark.parametrize("images", ["", "train2014", "mscoco/images/train2014"])
def test_pictures_are_found_in_the_standard_places(tmp_path: Path, images: str) -> None:
    sample = samples_of(write(tmp_path, images=images), "refcoco", "val")[0]
    assert sample.image == tmp_path / "images" / images / "COCO_train2014_000000000001.jpg"


def test_a_missing_picture_is_named_when_files_are_checked(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "images" / "COCO_train2014_000000000002.jpg").unlink()
    dataset = load_refer(tmp_path, "refcoco", "val")
    assert dataset.counts.images == 2
    with pytest.raises(DataError, match=r"image 2: expected COCO_train2014_000000000002\.jpg in .*/images/train2014"):
        dataset.check_files()


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
    samples = samples_of(write(tmp_path, dataset=dataset, name=name), dataset, "val", split_by)
    assert len(samples) == 4
    assert {sample.dataset for sample in samples} == {f"{dataset}-{split_by}" if split_by else dataset}


def test_a_missing_dataset_or_division_is_answered_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, dataset="refcocog", name="refs(google).p")
    with pytest.raises(DataError, match=r"dataset 'refcoco', found nothing; datasets in .*: refcocog"):
        samples_of(tmp_path, "refcoco", "val")
    with pytest.raises(DataError, match=r"refs\(umd\)\.p: expected the references there.* has refs\(google\)\.p"):
        samples_of(tmp_path, "refcocog", "val")
    with pytest.raises(DataError, match=r"datasets in .*: none"):
        samples_of(tmp_path / "nowhere", "refcoco", "val")
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="expected split_by"):
        samples_of(tmp_path, "mine", "val")


def test_missing_instances_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "refcoco" / "instances.json").unlink()
    with pytest.raises(DataError, match=r"instances\.json: expected a JSON file, found nothing"):
        samples_of(tmp_path, "refcoco", "val")


@pytest.mark.parametrize(("ann_id", "image_id"), [(99, 1), (20, 1)])
def test_a_reference_that_does_not_join_is_named(tmp_path: Path, ann_id: int, image_id: int) -> None:
    refs = [*REFS, ref(7, ann_id, image_id, "val", (11, "x"))]
    with pytest.raises(DataError, match=rf"ref 7 names ann_id {ann_id} of image 1, expected some of the 4 annotations"):
        samples_of(write(tmp_path, refs), "refcoco", "val")


def test_pickles_of_python_2_are_read(tmp_path: Path) -> None:
    # Python 2 wrote byte strings (opcode U) where Python 3 writes unicode (opcode X).
    content = pickle.dumps(REFS, protocol=2)
    python2 = content.replace(b"X\x03\x00\x00\x00val", b"U\x03val").replace(b"X\x04\x00\x00\x00sent", b"U\x04sent")
    assert python2 != content
    assert len(samples_of(write(tmp_path, python2), "refcoco", "val")) == 4


def test_byte_strings_that_are_not_utf8_are_read_as_latin_1(tmp_path: Path) -> None:
    content = pickle.dumps(REFS, protocol=2)
    python2 = content.replace(b"X\x0a\x00\x00\x00caf\xc3\xa9 sign", b"U\x09caf\xe9 sign")
    assert python2 != content
    assert samples_of(write(tmp_path, python2), "refcoco", "val")[3].phrase == "café sign"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_pickle_is_refused(tmp_path: Path, share: float) -> None:
    content = pickle.dumps(REFS, protocol=2)
    root = write(tmp_path, content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"refs\(unc\)\.p: expected a pickle of references, it is damaged"):
        samples_of(root, "refcoco", "val")


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
        samples_of(write(tmp_path, content), "refcoco", "val")
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
        samples_of(write(tmp_path, content), "refcoco", "val")


def broken(key: str, value: Any) -> list[dict[str, Any]]:
    refs = copy.deepcopy(REFS)
    refs[1][key] = value
    return refs


@pytest.mark.parametrize(
    ("refs", "message"),
    [
        ({"a": 1}, "expected a list of references, got dict"),
        ([1], "reference 0: expected an object with a list 'sentences', got 1"),
        (broken("ann_id", "20"), "reference 1: expected an object with an integer 'ann_id', got '20'"),
        (broken("split", None), "reference 1: expected an object with a string 'split', got None"),
        (broken("sentences", [{"sent": "x"}]), "reference 1: expected an object with an integer 'sent_id'"),
        (broken("sentences", ["x"]), "reference 1: expected an object with an integer 'sent_id', got 'x'"),
    ],
)
def test_malformed_references_are_named(tmp_path: Path, refs: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"refs\(unc\)\.p: {message}"):
        samples_of(write(tmp_path, refs), "refcoco", "val")


def test_an_object_with_only_a_box_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    content = copy.deepcopy(INSTANCES)
    content["annotations"][0]["segmentation"] = []
    (tmp_path / "refcoco" / "instances.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="annotation 10: expected a segmentation, got only a box"):
        samples_of(tmp_path, "refcoco", "val")


@pytest.mark.parametrize(
    ("dataset", "expressions", "images"), [("refcoco", 39, 4), ("refcoco+", 42, 4), ("refcocog", 15, 6)]
)
def test_real_rows(shared_data: Path, dataset: str, expressions: int, images: int) -> None:
    samples = samples_of(shared_data / "refer", dataset, "val")
    assert len(samples) == expressions
    assert len({sample.sent_id for sample in samples}) == expressions
    assert len({sample.image for sample in samples}) == images
    assert all(sample.mask.any() and not sample.mask.all() and sample.phrase for sample in samples)


# --- RefCLEF: RLE in lists, and references in two test splits ---------------------------------------------------------
def test_refclef_has_lists_of_rle_and_references_in_several_tests(tmp_path: Path) -> None:
    refs = [ref(0, 10, 1, "testA", (1, "a")), ref(1, 10, 1, "testAB", (2, "b")), ref(2, 20, 2, "testC", (3, "c"))]
    write(tmp_path, refs, dataset="refclef", images="saiapr_tc-12")
    left, top = np.zeros((8, 10), dtype=bool), np.zeros((8, 10), dtype=bool)
    left[:, :2] = top[:3] = True
    content = copy.deepcopy(INSTANCES)
    content["annotations"][0]["segmentation"] = [encode_rle(left), encode_rle(top)]
    (tmp_path / "refclef" / "instances.json").write_text(json.dumps(content))
    (sample, both) = samples_of(tmp_path, "refclef", "testA")
    np.testing.assert_array_equal(sample.mask, left | top)
    assert sample.image.parent == tmp_path / "images" / "saiapr_tc-12"
    assert [(row.sent_id, row.split) for row in (sample, both)] == [(1, "testA"), (2, "testA")]
    assert [(row.sent_id, row.split) for row in samples_of(tmp_path, "refclef", "testB")] == [(2, "testB")]
    assert [row.sent_id for row in samples_of(tmp_path, "refclef", "testB+testA")] == [1, 2]
    with pytest.raises(DataError, match="expected a split of testA, testB, testC, got 'testAB'"):
        samples_of(tmp_path, "refclef", "testAB")


# --- gRefCOCO ---------------------------------------------------------------------------------------------------------
def gref(ref_id: int, ann_id: Any, image_id: int, *sentences: tuple[int, str]) -> dict[str, Any]:
    return ref(ref_id, 0, image_id, "val", *sentences) | {"ann_id": ann_id, "no_target": ann_id == [-1]}


def write_grefs(root: Path, refs: Any) -> Path:
    write(root, dataset="grefcoco")
    (root / "grefcoco" / "refs(unc).p").unlink()
    (root / "grefcoco" / "grefs(unc).json").write_text(json.dumps(refs))
    return root


def test_grefcoco_names_one_several_or_nothing(tmp_path: Path) -> None:
    refs = [
        gref(0, [10], 1, (1, "the dog")),
        gref(1, [10, 11], 1, (2, "dog and man")),
        gref(2, [-1], 2, (3, "the zebra"), (4, "a giraffe")),
        gref(3, [20, 21], 2, (5, "both people")),
    ]
    one, both, nothing, _, people = samples_of(write_grefs(tmp_path, refs), "grefcoco", "val")
    assert one.mask.any() and one.category == "dog" and {one.dataset} == {"grefcoco"}
    assert both.mask.sum() == one.mask.sum() and both.category is None  # the man lies on the dog
    assert nothing.mask.shape == (4, 6) and not nothing.mask.any()
    assert (nothing.category, nothing.distractor, nothing.phrase) == (None, None, "the zebra")
    assert people.mask.all() and people.category == "person" and people.distractor is None


@pytest.mark.parametrize("ann_id", [[], [10, -1], ["10"], [True], None])
def test_grefcoco_with_other_ids_is_named(tmp_path: Path, ann_id: Any) -> None:
    with pytest.raises(DataError, match=r"grefs\(unc\)\.json: reference 0: expected .*'ann_id'"):
        samples_of(write_grefs(tmp_path, [gref(0, ann_id, 1, (1, "x"))]), "grefcoco", "val")


def test_grefcoco_of_unknown_pictures_and_missing_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"grefs\(unc\)\.json: ref 5: .*instances\.json: expected the id of one of its 2"
    ):
        samples_of(write_grefs(tmp_path, [gref(5, [-1], 9, (1, "x"))]), "grefcoco", "val")
    (tmp_path / "grefcoco" / "grefs(unc).json").unlink()
    with pytest.raises(DataError, match=r"grefs\(unc\)\.json: expected the references there"):
        samples_of(tmp_path, "grefcoco", "val")
