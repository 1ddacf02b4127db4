"""What is a name worth that no training phrase had, beside one that they had? See method.md.

    deixis train configs/held_out_words.toml --root ROOT --run RUN
    python benchmarks/held_out_words.py INSTANCES.json IMAGES --root ROOT [--run NAME RUN [RUN ...]] [--model FILE] \
        [--json FILE]

Every class in a held-out photograph is asked for by the name that training phrases have most often, and by each name
that they do not have: ``held_out_words`` of a run's config.json, and those words of ``NEVER_SAID`` that none of its
captions has. The truth is all of the class; of several things the plural is said. What a model marks whatever it is
asked is measured by the usual name of another class that is not in the photograph.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from heldout import HeldOut, command_line
from machine import describe

from deixis import Segmenter
from deixis.configfile import read_config
from deixis.data import nouns
from deixis.data.captions import person_expressions
from deixis.data.coco import load_captions
from deixis.data.scenes import SceneSource, target_mask
from deixis.data.synthesize import says
from deixis.errors import PhraseError
from deixis.evaluate import evaluate
from deixis.metrics import picture_draws
from deixis.text import tokenize
from deixis.train.ablate import open_run
from deixis.train.loop import BEST
from deixis.trainconfig import TrainConfig
from deixis.types import Expression, Record, Sample

BUNDLED = Path(__file__).resolve().parent.parent / "configs" / "compact.toml"
# Names that data/nouns.py does not have, by class; chosen before any of them was asked.
NEVER_SAID: Mapping[str, tuple[str, ...]] = {
    "person": ("fellow", "individual"),
    "car": ("sedan",),
    "airplane": ("airliner",),
    "train": ("locomotive",),
    "truck": ("lorry",),
    "boat": ("vessel",),
    "bench": ("pew",),
    "cat": ("feline",),
    "dog": ("canine", "pooch", "hound"),
    "horse": ("stallion", "mare"),
    "sheep": ("ewe",),
    "cow": ("bovine",),
    "elephant": ("pachyderm",),
    "backpack": ("knapsack",),
    "umbrella": ("brolly",),
    "handbag": ("pocketbook",),
    "tie": ("cravat",),
    "bottle": ("flask",),
    "wine glass": ("goblet",),
    "cup": ("beaker",),
    "donut": ("bagel",),
    "chair": ("recliner",),
    "couch": ("settee", "loveseat"),
    "potted plant": ("houseplant",),
    "dining table": ("workbench",),
    "toilet": ("lavatory",),
    "tv": ("telly",),
    "cell phone": ("handset",),
    "oven": ("cooker",),
    "sink": ("washbasin",),
    "refrigerator": ("icebox",),
    "book": ("paperback",),
    "clock": ("timepiece",),
    "vase": ("urn",),
    "teddy bear": ("plushie",),
}
LEFT_OUT, OTHERS = "left out of training", "others that no training phrase has"


@dataclass(frozen=True)
class Names:
    """Names that a model's training phrases did and did not have.

    Attributes:
        left_out: those that were left out on purpose.
        said: words that they had, besides those.
    """

    left_out: frozenset[str]
    said: frozenset[str]

    @classmethod
    def of(cls, config: TrainConfig, categories: Sequence[str], root: Path) -> Names:
        """From the settings of a training on captions and on the names that data/nouns.py has for categories."""
        if any(source.expressions for source in config.sources):
            raise SystemExit("expected a training on masks and captions; what people said may have any word")
        files = [root / source.captions for source in config.sources if source.captions]
        captions = [texts for file in files for texts in load_captions(file).values()]
        phrases = [phrase.text for texts in captions for phrase in person_expressions(texts, 0)]
        phrases += [name for category in categories for name in nouns.names(category)]
        return cls(frozenset(config.held_out_words), frozenset(word for text in phrases for word in tokenize(text)))

    def usual(self, category: str) -> str:
        """The most frequent name of a class in the training phrases."""
        return nouns.usual(tuple(name for name in nouns.names(category) if not says(name, self.left_out)))

    def unseen(self, category: str) -> dict[str, str]:
        """Names of a class that no training phrase had, and of which part each is."""
        more = NEVER_SAID.get(category, ())
        left_out = [name for name in (*nouns.names(category), *more) if name in self.left_out]
        others = [name for name in more if self.said.isdisjoint((name, nouns.plural(name)))]
        return dict.fromkeys(others, OTHERS) | dict.fromkeys(left_out, LEFT_OUT)


def questions(source: SceneSource, names: Names) -> list[Sample]:
    """Each class of each picture by its usual name, an unseen one and that of an absent class, for each unseen one.

    A name that fits another class of the picture too is passed over.
    """
    samples: list[Sample] = []
    for index, entry in enumerate(source.images):
        scene, rng = source.scene(index), random.Random(index)
        present = {item.category for item in scene.objects}
        elsewhere = scene.labelled - present
        for category in sorted(present):
            items = [item for item in scene.objects if item.category == category]
            mask = target_mask(scene, Expression("", tuple(item.id for item in items), "class"))
            one = len(items) == 1 and not items[0].is_crowd
            for name, part in names.unseen(category).items():
                if not present.isdisjoint(nouns.also_fits(category, name)):
                    continue
                absent = rng.choice(sorted(elsewhere - nouns.neighbours(category)))
                for asked in (names.usual(category), name, names.usual(absent)):
                    phrase = asked if one else nouns.plural(asked)
                    tags = {"part": part, "name": name, "asked": asked}
                    row = Sample("heldout", "names", entry.id, len(samples), entry.path, phrase, mask, category, tags)
                    samples.append(row)
    return samples


@dataclass(frozen=True)
class Answered:
    """One class of one picture, asked by its usual name, by an unseen one, and by that of an absent class.

    Attributes:
        usual, unseen, absent: what the answers left behind.
        understood: whether each of the two phrases is most likely of the right class; None without a class term.
    """

    usual: Record
    unseen: Record
    absent: Record
    understood: tuple[bool, bool] | None


def ask(segmenter: Segmenter, source: SceneSource, names: Names) -> list[Answered]:
    records = evaluate(segmenter, questions(source, names))
    taken_for = most_likely(segmenter, sorted({record.phrase for record in records}), source)
    found = []
    for usual, unseen, absent in zip(records[::3], records[1::3], records[2::3], strict=True):
        right = {usual.category, *(name for name in taken_for.values() if unseen.tags["name"] in nouns.names(name))}
        understood = (taken_for[usual.phrase] in right, taken_for[unseen.phrase] in right) if taken_for else None
        found.append(Answered(usual, unseen, absent, understood))
    return found


def most_likely(segmenter: Segmenter, phrases: Sequence[str], source: SceneSource) -> dict[str, str]:
    """The class, or "none", that each phrase is most likely of; no phrase where the model has no class term."""
    if not segmenter.config.p2:
        return {}
    features = segmenter.encode_image(source.images[0].path)  # what a phrase is taken for is the same in all pictures
    classes = (*segmenter.config.categories, "none")
    found = dict.fromkeys(phrases, "none")
    for phrase in phrases:
        with contextlib.suppress(PhraseError):  # a word without a vector, of a model that does not read by spelling
            found[phrase] = classes[int(segmenter.grids(features, [phrase])["p_text"][0].argmax())]
    return found


def numbers(answers: Sequence[Answered]) -> dict[str, Any]:
    """Mean IoU by either name, and the ratio of the two with its 95 % interval over photographs."""
    usual, unseen = (np.array([getattr(answer, kind).iou for answer in answers]) for kind in ("usual", "unseen"))
    images = [answer.usual.image_id for answer in answers]
    draws = [(usual[rows].mean(), unseen[rows].mean()) for rows in picture_draws(images)]
    ratios = [above / below for below, above in draws if below > 0]
    result: dict[str, Any] = {
        "n": len(answers),
        "photographs": len(set(images)),
        "usual": round(float(usual.mean()), 4),
        "unseen": round(float(unseen.mean()), 4),
        "absent": round(mean(answer.absent.iou for answer in answers), 4),
        "ratio": round(float(unseen.mean() / usual.mean()), 4) if usual.any() else None,
        "interval": [round(float(value), 4) for value in np.percentile(ratios, [2.5, 97.5])] if ratios else None,
    }
    known = [answer.understood for answer in answers if answer.understood is not None]
    if known:
        result["understood"] = [round(float(share), 4) for share in np.mean(known, axis=0)]
    return result


def by_part(answers: Sequence[Answered]) -> dict[str, Any]:
    """The numbers of each part, of all its names, of those of things, and of each name."""
    result = {}
    for part in sorted({answer.unseen.tags["part"] for answer in answers}):
        mine = [answer for answer in answers if answer.unseen.tags["part"] == part]
        things = [answer for answer in mine if answer.usual.category != "person"]
        words = sorted({(answer.usual.tags["asked"], answer.unseen.tags["name"]) for answer in mine})
        result[part] = {
            "all": numbers(mine),
            "things": numbers(things),
            "names": {
                f"{name} ({usual})": numbers(
                    [row for row in mine if (row.usual.tags["asked"], row.unseen.tags["name"]) == (usual, name)]
                )
                for usual, name in words
            },
        }
    return result


def of_runs(runs: Sequence[Path], source: SceneSource, root: Path) -> dict[str, Any]:
    """The numbers of one or several trainings of one configuration."""
    answers = []
    for run in runs:
        config = read_config(TrainConfig, run / "config.json")
        answers += ask(open_run(run / BEST), source, Names.of(config, config.model.categories, root))
    return {"trainings": len(runs), "parts": by_part(answers)}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--root", type=Path, required=True, help="that the paths of trainings start from")
    parser.add_argument("--run", nargs="+", action="append", default=[], metavar=("NAME", "RUN"))
    arguments = parser.parse_args()
    given = HeldOut.of(arguments)
    segmenter, source = given.segmenter, given.source
    names = Names.of(read_config(TrainConfig, BUNDLED), segmenter.config.categories, arguments.root)
    models = {"bundled": {"trainings": 1, "parts": by_part(ask(segmenter, source, names))}}
    print(json.dumps(models, indent=1), flush=True)
    for name, *runs in arguments.run:
        models[name] = of_runs([Path(run) for run in runs], source, arguments.root)
        print(json.dumps({name: models[name]}, indent=1), flush=True)
    result = {"machine": describe(), "models": models}
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
