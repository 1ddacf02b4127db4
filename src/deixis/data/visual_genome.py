"""Visual Genome's region descriptions (Krishna et al. 2017, https://homes.cs.washington.edu/~ranjay/visualgenome).

    root/visual_genome/region_descriptions.json    [{id, regions: [{region_id, x, y, width, height, phrase}]}]
    root/visual_genome/image_data.json             [{image_id, url, width, height}]
    root/visual_genome/VG_100K/2370463.jpg         the pictures, by the end of their url; also VG_100K_2/

There are boxes and no masks. There is no official split; the only one here is "all".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from deixis.data.records import at, check_size, check_splits, either, integer, items, string
from deixis.data.references import ExpressionDataset, Reference, by_picture
from deixis.data.splits import split_names
from deixis.errors import DataError
from deixis.files import read_json
from deixis.masks import fill_boxes
from deixis.types import BoolMask, Box

NAME = "visual_genome"
ALL = "all"
_URL = re.compile(r".*/(VG_100K(?:_2)?/[0-9]+\.jpg)")


class _Image(NamedTuple):
    file: str
    height: int
    width: int


def load_visual_genome(root: Path, split: str) -> ExpressionDataset:
    """Read all regions; a sample's sent_id is the region_id.

    Boxes are cut at the picture's edges. Regions of which nothing is inside, and blank phrases, are left out: the
    release has a few of both. All regions are in memory, about 0.4 kB each.

    Args:
        root: see above.
        split: "all".

    Raises:
        DataError: a file is missing or malformed, or its ids do not join; names file and record.
    """
    folder = root / NAME
    check_splits(folder, split, split_names(NAME))
    images = _images(folder / "image_data.json")
    path = folder / "region_descriptions.json"
    return ExpressionDataset(
        name=NAME,
        split=split,
        source=path,
        folders=(folder, folder / "images"),
        pictures=by_picture(path, _references(path, images)),
        decode=partial(_filled, images),
        box_only=True,
    )


def _images(path: Path) -> dict[int, _Image]:
    images: dict[int, _Image] = {}
    for index, row in enumerate(_list(path)):
        with at(f"{path}: image {index}"):
            image_id = integer(row, either(row, "image_id", "id"))
            file = _URL.fullmatch(string(row, "url"))
            height, width = check_size(integer(row, "height"), integer(row, "width"))
            if file is None:
                raise DataError(f"expected a url that ends in VG_100K/NUMBER.jpg, got {row['url']!r:.80}")
            if image_id in images:
                raise DataError(f"expected unique ids, got {image_id} a second time; remove one of the two")
        images[image_id] = _Image(file[1], height, width)
    return images


def _references(path: Path, images: Mapping[int, _Image]) -> Iterator[tuple[int, str, Reference]]:
    for index, row in enumerate(_list(path)):
        with at(f"{path}: picture {index}"):
            image_id = integer(row, either(row, "image_id", "id"))
            if image_id not in images:
                raise DataError(f"expected the id of one of image_data.json's {len(images)} images, got {image_id}")
            regions = items(row, "regions")
        image = images[image_id]
        for position, region in enumerate(regions):
            with at(f"{path}: image {image_id}: regions[{position}]"):
                region_id = integer(region, either(region, "region_id", "id"))
                phrase, box = string(region, "phrase").strip(), _inside(region, image)
            if phrase and box is not None:
                yield image_id, image.file, Reference(ALL, ((region_id, phrase),), box)


def _list(path: Path) -> list[Any]:
    content = read_json(path)
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list, one row a picture, got a JSON {type(content).__name__}")
    return content


def _inside(region: Any, image: _Image) -> Box | None:
    """The region's box cut at the picture's edges; None when nothing is left of it."""
    left, top, width, height = (integer(region, key) for key in ("x", "y", "width", "height"))
    right, bottom = min(left + width, image.width), min(top + height, image.height)
    left, top = max(left, 0), max(top, 0)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _filled(images: Mapping[int, _Image], image_id: int, box: Box) -> BoolMask:
    return fill_boxes([box], images[image_id].height, images[image_id].width)
