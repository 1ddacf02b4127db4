#!/usr/bin/env python
"""Add the labels of scripts/labels to files of which not every class is labelled: scripts/add_labels.py FILES OUT

FILES is the folder with what scripts/label_people.py wrote. outlines.jsonl has objects, one in a line of JSON: "file"
and "image", which picture; "category", a class of COCO; "box", x0 y0 x1 y1 in its pixels; and "outline", a list of
polygons (lists of x y ...), none where only the box is known. What repeats a labelled object is left out, but for the
outline of one that has only a box; people in front of what carries them are cut out of it. people.json says of
annotations, by file and id, who they show ("man", ..., "adult" where the sex does not show, "?" where nobody can tell),
in place of what label_people.py guessed, and of most their posture ("man sitting"). A language model that sees drew and
said all this, of training pictures.

Writes instances_train.json, instances_partial.json and boxes_person.json to OUT, the latter two with
``not_exhaustive_category_ids``: in each picture every class but those that the outlines tell completely. Train on them
with ``labelled = "present"``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from label_people import NAMES
from labelling import by_picture, corners, overlap

from deixis import masks
from deixis.data.nouns import clean, is_person, listed
from deixis.files import atomic_write
from deixis.types import BoolMask

LABELS = Path(__file__).parent / "labels"
COMPLETE = "instances_train.json"  # of all classes; its categories are added
FILES = {"instances_partial.json": (), "boxes_person.json": ("person",)}  # and what is complete in all their pictures
KINDS = {
    "man": NAMES["male", "adult"],
    "woman": NAMES["female", "adult"],
    "boy": NAMES["male", "child"],
    "girl": NAMES["female", "child"],
    "child": ("person", "kid", "child"),
    "adult": ("person",),
    "?": (),
}
HEAP = 4  # objects of a class in a picture from which on there may be more of it
SAME = 0.5  # IoU of two boxes of one class that are one object
LEAST_PIXELS = 16
ALIASES = {  # names that instances_partial.json has for objects of COCO's classes
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
CARRIERS = listed(  # people are in front of these, or inside
    """
    bench, chair, couch, bed, dining table, toilet, bicycle, motorcycle, horse, elephant, boat, car, bus, train, truck,
    airplane
    """
)


def category_names(content: Mapping[str, Any]) -> dict[int, str]:
    """The classes of a file by id, objects of COCO's classes by COCO's names."""
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


def draw(thing: Mapping[str, Any], people: Sequence[BoolMask], height: int, width: int) -> BoolMask | None:
    """(H, W) mask of a thing; None where only its box is known or next to nothing is left of it."""
    if not thing["outline"]:
        return None
    mask = masks.decode(thing["outline"], height, width)
    if thing["category"] in CARRIERS:
        mask = mask & ~masks.union(people, height, width)
    return mask if mask.sum() >= LEAST_PIXELS else None


def add_outlines(
    content: dict[str, Any], things: Mapping[int, Sequence[Mapping[str, Any]]], complete: Sequence[str]
) -> Counter[str]:
    """Append things, by picture, to a COCO file and say what is not complete there; returns how many of each class."""
    categories, rows = category_names(content), by_picture(content)
    ids = {name: identity for identity, name in sorted(categories.items(), reverse=True)}  # the first of those alike
    free = max(row["id"] for row in content["annotations"]) + 1
    added: Counter[str] = Counter()
    for picture in content["images"]:
        known, here = rows.get(picture["id"], []), things.get(picture["id"], ())
        people = people_of(known, categories, picture)
        for thing in here:
            mask = draw(thing, people, picture["height"], picture["width"])
            alike = [row for row in known if categories[row["category_id"]] == thing["category"]]
            same = [row for row in alike if overlap(thing["box"], corners(row["bbox"])) >= SAME]
            if not same:
                row = {"id": free + added.total(), "image_id": picture["id"], "category_id": ids[thing["category"]]}
                content["annotations"].append(row | shape(thing["box"], mask))
                added[thing["category"]] += 1
            elif mask is not None and len(same) == 1 and not same[0].get("segmentation"):
                same[0]["segmentation"] = masks.encode_rle(mask)
        told = Counter(thing["category"] for thing in here)
        whole = {name for name, count in told.items() if count < HEAP} | set(complete)
        picture["not_exhaustive_category_ids"] = sorted(key for key, name in categories.items() if name not in whole)
    return added


def people_of(
    rows: Sequence[Mapping[str, Any]], categories: Mapping[int, str], picture: Mapping[str, Any]
) -> list[BoolMask]:
    """The masks (H, W) of a picture's people, where they have one."""
    people = [row for row in rows if is_person(categories[row["category_id"]]) and row.get("segmentation")]
    return [masks.decode(row["segmentation"], picture["height"], picture["width"]) for row in people]


def shape(box: Sequence[float], mask: BoolMask | None) -> dict[str, Any]:
    """What an annotation says of a mask, or of a box x0 y0 x1 y1 alone."""
    if mask is not None:
        return masks.coco_row(mask) | {"iscrowd": 0}
    width, height = box[2] - box[0], box[3] - box[1]
    return {"bbox": [box[0], box[1], width, height], "area": width * height, "iscrowd": 0}


def name_people(content: dict[str, Any], kinds: Mapping[str, str]) -> int:
    """Give annotations the names of the kind that their id has, and the posture; returns how many there are."""
    rows = {str(row["id"]): row for row in content["annotations"]}
    for identity, said in kinds.items():
        kind, _, posture = said.partition(" ")
        rows[identity].pop("names", None)
        if KINDS[kind]:
            rows[identity]["names"] = list(KINDS[kind])
        if posture:
            rows[identity]["posture"] = posture
    return len(kinds)


def read_outlines(path: Path) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """The things of each file and picture."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in path.read_text().splitlines():
        thing = json.loads(line)
        found[thing["file"]][thing["image"]].append(thing)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("files", "out"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    things = read_outlines(LABELS / "outlines.jsonl")
    people = json.loads((LABELS / "people.json").read_text())
    contents = {name: json.loads((asked.files / name).read_text()) for name in (COMPLETE, *FILES)}
    for name, content in contents.items():
        print(f"{name}: {name_people(content, people.get(name, {}))} people")
        if name in FILES:
            add_categories(content, contents[COMPLETE])
            added = add_outlines(content, things[name], FILES[name])
            print(f"{added.total()} things:", ", ".join(f"{count} {what}" for what, count in added.most_common()))
        with atomic_write(asked.out / name) as temporary:
            temporary.write_text(json.dumps(content))


if __name__ == "__main__":
    main()
