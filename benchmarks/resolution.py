"""What does the side of the network's square cost, and what does it give? See method.md.

    python benchmarks/resolution.py INSTANCES.json IMAGES [--model FILE] [--json FILE]

The network is convolutional: one model file answers at any side. Held-out photographs with synthesized phrases, and the
time of a first phrase on a 640 x 480 picture.
"""

from __future__ import annotations

import json
from dataclasses import replace

from heldout import from_command_line
from machine import describe
from timing import PHRASES, milliseconds

from deixis.data.shapes import draw_scene
from deixis.evaluate import evaluate
from deixis.metrics import summarize

SIDES = (256, 288, 320, 352, 384, 448)
PHRASES_A_PICTURE = 6


def main() -> None:
    given = from_command_line(__doc__)
    segmenter = given.segmenter
    samples = [row for row in given.samples(PHRASES_A_PICTURE) if row.mask.any()]
    image = draw_scene(0, 640).image[:480]
    trained_for = segmenter.config.input_size
    rows = {}
    for side in SIDES:
        segmenter.config = replace(segmenter.config, input_size=side)
        time = milliseconds(lambda: segmenter.segment(image, PHRASES[0]))
        scores = summarize(evaluate(segmenter, samples))
        rows[side] = {"milliseconds": time["median"], "mIoU": round(scores.miou, 4), "oIoU": round(scores.oiou, 4)}
        print(f"{side} px  {rows[side]}", flush=True)
    if given.json:
        result = {"machine": describe(), "n": len(samples), "model's own side": trained_for, "sides": rows}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
