"""Is a man told from a woman, and a child from an adult, where nothing else tells them apart? See method.md.

    python benchmarks/people.py INSTANCES.json IMAGES CAPTIONS.json [--from SHARE] [--model FILE] [--json FILE]

Photographs of one person each whom all captions call the same (captions.spoken_of), two of them side by side, on
either side by chance, whose captions differ: "woman" beside "man", "boy" beside "man". Each is asked for by that word
alone. IoU with the right person, with the wrong one, and how often the former is larger. --from leaves out that share
of the pictures, from the list's beginning: those that were trained on.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from heldout import SEED, command_line, iou, right_and_wrong
from machine import describe

from deixis import Segmenter
from deixis.data.captions import may_share, spoken_of
from deixis.data.scenes import SceneSource
from deixis.train.augment import mosaic
from deixis.trainconfig import SourceConfig
from deixis.types import Scene

BESIDE = 4  # other people that each one is put beside
LEAST = 0.03  # of the picture that the person fills


def alone(source: SceneSource) -> list[tuple[str, Scene]]:
    """What each person is called who is alone in a picture and large enough, and the picture."""
    found = []
    for index in range(len(source)):
        kind, scene = spoken_of(source.captions_of(index)), source.scene(index)
        people = [item for item in scene.objects if item.category == "person"]
        if kind and len(people) == 1 and people[0].mask is not None and people[0].mask.mean() >= LEAST:
            found.append((kind, Scene(scene.image, tuple(people))))
    return found


def side_by_side(people: list[tuple[str, Scene]]) -> list[tuple[Scene, tuple[str, str]]]:
    """Pictures of two people, from the left one to the right one, and what they are called."""
    rng, found = np.random.default_rng(SEED), []
    for kind, scene in people:
        others = [pair for pair in people if may_share(kind, pair[0])]
        for index in rng.choice(len(others), min(BESIDE, len(others)), replace=False):
            pairs = [(kind, scene), others[int(index)]]
            (left, one), (right, other) = pairs if rng.random() < 0.5 else pairs[::-1]
            found.append((mosaic(one, other, False, rng), (left, right)))
    return found


def answers(segmenter: Segmenter, scene: Scene, kinds: tuple[str, str]) -> list[tuple[float, float]]:
    """IoU with the person who is asked for and with the other one, for each of both."""
    truth = [item.mask for item in scene.objects if item.mask is not None]
    marked = [found.mask for found in segmenter.segment_many(scene.image, kinds)]
    return [(iou(marked[0], truth[0]), iou(marked[0], truth[1])), (iou(marked[1], truth[1]), iou(marked[1], truth[0]))]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--from", type=float, default=0.0, dest="first")
    given = parser.parse_args()
    source = SceneSource(
        SourceConfig(
            str(given.annotations.resolve()),
            str(given.images.resolve()),
            captions=str(given.captions.resolve()),
            part=(given.first, 1.0),
        )
    )
    segmenter, people = Segmenter.load(given.model), alone(source)
    rows: dict[str, list[tuple[float, float]]] = {}
    for scene, asked in side_by_side(people):
        for kind, other, row in zip(asked, asked[::-1], answers(segmenter, scene, asked), strict=True):
            for name in ("all", f"{kind} beside {other}"):
                rows.setdefault(name, []).append(row)
    kinds = {name: right_and_wrong(pairs) for name, pairs in rows.items()}
    result = {"machine": describe(), "photographs": len(people), "kinds": kinds}
    print(json.dumps(result, indent=1))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
