"""From COCO files to scenes: what is known to be complete, what may be said, and what is held out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deixis.data.scenes import WHOLE_ID, SceneSource, held_out_samples, object_mask, target_mask
from deixis.data.shapes import write_coco
from deixis.data.sources import category_names
from deixis.data.synthesize import SynthesisOptions
from deixis.errors import ConfigError, DataError
from deixis.trainconfig import SourceConfig
from deixis.types import Expression, Scene, SceneObject

LEFT, RIGHT = [2.0, 2.0, 6.0, 10.0], [12.0, 2.0, 6.0, 10.0]
CONFIG = SourceConfig("instances.json", "images")


def box_polygon(box: list[float]) -> list[list[float]]:
    x, y, width, height = box
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def write(folder: Path, *objects: dict[str, Any], captions: tuple[str, ...] = (), images: int = 1) -> None:
    """20 x 16 pictures, the first with these objects; categories "person" and "traffic_light"."""
    (folder / "images").mkdir()
    rows = []
    for index in range(images):
        Image.fromarray(np.full((16, 20, 3), 99, np.uint8)).save(folder / "images" / f"{index}.png")
        rows.append({"id": index, "file_name": f"{index}.png", "height": 16, "width": 20})
    annotations = [
        {"id": place + 1, "image_id": 0, "category_id": 1, "bbox": LEFT, "segmentation": box_polygon(LEFT), **changes}
        for place, changes in enumerate(objects)
    ]
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "traffic_light"}]
    content = {"images": rows, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(content))
    sentences = [{"id": n, "image_id": 0, "caption": text} for n, text in enumerate(captions)]
    (folder / "captions.json").write_text(json.dumps({"annotations": sentences}))


def scene_of(folder: Path, **changes: Any) -> Scene:
    return SceneSource(replace(CONFIG, **changes), folder).scene(0)


def test_objects_keep_the_names_that_the_file_gives_them(tmp_path: Path) -> None:
    write(tmp_path, {"names": ["person", "lady"]}, {"bbox": RIGHT, "segmentation": box_polygon(RIGHT)})
    assert [item.names for item in scene_of(tmp_path).objects] == [("person", "lady"), ()]


@pytest.mark.parametrize(
    ("labelled", "known"),
    [
        ("all", {"person", "traffic light"}),
        ("none", set()),
        ("present", {"person"}),
        (("traffic_light",), {"traffic light"}),
    ],
)
def test_what_is_labelled_completely(tmp_path: Path, labelled: Any, known: set[str]) -> None:
    write(tmp_path, {})
    assert scene_of(tmp_path, labelled=labelled).labelled == known


def test_another_word_for_labelled_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {})
    with pytest.raises(ConfigError, match="expected 'all', 'none', 'present' or a list of class names, got 'some'"):
        scene_of(tmp_path, labelled="some")


def test_what_the_file_calls_not_exhaustive_is_not_complete(tmp_path: Path) -> None:
    write(tmp_path, {}, {"category_id": 2, "bbox": RIGHT, "segmentation": box_polygon(RIGHT)})
    content = json.loads((tmp_path / "instances.json").read_text())
    content["images"][0]["not_exhaustive_category_ids"] = [2]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    assert scene_of(tmp_path, labelled="present").labelled == {"person"}
    assert scene_of(tmp_path, labelled="all").labelled == {"person", "traffic light"}
    content["images"][0]["not_exhaustive_category_ids"] = ["2"]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="expected not_exhaustive_category_ids as a list of integers"):
        scene_of(tmp_path)


def test_objects_with_masks_boxes_and_crowds(tmp_path: Path) -> None:
    write(tmp_path, {}, {"segmentation": [], "bbox": RIGHT, "category_id": 2}, {"iscrowd": 1})
    person, light, crowd = scene_of(tmp_path).objects
    assert person.mask is not None and person.mask[2:12, 2:8].all() and person.mask.sum() == 60
    assert (light.category, light.mask, light.box_xyxy) == ("traffic light", None, (12, 2, 18, 12))
    assert [person.is_crowd, light.is_crowd, crowd.is_crowd] == [False, False, True]
    assert not scene_of(tmp_path, crowds=False).objects[2].is_crowd


def test_a_box_stands_for_an_unknown_mask(tmp_path: Path) -> None:
    write(tmp_path, {}, {"segmentation": [], "bbox": [-3.0, 12.4, 8.0, 90.0]})
    scene = scene_of(tmp_path)
    filled = object_mask(scene, scene.objects[1])
    assert filled[12:, :5].all() and filled.sum() == 4 * 5
    assert target_mask(scene, Expression("both", (1, 2), "class")).sum() == 60 + 20
    assert not target_mask(scene, Expression("nothing", (), "absent")).any()


def test_the_whole_is_the_union_of_its_parts(tmp_path: Path) -> None:
    write(tmp_path, {"category_id": 2}, {"category_id": 2, "segmentation": box_polygon(RIGHT), "bbox": RIGHT}, images=2)
    source = SceneSource(replace(CONFIG, whole="person"), tmp_path)
    assert len(source) == 1, "a picture without regions is an unlabelled one"
    whole, *parts = source.scene(0).objects
    assert (whole.id, whole.category, whole.is_part) == (WHOLE_ID, "person", False)
    assert whole.mask is not None and whole.mask.sum() == 120
    assert whole.box_xyxy == (2, 2, 18, 12)
    assert all(part.is_part for part in parts)
    assert source.scene(0).labelled == {"person", "traffic light"}
    assert category_names([source]) == ("traffic light", "person")


def test_captions_name_the_only_person(tmp_path: Path) -> None:
    write(tmp_path, {}, {"category_id": 2}, captions=("A man by a light.", "A light"))
    scene = scene_of(tmp_path, labelled="none", captions="captions.json")
    assert [item.text for item in scene.expressions] == ["A man by a light", "a man", "man"]
    assert {item.target_ids for item in scene.expressions} == {(1,)}
    assert scene.labelled == {"person"}, "captions of single persons say that there is no other"


@pytest.mark.parametrize("objects", [({}, {"bbox": RIGHT}), ({"category_id": 2},), ({"iscrowd": 1},)])
def test_captions_of_none_or_two_persons_are_not_used(tmp_path: Path, objects: tuple[dict[str, Any], ...]) -> None:
    write(tmp_path, *objects, captions=("A man by a light",))
    scene = scene_of(tmp_path, labelled="none", captions="captions.json")
    assert scene.expressions == () and scene.labelled == frozenset()


def test_a_picture_of_another_size(tmp_path: Path) -> None:
    write(tmp_path, {})
    Image.new("RGB", (16, 20)).save(tmp_path / "images" / "0.png")
    with pytest.raises(DataError, match=r"0\.png: the annotation file says 20 x 16, the picture is 16 x 20"):
        scene_of(tmp_path)


def test_no_images_at_all(tmp_path: Path) -> None:
    write(tmp_path, images=0)
    with pytest.raises(DataError, match="expected at least one image"):
        SceneSource(CONFIG, tmp_path)


def test_categories_come_from_sources_that_label_them(tmp_path: Path) -> None:
    write(tmp_path, {})
    kinds = ("all", "none", "present")
    complete, unsure, present = (SceneSource(replace(CONFIG, labelled=text), tmp_path) for text in kinds)
    assert category_names([unsure, complete]) == ("person",), "no traffic light is in the pictures"
    assert category_names([unsure]) == ()
    assert category_names([present]) == ("person",)


def test_held_out_rows_repeat_and_know_the_wrong_one(tmp_path: Path) -> None:
    write_coco(tmp_path, 12, seed=5, size=64)
    source = SceneSource(CONFIG, tmp_path)
    first, second, other = (held_out_samples(source, 6, seed, SynthesisOptions()) for seed in (1, 1, 2))
    assert [item.phrase for item in first] == [item.phrase for item in second]
    assert [item.phrase for item in first] != [item.phrase for item in other]
    assert [item.sent_id for item in first] == list(range(len(first)))
    told_apart = [item for item in first if item.distractor is not None]
    assert told_apart
    for item in told_apart:
        assert item.distractor is not None and item.distractor.any()
        assert item.tags["kind"] in ("location", "ordinal", "size", "colour")
        assert not (item.distractor & item.mask).any(), "another object"
    for item in first:
        assert item.mask.any() == (item.tags["kind"] != "absent")


def test_real_annotations(shared_data: Path) -> None:
    config = SourceConfig("coco/annotations/instances_heldout.json", "coco/images")
    source = SceneSource(config, shared_data)
    scene = source.scene(0)
    assert len(source) == 84 and len(scene.labelled) == 80
    assert all(item.mask is not None and item.mask.shape == scene.size for item in scene.objects)


def test_a_scene_checks_its_picture_and_its_masks() -> None:
    image = np.zeros((4, 5, 3), dtype=np.uint8)
    with pytest.raises(DataError, match=r"a\.json: a scene's image is \(H, W, 3\) uint8, got \(4, 5\) uint8"):
        Scene(image[:, :, 0], (), frozenset(), source="a.json")
    other = SceneObject(7, "dog", (0, 0, 1, 1), np.zeros((5, 4), dtype=bool))
    with pytest.raises(DataError, match=r"a\.json: the mask of object 7 is \(5, 4\)"):
        Scene(image, (other,), frozenset(), source="a.json")


def test_the_distractor_is_the_largest_other_object_of_the_class(tmp_path: Path) -> None:
    other: dict[str, Any] = {"bbox": RIGHT, "segmentation": box_polygon(RIGHT)}
    lamp = [0.0, 12.0, 20.0, 4.0]
    write(tmp_path, {}, other, {"bbox": lamp, "segmentation": box_polygon(lamp), "category_id": 2})
    source = SceneSource(CONFIG, tmp_path)
    first, second = (item.mask for item in source.scene(0).objects[:2])
    assert first is not None and second is not None
    samples = held_out_samples(source, 12, 3, SynthesisOptions(class_weight=0.5, absent_weight=0.0))
    told = [sample for sample in samples if sample.tags["kind"] == "location" and sample.category == "person"]
    assert told
    for sample in told:
        rival = second if (sample.mask == first).all() else first
        assert sample.distractor is not None and (sample.distractor == rival).all()
    assert all(sample.distractor is None for sample in samples if sample.category != "person")
    by_class = [sample for sample in samples if sample.tags["kind"] == "class"]
    assert by_class and all(sample.distractor is None for sample in by_class), "nothing is told apart"
