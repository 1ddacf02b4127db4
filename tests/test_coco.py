from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deixis import masks
from deixis.data.coco import CocoAnnotation, load_captions, load_coco
from deixis.errors import DataError

Write = Callable[[str, Any], Path]

DIAGONAL = np.eye(4, 5, dtype=bool)
CONTENT: dict[str, Any] = {
    "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    "images": [
        {"id": 7, "file_name": "b.jpg", "width": 10, "height": 8},
        {"id": 3, "file_name": "sub/a.jpg", "width": 5, "height": 4},
        {"id": 5, "file_name": "empty.jpg", "width": 2, "height": 2},
    ],
    "annotations": [
        {
            "id": 30,
            "image_id": 7,
            "category_id": 1,
            "segmentation": [[0, 0, 6, 0, 6, 6, 0, 6], [4, 4, 10, 4, 10, 8, 4, 8]],
            "bbox": [0, 0, 10, 8],
            "area": 56.5,
            "iscrowd": 0,
        },
        {
            "id": 31,
            "image_id": 3,
            "category_id": 18,
            "segmentation": {"size": [4, 5], "counts": [4, 8, 8]},
            "bbox": [1, 0, 2, 4],
            "area": 8,
            "iscrowd": 1,
        },
        {"id": 32, "image_id": 7, "category_id": 18, "segmentation": [], "bbox": [1.5, 2, 3, 4.25]},
        {
            "id": 33,
            "image_id": 3,
            "category_id": 1,
            "segmentation": masks.encode_rle(DIAGONAL),
            "bbox": [0, 0, 4, 4],
            "area": 4,
        },
    ],
}


def changed(key: str, index: int, **values: Any) -> dict[str, Any]:
    """CONTENT with values of one row replaced; DROP removes the key."""
    content = copy.deepcopy(CONTENT)
    content[key][index].update(values)
    content[key][index] = {name: value for name, value in content[key][index].items() if value is not DROP}
    return content


DROP = object()


def test_images_and_categories(write_json: Write, tmp_path: Path) -> None:
    dataset = load_coco(write_json("annotations/instances.json", CONTENT))
    assert [image.id for image in dataset.images] == [7, 3, 5]
    assert dataset.images[1].path == tmp_path / "images" / "sub" / "a.jpg"
    assert (dataset.images[1].height, dataset.images[1].width) == (4, 5)
    assert dataset.categories == ("person", "dog")
    assert dataset.image(5) is dataset.images[2]


def test_the_image_folder_can_be_given(write_json: Write) -> None:
    dataset = load_coco(write_json("instances.json", CONTENT), Path("elsewhere"))
    assert dataset.images[0].path == Path("elsewhere/b.jpg")


def test_annotations_by_image(write_json: Write) -> None:
    dataset = load_coco(write_json("instances.json", CONTENT))
    assert [annotation.id for annotation in dataset.annotations] == [30, 31, 32, 33]
    assert [annotation.id for annotation in dataset.annotations_of(7)] == [30, 32]
    assert [annotation.category for annotation in dataset.annotations_of(3)] == ["dog", "person"]
    assert dataset.annotations_of(5) == ()
    with pytest.raises(DataError, match="one of its 3 images, got 99"):
        dataset.annotations_of(99)


def test_boxes_areas_and_crowds(write_json: Write) -> None:
    polygon, crowd, box, _ = load_coco(write_json("instances.json", CONTENT)).annotations
    assert box.box_xyxy == (1.5, 2.0, 4.5, 6.25)
    assert (polygon.area, crowd.area, box.area) == (56.5, 8.0, 12.75)
    assert [item.is_crowd for item in (polygon, crowd, box)] == [False, True, False]


def test_names_of_an_object(write_json: Write) -> None:
    named = load_coco(write_json("instances.json", changed("annotations", 0, names=["young_woman", "Girl"])))
    assert [item.names for item in named.annotations] == [("young woman", "girl"), (), (), ()]
    with pytest.raises(DataError, match=r"annotations\[0\] \(id 30\): expected names as a list of words, got 'girl'"):
        load_coco(write_json("instances.json", changed("annotations", 0, names="girl")))


def test_masks_of_every_form(write_json: Write) -> None:
    dataset = load_coco(write_json("instances.json", CONTENT))
    polygon, crowd, box, compressed = (dataset.mask_of(annotation) for annotation in dataset.annotations)
    expected = np.zeros((8, 10), dtype=bool)
    expected[0:6, 0:6] = expected[4:8, 4:10] = True
    np.testing.assert_array_equal(polygon, expected)  # a union: the overlap at 4..6 is no hole
    assert crowd is not None
    assert crowd.shape == (4, 5) and crowd[:, 1:3].all() and crowd.sum() == 8
    assert box is None
    np.testing.assert_array_equal(compressed, DIAGONAL)


def test_an_annotation_decodes_at_the_size_it_is_told(write_json: Write) -> None:
    annotation = load_coco(write_json("instances.json", CONTENT)).annotations[0]
    mask = annotation.mask(20, 20)
    assert mask is not None and mask.shape == (20, 20)


