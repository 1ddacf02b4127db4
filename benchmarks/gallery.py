"""The ten worst, ten random and ten best answers to human phrases, and answers on photographs of ours. See method.md.

    python benchmarks/gallery.py ROOT OUT [--model FILE] [--json FILE] [--photos FILE.png]

OUT gets worst.png, random.png and best.png, and phrases.md with the phrases. These show photographs, masks and words of
the datasets, which are not ours to publish: do not commit them. The JSON has none of these, only what was measured of
each answer, by the datasets' own numbers of the sentences. FILE.png shows examples/photos, which may be published.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from machine import describe

from deixis import Segmenter
from deixis.data.dataset import open_dataset
from deixis.evaluate import evaluate
from deixis.panels import Pick, answerable, ask, at_places, picked
from deixis.report.figures import gallery, save
from deixis.report.grid import Grid, markdown
from deixis.slices import slices
from deixis.types import Record, Sample

DATASETS = ("refcoco:val", "refcoco+:val", "refcocog:val")
COUNT, DPI = 10, 120
PHOTOS = Path(__file__).resolve().parent.parent / "examples" / "photos"
# On each photograph something that is there, a part of it, and something that is not there.
ASKED: Mapping[str, tuple[str, ...]] = {
    "astronaut.jpg": ("woman in orange", "american flag", "helmet", "dog"),
    "chelsea.jpg": ("the cat", "left ear", "nose", "person"),
    "coffee.jpg": ("cup", "spoon", "table", "laptop"),
}


def row(record: Record) -> dict[str, Any]:
    """What was measured of one answer; shares are of the picture's pixels."""
    pixels = record.height * record.width
    shares = {"marked": record.predicted / pixels, "right": record.target / pixels, "IoU": record.iou}
    if record.distractor_iou is not None:
        shares["IoU with another"] = record.distractor_iou
    return {
        "dataset": f"{record.dataset} {record.split}",
        "sentence": record.sent_id,
        "slices": [name for name in slices([record]) if name.endswith(("words", "relation"))],
        **{name: round(share, 4) for name, share in shares.items()},
    }


def phrases(records: Mapping[str, list[Record]]) -> str:
    rows = [
        (pick, f"{record.dataset} {record.split}", record.sent_id, record.phrase, f"{record.iou:.2f}")
        for pick, chosen in records.items()
        for record in chosen
    ]
    return markdown(Grid(["", "dataset", "sentence", "phrase", "IoU"], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--photos", type=Path)
    given = parser.parse_args()
    segmenter = Segmenter.load(given.model)
    opened = [open_dataset(given.root, name) for name in DATASETS]

    def samples() -> Iterator[Sample]:
        return answerable(segmenter, chain.from_iterable(opened))

    records = evaluate(segmenter, samples())
    ious = [record.iou for record in records]
    places = {pick: picked(ious, pick, COUNT) for pick in get_args(Pick)}
    given.out.mkdir(parents=True, exist_ok=True)
    for pick, chosen in places.items():
        save(gallery(at_places(segmenter, samples(), chosen)), given.out / f"{pick}.png", DPI)
    shown = {pick: [records[place] for place in chosen] for pick, chosen in places.items()}
    (given.out / "phrases.md").write_text(phrases(shown), "utf-8")
    if given.photos:
        own = [panel for name, asked in ASKED.items() for panel in ask(segmenter, [PHOTOS / name], asked)]
        save(gallery(own), given.photos, DPI)
    if given.json:
        rows = {pick: [row(record) for record in chosen] for pick, chosen in shown.items()}
        result = {"machine": describe(), "n": len(records), **rows}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
