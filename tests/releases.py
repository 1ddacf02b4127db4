"""A COCO file of two pictures, 8 x 10 and 4 x 6 pixels, that several tests build releases on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INSTANCES: dict[str, Any] = {
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


def write_pictures(folder: Path) -> None:
    """Empty files with the pictures' names: loaders look for pictures and do not open them."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in INSTANCES["images"]:
        (folder / image["file_name"]).touch()
