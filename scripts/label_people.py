#!/usr/bin/env python
"""Masks and names for people known by boxes and captions only: scripts/label_people.py COCO CHECKPOINT OUT

COCO is the folder with annotations/ and images/, CHECKPOINT a trained model of ours. Its mask head draws each boxed
person; a mask is kept where it fills the box. Whether someone is called man or woman, adult or child, is learned from
captions of pictures in which all captions agree: ImageNet features of the person, a linear classifier; where a
picture has captions, they have the last word. Who stays in doubt gets no name. Writes instances_partial.json,
instances_train.json, instances_heldout.json and boxes_person.json, with "names" and, in the last one, masks, to OUT,
and prints how often it is right on people it has not learned from.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from labelling import SIDE, by_picture, corners, load_network, off_square, on_square, overlap
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from deixis import masks
from deixis.data.coco import load_captions
from deixis.files import atomic_write
from deixis.image import normalise, open_image
from deixis.metrics import roc_auc
from deixis.model.compact import CompactNetwork
from deixis.model.efficientnet import EfficientNetLite0, imagenet_weights
from deixis.model.weights import read_weights

BOXED = "boxes_person.json"
FILES = {  # and the captions of their pictures
    "instances_partial.json": "captions_partial.json",
    BOXED: "captions_boxes.json",
    "instances_train.json": None,
    "instances_heldout.json": None,
}
CROP = 160  # of a person, in pixels
TALL_ENOUGH = 40  # pixels
FILLS = 0.75  # IoU of a mask's bounding box and the person's box from which on the mask is kept
FOLDS = 5
SURE = 1.2  # logit from which on a name is given without captions
PRIOR = 2.5  # logits that captions are worth
WORDS = {
    "male": "man men guy guys gentleman gentlemen male males businessman policeman fireman cowboy boy boys he his him",
    "female": "woman women lady ladies female females businesswoman girl girls she her hers bride",
    "child": "boy boys girl girls child children kid kids toddler toddlers baby babies infant",
    "adult": "man men woman women lady ladies gentleman gentlemen businessman businesswoman",
}
TRAITS = (("female", "male"), ("child", "adult"))  # what is asked of each person: the first, or the second
NAMES = {
    ("male", "adult"): ("person", "man", "guy", "dude"),
    ("female", "adult"): ("person", "woman", "lady", "girl"),
    ("male", "child"): ("person", "boy", "kid", "child"),
    ("female", "child"): ("person", "girl", "kid", "child"),
}


class Person(NamedTuple):
    """An annotation of a person who is tall enough, and the features (D,) of the picture there."""

    row: dict[str, Any]
    features: Tensor


class Describer:
    """ImageNet features of people: of the whole box, and of its upper part."""

    def __init__(self) -> None:
        self.backbone = EfficientNetLite0()
        self.backbone.load_weights(imagenet_weights())
        self.backbone.eval()
        self.head = nn.Sequential(nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280, eps=1e-3), nn.ReLU6())
        names = {"_conv_head": "0", "_bn1": "1"}
        weights = {name.partition("."): value.float() for name, value in read_weights(imagenet_weights()).items()}
        self.head.load_state_dict({f"{names[a]}.{c}": value for (a, _, c), value in weights.items() if a in names})
        self.head.eval()

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8], boxes: Sequence[Sequence[float]]) -> Tensor:
        """(N, D) of the people in N boxes (x, y, width, height)."""
        picture = Image.fromarray(image)
        squares = [square for x, y, w, h in boxes for square in ((x, y, w, h, 1.24), (x, y, w, min(h, 1.3 * w), 1.15))]
        crops = torch.stack([torch.from_numpy(normalise(_cut(picture, square))) for square in squares])
        *_, middle, last = self.backbone(crops.to(memory_format=torch.channels_last))
        found = torch.cat([self.head(last).mean((2, 3)), middle.mean((2, 3))], dim=1)
        return found.reshape(len(boxes), -1)


def _cut(picture: Image.Image, square: tuple[float, float, float, float, float]) -> NDArray[np.uint8]:
    x, y, width, height, margin = square
    half = max(width, height) * margin / 2
    corners = (x + width / 2 - half, y + height / 2 - half, x + width / 2 + half, y + height / 2 + half)
    left, top, right, bottom = (int(value) for value in corners)
    return np.asarray(picture.crop((left, top, right, bottom)).resize((CROP, CROP), Image.Resampling.BILINEAR))


class Trait:
    """A linear classifier of people."""

    def __init__(self, features: Tensor, truth: Tensor) -> None:
        self.mean, self.scale = features.mean(0), features.std(0) + 1e-3
        self.weights, self.bias = torch.zeros(features.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
        balance = torch.where(truth > 0, ((truth == 0).sum() / truth.sum()).sqrt(), 1.0)
        optimiser = torch.optim.LBFGS([self.weights, self.bias], max_iter=300)

        def step() -> Tensor:
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(self.logits(features), truth, weight=balance)
            loss = loss + 0.03 * self.weights.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(step)  # type: ignore[no-untyped-call]

    def logits(self, features: Tensor) -> Tensor:
        """(N, D) -> (N,)."""
        return (features - self.mean) / self.scale @ self.weights + self.bias


def spoken(captions: Iterable[str], trait: tuple[str, str]) -> tuple[bool, bool]:
    """Whether the captions have words for each side of a trait."""
    words = {word for text in captions for word in re.findall("[a-z]+", text.lower())}
    return not words.isdisjoint(WORDS[trait[0]].split()), not words.isdisjoint(WORDS[trait[1]].split())


def examples(
    people: dict[int, list[Person]], captions: dict[int, tuple[str, ...]], trait: tuple[str, str]
) -> tuple[Tensor, Tensor]:
    """Features (N, D) and truth (N,) of the largest person of each picture whose captions know one side only."""
    found = []
    for image_id, group in people.items():
        first, second = spoken(captions.get(image_id, ()), trait)
        if first != second:
            largest = max(group, key=lambda person: person.row["bbox"][2] * person.row["bbox"][3])
            found.append((largest.features, float(first)))
    return torch.stack([features for features, _ in found]), torch.tensor([truth for _, truth in found])


def check(features: Tensor, truth: Tensor, title: str) -> None:
    """Print how a classifier does on folds that it has not learned from."""
    fold = torch.from_numpy(np.random.default_rng(0).integers(0, FOLDS, len(truth)))
    logits = torch.zeros(len(truth))
    for number in range(FOLDS):
        logits[fold == number] = Trait(features[fold != number], truth[fold != number]).logits(features[fold == number])
    sure = logits.detach().abs() > SURE
    right = (logits > 0) == (truth > 0)
    auc = roc_auc(logits.tolist(), [bool(value) for value in truth])
    print(f"{title}: {len(truth)} people, AUC {auc:.3f}, right {right.float().mean():.1%}", end=", ")
    print(f"where sure ({sure.float().mean():.0%}) {right[sure].float().mean():.1%}")


def decide(logits: list[float], captions: Sequence[str], trait: tuple[str, str]) -> list[str | None]:
    """Which side of a trait the people of a picture are on, None for doubt; captions know who is there at all."""
    first, second = spoken(captions, trait)
    if first != second:
        logits = [value + (PRIOR if first else -PRIOR) for value in logits]
    sides = [None if abs(value) < SURE else trait[0] if value > 0 else trait[1] for value in logits]
    if first and second and len(logits) > 1:
        sides[int(np.argmax(logits))], sides[int(np.argmin(logits))] = trait
    return sides


def names(sides: Sequence[str | None]) -> list[str]:
    """Nouns of a person who is male or female, and child or adult."""
    sex, age = sides
    if sex is not None:
        return list(NAMES[sex, age or "adult"])
    return ["person", "kid", "child"] if age == "child" else []


@torch.no_grad()
def draw(network: CompactNetwork, image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N, H, W) masks of the objects of N boxes (x, y, width, height), no pixel in two of them."""
    assert network.objects is not None
    height, width = image.shape[:2]
    box, picture = on_square(image)
    scale = np.array([box.new_width / width, box.new_height / height])
    centres = (boxes[:, :2] + boxes[:, 2:] / 2) * scale + [box.left, box.top]
    shares = torch.from_numpy(np.concatenate([centres, boxes[:, 2:] * scale], axis=1) / SIDE).float()
    total = torch.zeros(())
    for mirrored in (False, True):
        placed = shares.clone()
        if mirrored:
            placed[:, 0] = 1 - placed[:, 0]
        visual, fine, _ = network.image_encoder(picture.flip(-1) if mirrored else picture)
        maps = network.objects(visual, fine)
        side = maps.heat.shape[-1]
        cells = (placed[:, :2] * side).long().clamp(0, side - 1)
        _, filters = network.objects.at_cells(maps, (cells[:, 1] * side + cells[:, 0])[None])
        found = network.objects.masks(maps.embedding, placed[None], filters).sigmoid()
        total = total + (found.flip(-1) if mirrored else found) / 2
    chances = off_square(total[0], box)
    for chance, (x, y, across, down) in zip(chances, boxes, strict=True):
        inside = np.zeros_like(chance, dtype=bool)
        inside[max(0, round(y) - 1) : round(y + down) + 1, max(0, round(x) - 1) : round(x + across) + 1] = True
        chance[~inside] = 0
    owner = chances.argmax(axis=0)
    return np.stack([(chance > 0.5) & (owner == number) for number, chance in enumerate(chances)])


