"""Does the model know WHAT, WHICH and WHETHER, on held-out photographs with synthesized expressions? See method.md.

    python benchmarks/understanding.py INSTANCES.json IMAGES [--model FILE] [--json FILE]

WHAT: the bare class name, IoU with all objects of the class; and of objects of at least 3 % of the picture, the share
inside of which p_image is highest, on average, for their own class among those of the annotations. WHICH: phrases that
tell one object from its like; IoU with the right object, with the wrong one (the largest other of the class), and with
the right one when left and right change places in the phrase; and people among others by the colour of their clothes,
which are dyed first (``deixis.train.recolour``), because few photographs have one red shirt. WHETHER: how well the
score tells phrases that name something from those that do not, and what a score below which nothing is marked would
refuse: the default, config.DEFAULT_PRESENCE, and quantiles of the scores of phrases that name something. TYPING ERRORS:
one random error in one word of each phrase.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from heldout import SEED, from_command_line, iou, right_and_wrong
from machine import describe

from deixis import Segmenter
from deixis.config import DEFAULT_PRESENCE
from deixis.data.scenes import SceneSource, target_mask
from deixis.data.synthesize import KINDS, SynthesisOptions, synthesize
from deixis.embeddings import WordVectors
from deixis.evaluate import evaluate
from deixis.image import Letterbox
from deixis.metrics import roc_auc, summarize
from deixis.segmenter import DEFAULT_VECTORS
from deixis.text import mirror
from deixis.train.recolour import recolour
from deixis.train.targets import shrink
from deixis.types import Expression, Record, Sample

PHRASES = 12  # a picture
LARGE = 0.03  # share of the picture
REFUSED = (0.01, 0.02, 0.03, 0.05)  # shares of phrases that name something
DYED = 12  # times that each picture of several people is recoloured
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def class_samples(source: SceneSource) -> list[Sample]:
    """The bare name of every class in every picture, for all objects of that class."""
    samples = []
    for index, entry in enumerate(source.images):
        scene = source.scene(index)
        for name in sorted({item.category for item in scene.objects}):
            ids = tuple(item.id for item in scene.objects if item.category == name)
            mask = target_mask(scene, Expression(name, ids, "class", name))
            samples.append(Sample("heldout", "classes", entry.id, len(samples), entry.path, name, mask, name))
    return samples


def recognised(segmenter: Segmenter, source: SceneSource) -> dict[str, dict[str, float]]:
    """Of people and of other large objects, how many and the share whose class is the likeliest inside of them."""
    names = [name for name in source.category_names if name in segmenter.config.categories]
    rows = [segmenter.config.categories.index(name) for name in names]
    right: dict[str, list[bool]] = {"person": [], "others": []}
    for index, entry in enumerate(source.images):
        scene, features = source.scene(index), segmenter.encode_image(entry.path)
        p_image = features.arrays["p_image"][0, rows]
        box = Letterbox.fit(*scene.size, features.input_size)
        for item in scene.objects:
            if item.is_crowd or item.mask is None or item.mask.mean() < LARGE or item.category not in names:
                continue
            cells = max(p_image.shape[1:])
            weights = shrink(item.mask, box, features.input_size // cells)
            top, left = ((cells - size) // 2 for size in p_image.shape[1:])  # of the picture's frame in the square
            weights = weights[top : top + p_image.shape[1], left : left + p_image.shape[2]]
            likeliest = names[int((p_image * weights).sum(axis=(1, 2)).argmax())]
            right["person" if item.category == "person" else "others"].append(likeliest == item.category)
    return {kind: {"n": len(found), "right": round(float(np.mean(found)), 4)} for kind, found in right.items()}


def by_clothes(segmenter: Segmenter, source: SceneSource) -> dict[str, float]:
    """IoU with the right one of several people, with the worst wrong one, and how often the former is larger."""
    weights: dict[str, Any] = {f"{kind}_weight": float(kind == "colour") for kind in KINDS}
    only = SynthesisOptions(**weights)
    found: list[tuple[float, float]] = []
    for index, draw in product(range(len(source)), range(DYED)):
        scene, rng = source.scene(index), np.random.default_rng([SEED, index, draw])
        people = {item.id: item.mask for item in scene.objects if item.category == "person" and item.mask is not None}
        dyed = recolour(scene, rng) if len(people) > 1 else scene
        if dyed is scene:
            continue
        features, asked = segmenter.encode_image(dyed.image), set[int]()
        for phrase in synthesize(dyed, rng, PHRASES, only):
            (target, *more) = phrase.target_ids
            if more or target not in people or target in asked or mirror(phrase.text) != phrase.text:
                continue
            asked.add(target)
            marked = segmenter.segment(features, phrase.text).mask
            ious = {identity: iou(marked, mask) for identity, mask in people.items()}
            found.append((ious.pop(target), max(ious.values())))
    return right_and_wrong(found)


def misspell(phrase: str, rng: random.Random) -> str:
    """One letter left out, added, replaced or exchanged with the next in a word of at least four letters, if any."""
    places = list(re.finditer(r"[^\W\d_]{4,}", phrase))
    if not places:
        return phrase
    place = rng.choice(places)
    word = place.group()
    while True:
        at, letter = rng.randrange(len(word)), rng.choice(LETTERS)
        left, here, right = word[:at], word[at], word[at + 1 :]
        typed = rng.choice(
            (left + right, left + letter + here + right, left + letter + right, left + right[:1] + here + right[1:])
        )
        if typed != word:
            return phrase[: place.start()] + typed + phrase[place.end() :]


def typing_errors(segmenter: Segmenter, samples: Sequence[Sample]) -> dict[str, float]:
    """Mean IoU of phrases with a typing error each: read by their spelling, and with unknown words left out."""
    rng = random.Random(SEED)
    wrong = [replace(sample, phrase=misspell(sample.phrase, rng)) for sample in samples if sample.mask.any()]
    by_spelling = mean_iou(evaluate(segmenter, wrong))
    segmenter.vectors = WordVectors.load(DEFAULT_VECTORS)
    return {"misspelled": by_spelling, "unknown words left out": mean_iou(evaluate(segmenter, wrong))}


def whether(records: Sequence[Record]) -> dict[str, object]:
    """What scores tell about what is there, and the shares of phrases that a least score refuses."""
    named = np.array([record.score for record in records if record.target])
    absent = np.array([record.score for record in records if not record.target])

    def at(score: float) -> dict[str, float]:
        shares = {"named refused": (named < score).mean(), "absent refused": (absent < score).mean()}
        return {"score": round(score, 4)} | {name: round(float(share), 4) for name, share in shares.items()}

    return {
        "AUC": round(roc_auc([*named, *absent], [True] * len(named) + [False] * len(absent)), 4),
        "absent": len(absent),
        "default": at(DEFAULT_PRESENCE),
        "presence": [at(float(np.quantile(named, share))) for share in REFUSED],
    }


def mean_iou(records: list[Record]) -> float:
    return round(float(np.mean([record.iou for record in records])), 4)


def main() -> None:
    given = from_command_line(__doc__)
    segmenter, source = given.segmenter, given.source
    samples = given.samples(PHRASES)

    what = evaluate(segmenter, class_samples(source))
    by_class = {name: summarize([r for r in what if r.category == name]).oiou for name in {r.category for r in what}}
    records = evaluate(segmenter, samples)
    named = [record for record in records if record.target]
    which = [record for record in named if record.distractor_iou is not None]
    sided = [sample for sample in samples if sample.mask.any() and mirror(sample.phrase) != sample.phrase]
    swapped = evaluate(segmenter, [replace(sample, phrase=mirror(sample.phrase)) for sample in sided])
    kinds = sorted({record.tags["kind"] for record in named})
    result = {
        "machine": describe(),
        "what": {
            "person oIoU": round(by_class["person"], 4),
            "mean oIoU over classes": round(float(np.mean(list(by_class.values()))), 4),
            "classes": len(by_class),
            "large objects": recognised(segmenter, source),
        },
        "all": {"n": len(named), "mIoU": mean_iou(named), "oIoU": round(summarize(named).oiou, 4)},
        "kinds": {kind: mean_iou([record for record in named if record.tags["kind"] == kind]) for kind in kinds},
        "which": {
            "n": len(which),
            "right one": mean_iou(which),
            "wrong one": round(float(np.mean([record.distractor_iou for record in which])), 4),
        },
        "left and right": {
            "n": len(sided),
            "as said": mean_iou(evaluate(segmenter, sided)),
            "swapped": mean_iou(swapped),
        },
        "clothes": by_clothes(segmenter, source),
        "whether": whether(records),
        "typing errors": {"spelled right": mean_iou(named), **typing_errors(segmenter, samples)},
    }
    print(json.dumps(result, indent=1))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
