"""What does the side of the network's square cost, and what does it give? See method.md.

    python benchmarks/resolution.py INSTANCES.json IMAGES [--model FILE] [--json FILE]

The network is convolutional: one model file answers at any side. Held-out photographs with synthesized phrases, and the
time of a first phrase on a 640 x 480 picture.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from latency import PHRASES, milliseconds
from machine import describe

from deixis import Segmenter
from deixis.data.scenes import SceneSource, held_out_samples
from deixis.data.shapes import draw_scene
from deixis.data.synthesize import SynthesisOptions
from deixis.evaluate import evaluate
from deixis.metrics import summarize
from deixis.trainconfig import SourceConfig

SIDES = (256, 288, 320, 352, 384, 448)
SEED, PHRASES_A_PICTURE = 99, 6  # other phrases than training's validation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    segmenter = Segmenter.load(arguments.model)
    source = SceneSource(SourceConfig(str(arguments.annotations), str(arguments.images)))
    options = SynthesisOptions(vocabulary=segmenter.config.categories)
    samples = [row for row in held_out_samples(source, PHRASES_A_PICTURE, SEED, options) if row.mask.any()]
    image = draw_scene(0, 640).image[:480]
    trained_for = segmenter.config.input_size
    rows = {}
    for side in SIDES:
        segmenter.config = replace(segmenter.config, input_size=side)
        time = milliseconds(lambda: segmenter.segment(image, PHRASES[0]))
        scores = summarize(evaluate(segmenter, samples))
        rows[side] = {"milliseconds": time["median"], "mIoU": round(scores.miou, 4), "oIoU": round(scores.oiou, 4)}
        print(f"{side} px  {rows[side]}", flush=True)
    if arguments.json:
        result = {"machine": describe(), "n": len(samples), "model's own side": trained_for, "sides": rows}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
