"""Are phrases such as people write understood, on held-out photographs? See method.md.

    python benchmarks/pointing.py INSTANCES.json IMAGES [--model FILE] [--json FILE]

pointing.json has three phrases for each of 124 objects, by COCO's number of its annotation: typed quickly; quickly and
without a word for a place; and a careful sentence, as in RefCOCO, RefCOCO+ and RefCOCOg. A language model wrote them,
shown nothing but the photograph with the object outlined. They are not people's, but nobody made them from labels
either, and recipes may be chosen by them, which they may not by the real ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from heldout import command_line
from machine import describe

from deixis import Segmenter
from deixis.data.coco import CocoDataset, load_coco
from deixis.evaluate import evaluate
from deixis.metrics import summarize
from deixis.types import BoolMask, Record, Sample

PHRASES = Path(__file__).parent / "pointing.json"
KINDS = ("quick", "quick, no place", "sentence")


def samples(dataset: CocoDataset) -> list[Sample]:
    """The phrases, those of a photograph next to each other, with the largest other one of the class."""
    images = {image.id: image for image in dataset.images}
    targets = {annotation.id: annotation for annotation in dataset.annotations}
    rows: list[Sample] = []
    for number, *phrases in json.loads(PHRASES.read_text("utf-8")):
        target = targets[number]
        image = images[target.image_id]
        mask = dataset.mask_of(target)
        assert mask is not None
        others = [
            other
            for one in dataset.annotations_of(image.id)
            if one.category == target.category and one.id != target.id and (other := dataset.mask_of(one)) is not None
        ]
        largest: BoolMask | None = max(others, key=np.count_nonzero, default=None)
        for kind, phrase in zip(KINDS, phrases, strict=True):
            tags = {"kind": kind, "who": "people" if target.category == "person" else "things"}
            where = ("pointing", "heldout", image.id, len(rows), image.path)
            rows.append(Sample(*where, phrase, mask, target.category, tags, largest))
    return sorted(rows, key=lambda row: row.image_id)


def main() -> None:
    given = command_line(__doc__).parse_args()
    segmenter = Segmenter.load(given.model)
    rows = samples(load_coco(given.annotations, given.images))
    records = evaluate(segmenter, rows)
    groups: dict[str, list[Record]] = {"all": records}
    for kind in KINDS:
        groups[kind] = [record for record in records if record.tags["kind"] == kind]
    for who in ("people", "things"):
        groups[who] = [record for record in records if record.tags["who"] == who]
    result: dict[str, Any] = {"machine": describe(), "photographs": len({row.image_id for row in rows})}
    result["groups"] = {name: numbers(group) for name, group in groups.items()}
    print(json.dumps(result["groups"], indent=1))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def numbers(records: list[Record]) -> dict[str, float]:
    """mIoU, oIoU, prec@.5, and of those that have others of their class, IoU with the right and with a wrong one."""
    summary = summarize(records)
    like = [record for record in records if record.distractor_iou is not None]
    values = {
        "mIoU": summary.miou,
        "oIoU": summary.oiou,
        "prec@.5": summary.precision[0.5],
        "right one": sum(record.iou for record in like) / len(like),
        "wrong one": sum(record.distractor_iou or 0.0 for record in like) / len(like),
    }
    return {"n": len(records)} | {name: round(float(value), 4) for name, value in values.items()}


if __name__ == "__main__":
    main()
