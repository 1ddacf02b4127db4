"""What does the side of the network's square cost, and what does it give? See method.md.

    python benchmarks/resolution.py INSTANCES.json IMAGES --checkpoint best.safetensors [--json FILE]

The checkpoint is exported for each side. Held-out photographs with synthesized phrases, and the time of a first phrase
on a 640 x 480 picture.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from heldout import HeldOut, command_line
from machine import describe
from timing import PHRASES, milliseconds

from deixis import Segmenter
from deixis.data.shapes import draw_scene
from deixis.evaluate import evaluate
from deixis.export import export
from deixis.metrics import summarize

SIDES = (256, 288, 320, 352, 384, 448)
PHRASES_A_PICTURE = 6


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    arguments = parser.parse_args()
    given = HeldOut.of(arguments)
    samples = [row for row in given.samples(PHRASES_A_PICTURE) if row.mask.any()]
    image = draw_scene(0, 640).image[:480]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for side in SIDES:
            path = Path(folder, f"{side}.deixis")
            export(arguments.checkpoint, path, side)
            segmenter = Segmenter.load(path)
            time = milliseconds(lambda asked=segmenter: asked.segment(image, PHRASES[0]))  # type: ignore[misc]
            scores = summarize(evaluate(segmenter, samples))
            rows[side] = {"milliseconds": time["median"], "mIoU": round(scores.miou, 4), "oIoU": round(scores.oiou, 4)}
            print(f"{side} px  {rows[side]}", flush=True)
    if given.json:
        own = given.segmenter.config.input_size
        result = {"machine": describe(), "n": len(samples), "model's own side": own, "sides": rows}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
