"""Your own classes, without writing one sentence: forty kinds of parts in a COCO file become a model that is asked in
free text. The pictures are drawn here; yours come from your labelling tool. Needs pip install 'deixis[train]'.

python examples/own_classes.py FOLDER [STEPS]

With files of your own, the same as
    deixis train FOLDER/parts.toml --root FOLDER --run FOLDER/run
    deixis export FOLDER/run/best.safetensors --output FOLDER/parts.deixis
    deixis segment photo.jpg "left hammer" --model FOLDER/parts.deixis
"""

from __future__ import annotations

import colorsys
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from deixis import Segmenter
from deixis.data.shapes import SHAPES, shape_mask
from deixis.masks import coco_row

PARTS = """hammer wrench screwdriver pliers saw drill chisel clamp ladder bucket shovel rake broom brush hose valve pipe
    bolt nut screw washer spring gear bearing pulley chain hook cable plug socket switch lamp battery fuse magnet motor
    pump filter tank wheel""".split()  # noqa: SIM905 - one word list
SIDE, PICTURES, HELD_OUT = 96, 40, 8
# Small enough to see the whole way in a minute. For a model of use: leave [model] out but for its categories, and take
# thousands of steps.
CONFIG = """
steps = {steps}
images = 4
phrases = 4
workers = 0
warmup = 1
validate_every = {steps}

[model]
categories = ["auto"]
input_size = 96
candidates = 8

[[sources]]
annotations = "train.json"
images = "images"

[validation]
annotations = "held_out.json"
images = "images"
"""


def draw_parts(folder: Path) -> None:
    """Pictures of three parts each, side by side, and their COCO files. A part has a shape and a colour of its own."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, first, count in (("train", 0, PICTURES), ("held_out", PICTURES, HELD_OUT)):
        images, annotations = [], []
        for number in range(first, first + count):
            pixels = rng.integers(118, 138, (SIDE, SIDE, 3)).astype(np.uint8)
            for place in range(3):
                part = (3 * number + place) % len(PARTS)
                centre = (16 + 32 * place, float(rng.uniform(20, SIDE - 20)))
                mask = shape_mask(SHAPES[part % 3], SIDE, centre, float(rng.uniform(9, 14)))
                pixels[mask] = np.multiply(255, colorsys.hsv_to_rgb(part / len(PARTS), 0.9, 0.9)).astype(np.uint8)
                found = {"id": len(annotations) + 1, "image_id": number, "category_id": part + 1, "iscrowd": 0}
                annotations.append(found | coco_row(mask))
            images.append({"id": number, "file_name": f"{number}.png", "height": SIDE, "width": SIDE})
            Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        categories = [{"id": row, "name": part} for row, part in enumerate(PARTS, 1)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (folder / f"{name}.json").write_text(json.dumps(content))


def main(folder: Path, steps: int) -> None:
    """Draw, train, export, ask."""
    from deixis.configfile import read_config
    from deixis.export import export
    from deixis.train.loop import train
    from deixis.trainconfig import TrainConfig

    draw_parts(folder)
    (folder / "parts.toml").write_text(CONFIG.format(steps=steps))
    settings = read_config(TrainConfig, folder / "parts.toml")
    best = train(settings, folder / "run", folder, lambda progress: print(f"step {progress.step} of {progress.steps}"))
    print(export(best, folder / "parts.deixis"))
    segmenter = Segmenter.load(folder / "parts.deixis")
    print(f"{len(segmenter.config.categories)} classes")
    for phrase in (f"left {PARTS[0]}", PARTS[1], "the right one"):
        result = segmenter.segment(folder / "images" / "0.png", phrase)
        print(f"{phrase}: {100 * result.share:.1f} %, score {result.score:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
