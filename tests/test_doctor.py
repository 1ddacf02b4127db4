"""What the doctor finds in small releases that are broken in one way each, and that it is silent on a sound one."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from deixis.data import doctor
from deixis.data.doctor import Finding, examine
from deixis.data.splits import Split
from deixis.errors import DataError, InputError
from releases import INSTANCES

SPLITS = ("train", "val")
Release = Callable[..., Path]


def ref(ref_id: int, ann_id: int, image_id: int, split: str, *sentences: str) -> dict[str, Any]:
    numbered = [{"sent_id": 10 * ref_id + place, "sent": text} for place, text in enumerate(sentences)]
    return {"ref_id": ref_id, "ann_id": ann_id, "image_id": image_id, "split": split, "sentences": numbered}


REFS = [ref(1, 10, 1, "train", "left dog", "brown dog"), ref(2, 11, 1, "train", "man"), ref(3, 20, 2, "val", "sign")]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Release:
    """Writes a small release below tmp_path, as if its counts were the published ones."""
    counts = {"train": (2, 3, 1), "val": (1, 1, 1)}
    names = ("refcoco", "refcocog-google", "grefcoco")
    splits = {name: tuple(Split(name, split, *counts[split]) for split in SPLITS) for name in names}
    monkeypatch.setattr(doctor, "SPLITS", splits)
    return functools.partial(write, tmp_path)


def write(root: Path, refs: Any = REFS, change: Callable[[dict[str, Any]], object] = lambda content: None) -> Path:
    """RefCOCO of three references in two pictures; ``change`` breaks its instances.json."""
    content = copy.deepcopy(INSTANCES)
    change(content)
    (root / "images").mkdir(exist_ok=True)
    for image in INSTANCES["images"]:
        Image.new("RGB", (image["width"], image["height"])).save(root / "images" / image["file_name"])
    for folder, division in (("refcoco", "unc"), ("refcocog", "google")):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "instances.json").write_text(json.dumps(content))
        (root / folder / f"refs({division}).p").write_bytes(pickle.dumps(refs))
    return root


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_a_sound_one(release: Release) -> None:
    seen: list[int] = []
    assert examine(release(), "refcoco", progress=seen.append) == []
    assert seen == [1, 1]


def test_counts_that_are_not_the_published_ones(release: Release, tmp_path: Path) -> None:
    found = only(examine(release([*REFS[:2], ref(3, 20, 2, "val", "sign", "shield")]), "refcoco"))
    assert (found.severity, found.check, found.record) == ("error", "counts", "val")
    assert found.file == tmp_path / "refcoco" / "refs(unc).p"
    assert found.problem == "expected the published 1 expressions, got 2"
    assert "fetch the release" in found.remedy


def test_a_split_that_is_missing(release: Release, tmp_path: Path) -> None:
    release(REFS[:2])
    found = only(examine(tmp_path, "refcoco"))
    assert (found.severity, found.problem) == ("error", "expected the published split val, found none")


def test_a_part_of_a_release(release: Release) -> None:
    findings = examine(release(REFS[:1]), "refcoco", part=True)
    assert {(item.severity, item.check, item.remedy) for item in findings} == {("note", "counts", "")}
    assert [item.problem for item in findings] == [
        "expected the published 2 refs, got 1",
        "expected the published 3 expressions, got 2",
        "expected the published split val, found none",
    ]


def test_splits_that_share_pictures(release: Release, tmp_path: Path) -> None:
    release([*REFS[:2], ref(3, 10, 1, "val", "sign")])
    found = only(examine(tmp_path, "refcoco"))
    assert (found.severity, found.check, found.record) == ("error", "splits", "train, val")
    assert found.problem == "expected no picture in two splits; 1 pictures are in both, for example 1"
    published_so = only(examine(tmp_path, "refcocog-google"))
    assert published_so.severity == "note" and published_so.problem.endswith("it was published so")


@pytest.mark.parametrize(
    ("name", "first", "second", "published_so"),
    [
        ("refclef-unc", "testA", "testB", True),
        ("refclef-unc", "train", "testA", False),
        ("refclef-unc", "testA", "val", False),
        ("refcoco", "testA", "testB", False),
        ("google_refexp", "train", "val", True),
    ],
)
def test_which_splits_were_published_with_pictures_in_common(
    name: str, first: str, second: str, published_so: bool
) -> None:
    datasets = {
        split: SimpleNamespace(source=Path(split), pictures=[SimpleNamespace(id=number) for number in (4, 3)])
        for split in (first, second)
    }
    (found,) = doctor._shared_pictures(name, datasets)  # type: ignore[arg-type]
    assert (found.severity == "note") == found.problem.endswith("it was published so") == published_so
    assert found.severity in ("note", "error") and (found.remedy == "") == published_so
    assert (found.file, found.record) == (Path(second), f"{first}, {second}")
    assert "2 pictures are in both, for example 3" in found.problem


def test_a_split_made_of_others_shares_their_pictures(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("trainval", "train", "val")
    monkeypatch.setattr(doctor, "SPLITS", {"refcoco": tuple(Split("refcoco", name, 1, 1, 1) for name in names)})
    release([ref(number, 10, 1, name, "dog") for number, name in enumerate(names, 1)])
    assert only(examine(tmp_path, "refcoco")).record == "train, val"


def test_missing_damaged_and_scaled_pictures(release: Release, tmp_path: Path) -> None:
    names = [tmp_path / "images" / image["file_name"] for image in INSTANCES["images"]]
    release()
    names[0].unlink()
    found = only(examine(tmp_path, "refcoco"))
    assert (found.severity, found.check, found.record) == ("error", "pictures", "train, image 1")
    assert names[0].name in found.problem and "unpack" in found.problem
    release()
    names[1].write_bytes(b"no picture")
    assert only(examine(tmp_path, "refcoco")).record == "val, image 2"
    release()
    Image.new("RGB", (20, 16)).save(names[0])
    findings = examine(tmp_path, "refcoco")
    assert [item.record for item in findings] == ["train, image 1, target 10", "train, image 1, target 11"]
    assert {(item.severity, item.check) for item in findings} == {("error", "masks")}
    assert findings[0].problem == "expected a mask of the picture's 16 x 20 pixels, got 8 x 10"


@pytest.mark.parametrize(
    "outline", [[9, 1, 11, 1, 11, 3, 9, 3], [1.1, 1.1, 1.2, 1.1, 1.2, 1.2]], ids=["outside", "tiny"]
)
def test_empty_masks(release: Release, tmp_path: Path, outline: list[float]) -> None:
    release(change=lambda content: content["annotations"][2].update(segmentation=[outline]))
    found, *others = examine(tmp_path, "refcoco")
    assert (found.severity, found.check, found.record) == ("error", "masks", "val, image 2, target 20")
    assert "got an empty one" in found.problem
    assert [item.check for item in others] == (["outlines"] if outline[0] == 9 else [])


def test_outlines_that_leave_the_picture(release: Release, tmp_path: Path) -> None:
    outlines = {0: [-0.9, 0, 10.5, 0, 10.5, 8.5], 2: [0, 0, 30, 0, 30, 4, 0, 4], 3: [-7, 1, 3, 1, 3, 3]}

    def change(content: dict[str, Any]) -> None:
        for place, outline in outlines.items():
            content["annotations"][place]["segmentation"] = [outline]

    findings = examine(release(change=change), "refcoco")
    assert [(item.severity, item.check, item.record) for item in findings] == [
        ("warning", "outlines", "annotation 20"),
        ("warning", "outlines", "annotation 21"),
    ]
    assert "it reaches 24 pixels out of it" in findings[0].problem
    assert "it reaches 7 pixels out of it" in findings[1].problem
    divided = examine(tmp_path, "refcocog-google")
    assert [item.file for item in divided] == [tmp_path / "refcocog" / "instances.json"] * 2


def test_a_malformed_mask(release: Release, tmp_path: Path) -> None:
    release(change=lambda content: content["annotations"][0].update(segmentation=[[1, 2, 3]]))
    found = only(examine(tmp_path, "refcoco"))
    assert (found.check, found.record) == ("masks", "train, image 1, target 10")


@pytest.mark.parametrize(
    ("refs", "message"),
    [
        ([*REFS[:2], ref(3, 99, 2, "val", "sign")], "ref 3 names ann_id 99 of image 2"),
        ([*REFS[:2], ref(3, 20, 9, "val", "sign")], "expected the id of one of its 2 images, got 9"),
    ],
)
def test_ids_that_do_not_join(release: Release, refs: Any, message: str) -> None:
    found = only(examine(release(refs), "refcoco"))
    assert (found.severity, found.check) == ("error", "files")
    assert message in found.problem and "refs(unc).p" in found.problem


def test_duplicate_ids(release: Release, tmp_path: Path) -> None:
    release([*REFS[:2], ref(3, 20, 2, "val", "sign"), ref(3, 21, 2, "val", "man")])
    assert "got 30 a second time" in only(examine(tmp_path, "refcoco")).problem
    release(change=lambda content: content["annotations"].append(content["annotations"][0]))
    assert "got 10 a second time" in only(examine(tmp_path, "refcoco")).problem, "both splits have the file, once said"


def test_a_blank_sentence(release: Release) -> None:
    found = only(examine(release([*REFS[:2], ref(3, 20, 2, "val", " ")]), "refcoco"))
    assert (found.severity, found.check, found.record) == ("warning", "sentences", "val, image 2, sentence 30")


def test_that_nothing_is_named_is_no_empty_mask(release: Release, tmp_path: Path) -> None:
    release()
    (tmp_path / "grefcoco").mkdir()
    (tmp_path / "grefcoco" / "instances.json").write_text(json.dumps(INSTANCES))
    named = [{**row, "ann_id": [row["ann_id"]]} for row in REFS[:2]] + [{**REFS[2], "ann_id": [-1]}]
    (tmp_path / "grefcoco" / "grefs(unc).json").write_text(json.dumps(named))
    assert examine(tmp_path, "grefcoco") == []


def test_calls_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a dataset of refcoco, .*; got 'refcoc'"):
        examine(tmp_path, "refcoc")
    with pytest.raises(DataError, match="nowhere: expected the folder that holds the datasets"):
        examine(tmp_path / "nowhere", "refcoco")


def test_real_rows_are_a_sound_part(shared_data: Path) -> None:
    for name, splits in (("refcoco", 4), ("refcoco+", 4), ("refcocog", 3)):
        findings = examine(shared_data / "refer", name, part=True)
        assert {(item.severity, item.check) for item in findings} == {("note", "counts")}
        assert len(findings) == splits - 1 + 3, "the missing splits; references, expressions and pictures of val"
        assert all(item.severity == "error" for item in examine(shared_data / "refer", name))