def add_masks(network: CompactNetwork, image: NDArray[np.uint8], rows: list[dict[str, Any]]) -> int:
    """Give boxed people the masks that fill their boxes; returns how many."""
    found = draw(network, image, np.array([row["bbox"] for row in rows], dtype=np.float64))
    kept = 0
    for row, mask in zip(rows, found, strict=True):
        if mask.any() and overlap(corners(row["bbox"]), masks.bounding_box(mask)) >= FILLS:
            row["segmentation"] = masks.encode_rle(mask)
            kept += 1
    return kept


def people_of(content: dict[str, Any], images: Path, describe: Describer) -> dict[int, list[Person]]:
    """The people of a COCO file who are tall enough, by picture."""
    person = {row["id"] for row in content["categories"] if row["name"] == "person"}
    files = {row["id"]: row["file_name"] for row in content["images"]}
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in content["annotations"]:
        if row["category_id"] in person and not row.get("iscrowd") and row["bbox"][3] >= TALL_ENOUGH:
            rows[row["image_id"]].append(row)
    return {
        image_id: [
            Person(row, features)
            for row, features in zip(
                group, describe(open_image(images / files[image_id]), [row["bbox"] for row in group]), strict=True
            )
        ]
        for image_id, group in rows.items()
    }


def name_people(people: dict[str, dict[int, list[Person]]], captions: dict[str, dict[int, tuple[str, ...]]]) -> None:
    """Learn the traits from files with captions, and give names to everybody of whom they are sure."""
    traits = []
    for trait in TRAITS:
        parts = [examples(people[name], captions[name], trait) for name in captions]
        features, truth = (torch.cat([part[index] for part in parts]) for index in (0, 1))
        check(features, truth, " or ".join(trait))
        traits.append(Trait(features, truth))
    for name, groups in people.items():
        for image_id, group in groups.items():
            features = torch.stack([person.features for person in group])
            said = captions.get(name, {}).get(image_id, ())
            sides = [
                decide(trait.logits(features).tolist(), said, words)
                for trait, words in zip(traits, TRAITS, strict=True)
            ]
            for person, of_person in zip(group, zip(*sides, strict=True), strict=True):
                if found := names(of_person):
                    person.row["names"] = found


def mask_people(content: dict[str, Any], images: Path, network: CompactNetwork) -> int:
    """Draw the people of a file that has boxes alone; returns how many got a mask."""
    files = {row["id"]: images / row["file_name"] for row in content["images"]}
    return sum(add_masks(network, open_image(files[image_id]), rows) for image_id, rows in by_picture(content).items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("coco", "checkpoint", "out"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    annotations, images = asked.coco / "annotations", asked.coco / "images"
    contents = {name: json.loads((annotations / name).read_text()) for name in FILES}
    captions = {name: load_captions(annotations / file) for name, file in FILES.items() if file}

    describe = Describer()
    people = {name: people_of(content, images, describe) for name, content in contents.items()}
    name_people(people, captions)
    kept = mask_people(contents[BOXED], images, load_network(asked.checkpoint))
    print(f"masks: {kept} of {len(contents[BOXED]['annotations'])}")
    for name, content in contents.items():
        named = sum("names" in row for row in content["annotations"])
        print(f"{name}: names for {named} of {sum(len(group) for group in people[name].values())}")
        with atomic_write(asked.out / name) as temporary:
            temporary.write_text(json.dumps(content))


if __name__ == "__main__":
    main()
