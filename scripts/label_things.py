#!/usr/bin/env python
"""Masks of things that captions name: scripts/label_things.py COCO FILES CHECKPOINT OUT

Captions say that a class of things is in the picture, a trained model of ours says where. COCO is the folder with
annotations/ and images/, FILES the one with what scripts/label_people.py wrote, CHECKPOINT the model. Of what it
proposes for a picture and for the mirrored one alike, those masks are kept in which most of a class lies that captions
name. They are added to instances_partial.json and boxes_person.json, in OUT; what is labelled there stays as it is.
Prints how often masks are right (IoU 0.5): on held-out pictures, for their large things as if captions had named them,
and in instances_partial.json, for labelled things that captions name, as if they were not labelled.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from caption_things import SEVERAL, mentioned
from find_things import Labelled, choose, propose
from labelling import SIDE, by_picture, load_network, off_square, on_square
from torch.nn import functional as F

from deixis import masks
from deixis.data.coco import load_captions
from deixis.data.nouns import clean, is_person
from deixis.files import atomic_write
from deixis.image import Letterbox, open_image
from deixis.model.compact import CompactNetwork
from deixis.types import BoolMask

FILES = {"instances_partial.json": "captions_partial.json", "boxes_person.json": "captions_boxes.json"}
PARTIAL, COMPLETE, HELD_OUT = "instances_partial.json", "instances_train.json", "instances_heldout.json"
NEVER = ("person", "dining table", "skis")  # people have labels; the model's tables and skis are seldom right
STRIDE = 4  # of the proposed masks in the square
LARGE = 0.02  # of the picture: what captions surely name
LEAST_PIXELS = 64
ALIASES = {  # names that instances_partial.json has for things of COCO's classes
    "cellular telephone": "cell phone",
    "ski": "skis",
    "necktie": "tie",
    "fireplug": "fire hydrant",
    "laptop computer": "laptop",
    "motor scooter": "motorcycle",
    "minivan": "car",
    "cab": "car",
    "garbage truck": "truck",
    "flowerpot": "potted plant",
    "control": "remote",
    "baseball": "sports ball",
    "baby": "person",
}


def _small(mask: BoolMask, box: Letterbox) -> BoolMask:
    """A mask (H, W) of the picture on the grid (h, w) of the proposed masks."""
    size = (box.new_height, box.new_width)
    content = F.interpolate(torch.from_numpy(mask)[None, None].float(), size=size, mode="area")
    square = torch.zeros(1, 1, SIDE, SIDE)
    square[..., box.top : box.top + box.new_height, box.left : box.left + box.new_width] = content
    small: BoolMask = (F.avg_pool2d(square, STRIDE)[0, 0] > 0.5).numpy()
    return small


class Labeller:
    """Looks for mentioned things in the pictures of a folder.

    Args:
        network: a trained one.
        images: the folder.
        classes: names of the classes of things that are looked for.
    """

    def __init__(self, network: CompactNetwork, images: Path, classes: Sequence[str]) -> None:
        self.network, self.images = network, images
        self.classes = ("person", *classes)
        self.columns = [network.config.categories.index(name) for name in self.classes]

    def labelled(self, rows: Sequence[dict[str, Any]], categories: Mapping[int, str], box: Letterbox) -> list[Labelled]:
        """The objects of a picture that have masks."""
        found = []
        for row in rows:
            if row.get("segmentation"):
                mask = masks.decode(row["segmentation"], box.height, box.width)
                found.append(Labelled(categories[row["category_id"]], mask, _small(mask, box)))
        return found

    def __call__(
        self, file_name: str, wanted: Mapping[str, int], known: Sequence[dict[str, Any]], categories: Mapping[int, str]
    ) -> list[tuple[str, BoolMask]]:
        """Classes and masks (H, W) of what is found of ``wanted``, apart from the objects (rows) that are known."""
        box, square = on_square(open_image(self.images / file_name))
        found = propose(self.network, square, self.columns)
        labelled = self.labelled(known, categories, box)
        chosen = choose(found, wanted, self.classes, labelled, box.new_height * box.new_width)
        drawn = off_square(found.chances, box) > 0.5
        things = [(thing.category, _without_people(drawn[thing.number], thing.category, labelled)) for thing in chosen]
        return [(name, mask) for name, mask in things if mask.sum() >= LEAST_PIXELS]


def _without_people(mask: BoolMask, category: str, labelled: Sequence[Labelled]) -> BoolMask:
    people = [other.mask for other in labelled if is_person(other.category) and category != "tie"]
    return mask & ~masks.union(people, *mask.shape)


def category_names(content: Mapping[str, Any]) -> dict[int, str]:
    """The classes of a file by id, things of COCO's classes by COCO's names."""
    names = {row["id"]: clean(row["name"]) for row in content["categories"]}
    return {number: ALIASES.get(name, name) for number, name in names.items()}


def add_categories(content: dict[str, Any], complete: Mapping[str, Any]) -> None:
    """Give a file the categories of another one; what an id means must be the same in both."""
    known = {row["id"]: row["name"] for row in content["categories"]}
    for row in complete["categories"]:
        if known.setdefault(row["id"], row["name"]) != row["name"]:
            raise SystemExit(f"category {row['id']}: expected {row['name']!r}, got {known[row['id']]!r}")
        if row not in content["categories"]:
            content["categories"].append(dict(row))


def add_things(
    content: dict[str, Any], captions: Mapping[int, Sequence[str]], label: Labeller, ids: Mapping[str, int]
) -> Counter[str]:
    """Append what captions name and the model finds to a COCO file; returns how many of each class."""
    categories, rows = category_names(content), by_picture(content)
    free = max(row["id"] for row in content["annotations"]) + 1
    added: Counter[str] = Counter()
    for picture in content["images"]:
        known = rows.get(picture["id"], [])
        labelled = {categories[row["category_id"]] for row in known}
        wanted = mentioned(captions.get(picture["id"], ()), label.classes[1:])
        wanted = {name: count for name, count in wanted.items() if name not in labelled}
        for name, mask in label(picture["file_name"], wanted, known, categories) if wanted else ():
            row = {"id": free + added.total(), "image_id": picture["id"], "category_id": ids[name]}
            content["annotations"].append(row | masks.coco_row(mask) | {"iscrowd": 0})
            added[name] += 1
    return added


def large_things(rows: Sequence[Mapping[str, Any]], categories: Mapping[int, str], pixels: int) -> dict[str, int]:
    """What captions of a picture of so many pixels would surely name: its large things."""
    count = Counter(categories[row["category_id"]] for row in rows)
    large = {categories[row["category_id"]] for row in rows if row["area"] > LARGE * pixels}
    return {name: 1 if count[name] == 1 else SEVERAL for name in sorted(large)}


def check(
    content: dict[str, Any], captions: Mapping[int, Sequence[str]] | None, label: Labeller, title: str
) -> tuple[int, int]:
    """Find labelled things as if they were not labelled; prints and returns how many of how many are right.

    Without captions, the large things of each picture count as named.
    """
    categories, rows = category_names(content), by_picture(content)
    right = total = 0
    for picture in content["images"]:
        known = rows.get(picture["id"], [])
        height, width = picture["height"], picture["width"]
        if captions is None:
            wanted = large_things(known, categories, height * width)
        else:
            wanted = mentioned(captions.get(picture["id"], ()), label.classes[1:])
        there = {categories[row["category_id"]] for row in known} & set(label.classes[1:])
        wanted = {name: count for name, count in wanted.items() if name in there}
        hidden = [row for row in known if categories[row["category_id"]] in wanted]
        others = [row for row in known if categories[row["category_id"]] not in wanted]
        for name, mask in label(picture["file_name"], wanted, others, categories) if wanted else ():
            truth = [row for row in hidden if categories[row["category_id"]] == name and row.get("segmentation")]
            right += any(_iou(mask, masks.decode(row["segmentation"], height, width)) >= 0.5 for row in truth)
            total += 1
    print(f"{title}: {right} of {total} masks right")
    return right, total


def _iou(mask: BoolMask, other: BoolMask) -> float:
    return float((mask & other).sum() / max(1, (mask | other).sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("coco", "files", "checkpoint", "out"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    contents = {name: json.loads((asked.files / name).read_text()) for name in (*FILES, COMPLETE, HELD_OUT)}
    captions = {name: load_captions(asked.coco / "annotations" / file) for name, file in FILES.items()}
    ids = {row["name"]: row["id"] for row in contents[COMPLETE]["categories"]}
    classes = [name for name in ids if name not in NEVER]
    label = Labeller(load_network(asked.checkpoint), asked.coco / "images", classes)

    check(contents[HELD_OUT], None, label, "large things of held-out pictures")
    check(contents[PARTIAL], captions[PARTIAL], label, "labelled things that captions name")
    for name in FILES:
        add_categories(contents[name], contents[COMPLETE])
        added = add_things(contents[name], captions[name], label, ids)
        print(f"{name}: {added.total()} things:", ", ".join(f"{count} {what}" for what, count in added.most_common()))
        with atomic_write(asked.out / name) as temporary:
            temporary.write_text(json.dumps(contents[name]))


if __name__ == "__main__":
    main()
