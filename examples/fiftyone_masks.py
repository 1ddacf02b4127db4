"""Masks of a phrase in a FiftyOne dataset, one detection an object. Needs pip install fiftyone.

python examples/fiftyone_masks.py FOLDER PHRASE

Label fields as https://docs.voxel51.com/user_guide/using_datasets.html#instance-segmentations says.
"""

from __future__ import annotations

import sys
from typing import Any

from deixis import ImageError, Segmenter
from deixis.masks import bounding_box
from deixis.types import Segmentation


def detections(result: Segmentation) -> list[dict[str, Any]]:
    """Arguments of ``fiftyone.Detection`` for each object: box as shares of the picture, mask inside of the box."""
    height, width = result.mask.shape
    found = []
    for thing in result.instances:
        x0, y0, x1, y1 = (int(edge) for edge in bounding_box(thing.mask))
        found.append(
            {
                "label": result.phrase,
                "bounding_box": [x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height],
                "mask": thing.mask[y0:y1, x0:x1],
                "confidence": thing.score,
            }
        )
    return found


def main(folder: str, phrase: str) -> None:
    """Make a dataset of the folder's pictures, add the masks, and open the app."""
    import fiftyone

    segmenter = Segmenter.load()
    dataset = fiftyone.Dataset.from_images_dir(folder)
    for sample in dataset.iter_samples(progress=True, autosave=True):
        try:
            result = segmenter.segment(sample.filepath, phrase)
        except ImageError as error:
            print(error)
            continue
        sample["deixis"] = fiftyone.Detections(detections=[fiftyone.Detection(**found) for found in detections(result)])
    fiftyone.launch_app(dataset).wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
