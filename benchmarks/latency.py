"""How long do the first phrase and each further phrase take? See method.md.

    python benchmarks/latency.py [--image PHOTO] [--model FILE] [--json FILE]

Without a photograph a drawn scene of 640 x 480 is used; the time does not depend on the content.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from machine import describe
from timing import PHRASES, milliseconds

from deixis import Segmenter
from deixis.data.shapes import draw_scene
from deixis.image import open_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    image = open_image(arguments.image) if arguments.image else draw_scene(0, 640).image[:480]
    segmenter = Segmenter.load(arguments.model)
    features = segmenter.encode_image(image)
    rows = {
        "first phrase, image encoding included": milliseconds(lambda: segmenter.segment(image, PHRASES[0])),
        "image encoding": milliseconds(lambda: segmenter.encode_image(image)),
        "each further phrase, one at a time": milliseconds(lambda: segmenter.segment(features, PHRASES[0])),
        "eight further phrases at once": milliseconds(lambda: segmenter.segment_many(features, PHRASES)),
    }
    result = {"machine": describe(), "image": list(image.shape[:2]), "milliseconds": rows}
    for name, row in rows.items():
        print(f"{name:40} {row['median']:7.2f} ms  (quartiles {row['low']:.2f} .. {row['high']:.2f})")
    print(json.dumps(result["machine"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
