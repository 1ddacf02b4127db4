"""The photographs that results are reported on: found, and kept out of training."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from deixis.cli.train import leakage
from deixis.data.leakage import SourceReport, coco_id, find_refer, measured_images
from deixis.data.scenes import SceneSource
from deixis.errors import DataError
from deixis.trainconfig import SourceConfig

COCO = SourceConfig("instances.json", "images")


def write_refs(root: Path, dataset: str, division: str, **images: list[int]) -> None:
    """References to pictures, by split."""
    rows = [
        {"ref_id": image_id, "ann_id": 1, "image_id": image_id, "split": split, "sentences": []}
        for split, ids in images.items()
        for image_id in ids
    ]
    path = root / dataset / f"refs({division}).p"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(rows, protocol=2))


def write_coco(root: Path, *names: str) -> None:
    (root / "images").mkdir(parents=True, exist_ok=True)
    images = [{"id": index, "file_name": name, "height": 8, "width": 8} for index, name in enumerate(names)]
    for name in names:
        Image.new("RGB", (8, 8)).save(root / "images" / name)
    content = {"images": images, "annotations": [], "categories": []}
    (root / "instances.json").write_text(json.dumps(content))


def kept(source: SceneSource) -> list[str]:
    return [image.path.name for image in source.images]


def test_all_splits_but_train_of_all_divisions_count(tmp_path: Path) -> None:
    write_refs(tmp_path, "refcoco", "unc", train=[1, 2], val=[3], testA=[4], testB=[5])
    write_refs(tmp_path, "refcoco+", "unc", train=[1], val=[6])
    write_refs(tmp_path, "refcocog", "umd", train=[9], val=[7], test=[8])
    write_refs(tmp_path, "refcocog", "google", train=[1, 10], val=[10])
    found = measured_images(tmp_path)
    assert found.image_ids == {3, 4, 5, 6, 7, 8, 10}, "10 is in Google's train too, and still measured on"
    assert found.divisions == ("refcoco (unc)", "refcoco+ (unc)", "refcocog (umd)", "refcocog (google)")


def test_where_refer_data_is_looked_for(tmp_path: Path) -> None:
    assert find_refer(tmp_path) is None
    write_refs(tmp_path, "refcocog", "google", val=[1])
    assert find_refer(tmp_path) == tmp_path
    write_refs(tmp_path / "refer", "refcoco", "unc", val=[1])
    assert find_refer(tmp_path) == tmp_path / "refer"


def test_a_folder_without_refer_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the folders of RefCOCO, RefCOCO\+ or RefCOCOg with their refs"):
        measured_images(tmp_path)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("COCO_train2014_000000000309.jpg", 309),
        ("COCO_val2014_000000000309.jpg", 309),
        ("000000000309.jpg", 309),
        ("0309.jpg", None),
        ("COCO_train2014_000000000309.png", None),
        ("my_000000000309.jpg", None),
    ],
)
def test_photographs_are_known_by_their_names(name: str, number: int | None) -> None:
    assert coco_id(name) == number


def test_measured_photographs_are_left_out_of_a_source(tmp_path: Path) -> None:
    write_coco(tmp_path, "000000000003.jpg", "COCO_train2014_000000000004.jpg", "000000000005.jpg", "3.jpg")
    write_refs(tmp_path / "refer", "refcoco", "unc", train=[5], val=[3], testA=[4], testB=[6])
    source = SceneSource(COCO, tmp_path)
    assert kept(source) == ["000000000005.jpg", "3.jpg"], "ids of other files mean other pictures"
    assert (source.left_out, source.leak_free, len(source)) == (2, True, 2)
    assert source.scene(0).source.endswith("000000000005.jpg")
    assert source.about() == SourceReport(
        str(tmp_path / "instances.json"), 2, True, 2, str(tmp_path / "refer"), ("refcoco (unc)",), measured_images=3
    )


def test_a_folder_can_be_given_and_the_list_switched_off(tmp_path: Path) -> None:
    write_coco(tmp_path, "000000000003.jpg", "000000000005.jpg")
    write_refs(tmp_path / "elsewhere", "refcoco", "unc", val=[3])
    unknown = SceneSource(COCO, tmp_path)
    assert (len(unknown), unknown.left_out, unknown.leak_free) == (2, 0, None)
    given = SceneSource(replace(COCO, leave_out="elsewhere"), tmp_path)
    assert (kept(given), given.leak_free) == (["000000000005.jpg"], True)
    write_refs(tmp_path, "refcoco", "unc", val=[5])
    everything = SceneSource(replace(COCO, leave_out="none"), tmp_path)
    assert (len(everything), everything.left_out, everything.leak_free) == (2, 0, False)
    with pytest.raises(DataError, match=r"nowhere: expected the folders of RefCOCO"):
        SceneSource(replace(COCO, leave_out="nowhere"), tmp_path)


def test_pictures_that_are_not_of_coco_cannot_leak(tmp_path: Path) -> None:
    write_coco(tmp_path, "0001.jpg")
    assert SceneSource(COCO, tmp_path).leak_free is True


def test_what_train_says_of_a_source(tmp_path: Path) -> None:
    write_coco(tmp_path, "000000000003.jpg", "000000000005.jpg")
    start = f"{tmp_path / 'instances.json'}: 2 pictures; "
    photographs = f"{start}val and test photographs of RefCOCO, RefCOCO+ and RefCOCOg: "
    unknown, kept = SceneSource(COCO, tmp_path), SceneSource(replace(COCO, leave_out="none"), tmp_path)
    assert leakage(unknown.about()) == f"{photographs}unknown, nothing was compared"
    assert leakage(kept.about()) == f"{photographs}kept on purpose"
    write_refs(tmp_path, "refcoco", "unc", val=[3, 7])
    assert leakage(SceneSource(COCO, tmp_path).about()) == (
        f"{tmp_path / 'instances.json'}: 1 pictures; leak-free: none of the 2 val and test photographs of refcoco "
        "(unc) is among them, 1 were left out"
    )
    write_coco(tmp_path, "mine.jpg", "yours.jpg")
    assert leakage(SceneSource(COCO, tmp_path).about()) == f"{start}none has a name of COCO's"


def test_parts_stay_the_same_pictures(tmp_path: Path) -> None:
    write_coco(tmp_path, *(f"{number:012}.jpg" for number in range(1, 5)))
    write_refs(tmp_path, "refcoco", "unc", val=[1])
    first, second = (SceneSource(replace(COCO, part=part), tmp_path) for part in ((0.0, 0.5), (0.5, 1.0)))
    assert kept(first) == ["000000000002.jpg"] and first.left_out == 1
    assert kept(second) == ["000000000003.jpg", "000000000004.jpg"] and second.left_out == 0


def test_nothing_may_be_left(tmp_path: Path) -> None:
    write_coco(tmp_path, "000000000003.jpg")
    write_refs(tmp_path, "refcoco", "unc", val=[3])
    with pytest.raises(DataError, match="expected at least one image, found none beside 1 that are left out"):
        SceneSource(COCO, tmp_path)


def test_the_real_sources_share_nothing_with_what_is_measured(shared_data: Path) -> None:
    measured = measured_images(shared_data / "refer")
    assert len(measured.image_ids) == 10
    for name, count in (("train", 500), ("heldout", 84)):
        source = SceneSource(SourceConfig(f"coco/annotations/instances_{name}.json", "coco/images"), shared_data)
        assert (len(source), source.left_out, source.leak_free) == (count, 0, True)
        assert source.measured == measured
    clothing = SceneSource(SourceConfig("ccp/annotations/instances.json", "ccp/images", whole="person"), shared_data)
    assert (clothing.leak_free, clothing.measured) == (True, None)
