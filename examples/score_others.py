"""Another system's masks, scored under the protocols of the literature.

python examples/score_others.py FOLDER

The other system is a stand-in that answers a box in the middle. The truth is drawn; with RefCOCO on disk the same is
    deixis score FOLDER/masks --truth refcoco:val --data ROOT --protocol strict
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from deixis.data.predictions import read_predictions
from deixis.data.shapes import draw_scene
from deixis.protocols import protocol_named
from deixis.score import report, score
from deixis.types import Sample

EXPRESSIONS = 20


def drawn_truth(folder: Path) -> list[Sample]:
    """Expressions with their pictures and masks: the first shape of each scene."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for number in range(EXPRESSIONS):
        scene = draw_scene(number)
        path, target = folder / f"{number}.png", scene.objects[0]
        Image.fromarray(scene.image).save(path)
        assert target.mask is not None
        samples.append(Sample("drawn", "val", number, number, path, target.category, target.mask))
    return samples


def other_system(samples: list[Sample], folder: Path) -> None:
    """Whatever it is, in whatever framework: one PNG an expression, named by its sent_id."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        height, width = sample.mask.shape
        mask = np.zeros((height, width), dtype=np.uint8)
        mask[height // 4 : -height // 4, width // 4 : -width // 4] = 255
        Image.fromarray(mask).save(folder / f"{sample.sent_id}.png")


def main(folder: Path) -> None:
    """Write the masks, read them back, and print the numbers of two protocols."""
    samples = drawn_truth(folder / "images")
    other_system(samples, folder / "masks")
    predictions = read_predictions(folder / "masks")
    for name in ("strict", "text-objseg-2016"):
        protocol = protocol_named(name)
        found = report(score(samples, predictions, protocol), protocol)
        numbers = ", ".join(f"{key} {100 * value:.1f}" for key, value in found.values.items())
        print(f"{found.protocol}, {found.dataset} {found.split}, n {found.n}: {numbers}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
