"""Visual Genome's regions: boxes, no masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deixis.data.references import Counts
from deixis.data.visual_genome import load_visual_genome
from deixis.errors import DataError

URL = "https://cs.stanford.edu/people/rak248/"


def image(image_id: int, file: str, width: int = 6, height: int = 4, key: str = "image_id") -> dict[str, Any]:
    return {key: image_id, "url": URL + file, "width": width, "height": height, "coco_id": None, "flickr_id": None}


def region(region_id: int, phrase: str, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    box = {"x": x, "y": y, "width": width, "height": height}
    return {"region_id": region_id, "image_id": 0, "phrase": phrase} | box


IMAGES = [image(1, "VG_100K_2/11.jpg"), image(2, "VG_100K/22.jpg", key="id")]
REGIONS = [
    {"id": 1, "regions": [region(5, "a red car ", 1, 1, 2, 2), region(6, "the sky", -3, -1, 20, 2)]},
    {"image_id": 2, "regions": [{"id": 7, "phrase": "grass", "x": 0, "y": 3, "width": 6, "height": 1}]},
]


def write(root: Path, images: Any = IMAGES, regions: Any = REGIONS) -> Path:
    folder = root / "visual_genome"
    folder.mkdir(exist_ok=True)
    (folder / "image_data.json").write_text(json.dumps(images))
    (folder / "region_descriptions.json").write_text(json.dumps(regions))
    for name in ("VG_100K_2/11.jpg", "VG_100K/22.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return root


def test_regions_are_filled_boxes_cut_at_the_edges(tmp_path: Path) -> None:
    dataset = load_visual_genome(write(tmp_path), "all")
    assert dataset.box_only and dataset.counts == Counts(refs=3, expressions=3, images=2)
    car, sky, grass = dataset
    assert [(row.image_id, row.sent_id, row.phrase) for row in (car, sky, grass)] == [
        (1, 5, "a red car"),
        (1, 6, "the sky"),
        (2, 7, "grass"),
    ]
    expected = np.zeros((4, 6), dtype=bool)
    expected[1:3, 1:3] = True
    np.testing.assert_array_equal(car.mask, expected)
    np.testing.assert_array_equal(sky.mask, [[True] * 6] + [[False] * 6] * 3)
    np.testing.assert_array_equal(grass.mask, [[False] * 6] * 3 + [[True] * 6])
    assert all(row.box_only and row.split == "all" and row.dataset == "visual_genome" for row in dataset)
    assert car.image == tmp_path / "visual_genome" / "VG_100K_2" / "11.jpg"


def test_what_names_nothing_in_the_picture_is_left_out(tmp_path: Path) -> None:
    boxes = {1: (6, 0, 3, 3), 2: (0, 0, 0, 2), 3: (0, 0, 2, 0)}
    outside = [*(region(number, "x", *box) for number, box in boxes.items()), region(4, "  ", 0, 0, 2, 2)]
    dataset = load_visual_genome(
        write(tmp_path, regions=[{"id": 1, "regions": outside}, {"id": 2, "regions": []}]), "all"
    )
    assert dataset.counts == Counts(0, 0, 0) and list(dataset) == []


@pytest.mark.parametrize(
    ("images", "regions", "message"),
    [
        ({}, REGIONS, r"image_data\.json: expected a list, one row a picture, got a JSON dict"),
        (IMAGES, {}, r"region_descriptions\.json: expected a list, one row a picture, got a JSON dict"),
        ([{"url": "x"}], REGIONS, r"image_data\.json: image 0: expected an object with an integer 'id'"),
        ([image(1, "../1.jpg")], REGIONS, r"image 0: expected a url that ends in VG_100K/NUMBER\.jpg, got"),
        ([image(1, "VG_100K/1.jpg", width=0)], REGIONS, "image 0: expected a height and width of 1 to"),
        ([*IMAGES, IMAGES[0]], REGIONS, "image 2: expected unique ids, got 1 a second time"),
        (
            IMAGES,
            [{"id": 9, "regions": []}],
            r"picture 0: expected the id of one of image_data\.json's 2 images, got 9",
        ),
        (IMAGES, [{"id": 1}], "picture 0: expected an object with a list 'regions'"),
        (IMAGES, [{"id": 1, "regions": [3]}], r"image 1: regions\[0\]: expected an object with an integer 'id', got 3"),
        (IMAGES, [{"id": 1, "regions": [region(5, "x", 1, 1, None, 2)]}], r"regions\[0\]: .* 'width', got None"),  # type: ignore[arg-type]
        (
            IMAGES,
            [{"id": 1, "regions": [{"region_id": 5}]}],
            r"regions\[0\]: expected an object with a string 'phrase'",
        ),
        (IMAGES, [*REGIONS, REGIONS[0]], "image 1: expected every sent_id once in all, got 5 a second time"),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, images: Any, regions: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_visual_genome(write(tmp_path, images, regions), "all")


def test_missing_files_and_splits_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a split of all, got 'train'"):
        load_visual_genome(tmp_path, "train")
    with pytest.raises(DataError, match=r"visual_genome/image_data\.json: expected a JSON file, found nothing"):
        load_visual_genome(tmp_path, "all")
    dataset = load_visual_genome(write(tmp_path), "all")
    (tmp_path / "visual_genome" / "VG_100K" / "22.jpg").unlink()
    with pytest.raises(DataError, match=r"image 2: expected 22\.jpg in .*visual_genome"):
        dataset.check_files()