def test_values_are_frozen(write_json: Write) -> None:
    dataset = load_coco(write_json("instances.json", CONTENT))
    for item, name in ((dataset, "images"), (dataset.images[0], "id"), (dataset.annotations[0], "id")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(item, name, None)


def test_an_empty_dataset_is_fine(write_json: Write) -> None:
    dataset = load_coco(write_json("a.json", {"images": [], "annotations": [], "categories": []}))
    assert (dataset.images, dataset.annotations, dataset.categories) == ((), (), ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "an object with a list 'categories', got a JSON list"),
        ({"images": []}, r"a list 'categories', got keys \['images'\]"),
        ({**CONTENT, "images": {}}, "a list 'images'"),
        ({**CONTENT, "annotations": [5]}, r"annotations\[0\]: expected an object with an integer 'id', got 5"),
        (changed("images", 1, id="3"), r"images\[1\] \(id '3'\): .*integer 'id', got '3'"),
        (changed("images", 1, id=7), r"images\[1\] \(id 7\): expected unique ids, got 7 a second time"),
        (changed("images", 1, file_name=DROP), "string 'file_name', got one without it"),
        (changed("images", 1, width=0), "pixels together, got 4 x 0"),
        (changed("images", 1, width=5.0), "integer 'width', got 5.0"),
        (changed("categories", 0, name=None), r"categories\[0\] \(id 18\): .*string 'name', got None"),
        (changed("categories", 0, id=1), r"categories\[1\] \(id 1\): expected unique ids"),
        (changed("annotations", 1, id=30), r"annotations\[1\] \(id 30\): expected unique ids"),
        (changed("annotations", 0, image_id=99), r"\(id 30\): expected an image_id of this file's images, got 99"),
        (changed("annotations", 0, category_id=2), r"\(id 30\): expected a category_id .*, got 2"),
        (changed("annotations", 0, bbox=DROP), "bbox as four numbers .*, got None"),
        (changed("annotations", 0, bbox=[1, 2, 3]), "bbox as four numbers"),
        (changed("annotations", 0, bbox=[1, 2, -3, 4]), "no negative side"),
        (changed("annotations", 0, area="big"), "a number as area, got 'big'"),
        (changed("annotations", 0, segmentation="x"), "list of polygons or an RLE object as segmentation, got 'x'"),
        (changed("annotations", 1, segmentation={"size": [5, 4], "counts": [20]}), r"image's size \[4, 5\], got size"),
        (changed("annotations", 1, segmentation=[{"size": [5, 4], "counts": [20]}]), r"image's size \[4, 5\], got"),
    ],
)
def test_malformed_files_name_file_and_record(write_json: Write, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"instances\.json: .*{message}" if message[0] != "i" else message) as caught:
        load_coco(write_json("instances.json", content))
    assert "instances.json" in str(caught.value)


def test_a_missing_file_and_a_file_that_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: expected a JSON file, found nothing"):
        load_coco(tmp_path / "none.json")
    (tmp_path / "a.json").write_text("<html>")
    with pytest.raises(DataError, match=r"a\.json: expected JSON"):
        load_coco(tmp_path / "a.json")


@pytest.mark.parametrize(
    "segmentation",
    [[[0, 0, 1]], [[0, 0, 1, 0, 1, "x"]], {"size": [8, 10], "counts": [79]}, {"size": [8, 10], "counts": "~~~"}],
)
def test_a_damaged_mask_names_file_and_record(write_json: Write, segmentation: Any) -> None:
    dataset = load_coco(write_json("instances.json", changed("annotations", 0, segmentation=segmentation)))
    with pytest.raises(DataError, match=r"instances\.json: annotation 30 of image 7: "):
        dataset.mask_of(dataset.annotations[0])


def test_captions(write_json: Write) -> None:
    rows = [
        {"id": 1, "image_id": 4, "caption": "A dog runs. "},
        {"id": 2, "image_id": 2, "caption": "Two cats"},
        {"id": 3, "image_id": 4, "caption": "A brown dog"},
    ]
    captions = load_captions(write_json("captions.json", {"annotations": rows}))
    assert captions == {4: ("A dog runs.", "A brown dog"), 2: ("Two cats",)}
    with pytest.raises(DataError, match=r"bad\.json: annotations\[0\]: .*string 'caption'"):
        load_captions(write_json("bad.json", {"annotations": [{"image_id": 4}]}))
    with pytest.raises(DataError, match="a list 'annotations'"):
        load_captions(write_json("bad.json", [1]))


@pytest.mark.parametrize(
    ("name", "images", "annotations", "categories", "boxes_only"),
    [
        ("coco/annotations/instances_train.json", 500, 3907, 80, 0),
        ("coco/annotations/instances_heldout.json", 84, 673, 80, 0),
        ("coco/annotations/instances_partial.json", 1140, 3954, 183, 0),
        ("coco/annotations/boxes_person.json", 1246, 7199, 1, 7199),
        ("ccp/annotations/instances.json", 1004, 7195, 58, 0),
        ("pennfudan/annotations/instances.json", 170, 423, 1, 0),
    ],
)
def test_real_files(
    shared_data: Path, name: str, images: int, annotations: int, categories: int, boxes_only: int
) -> None:
    dataset = load_coco(shared_data / name)
    assert len(dataset.images) == images
    assert len(dataset.annotations) == annotations
    assert len(dataset.categories) == categories
    assert all(image.path.is_file() for image in dataset.images)
    assert sum(not annotation.segmentation for annotation in dataset.annotations) == boxes_only
    for annotation in dataset.annotations[:100]:
        mask = dataset.mask_of(annotation)
        assert mask is None if boxes_only else mask is not None and mask.any()
    assert isinstance(dataset.annotations[0], CocoAnnotation)


def test_real_captions(shared_data: Path) -> None:
    captions = load_captions(shared_data / "coco/annotations/captions_boxes.json")
    assert len(captions) == 1246
    assert sum(map(len, captions.values())) == 6232


def test_the_posture_of_a_person(write_json: Write) -> None:
    sitting = load_coco(write_json("instances.json", changed("annotations", 0, posture="sitting")))
    assert [item.posture for item in sitting.annotations] == ["sitting", "", "", ""]
    with pytest.raises(DataError, match=r"\(id 30\): expected one of upright, sitting as posture, got 'lying'"):
        load_coco(write_json("instances.json", changed("annotations", 0, posture="lying")))
