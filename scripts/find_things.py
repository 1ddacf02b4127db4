"""Which of the objects that a trained network proposes for a picture are things that are known to be in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from labelling import SIDE
from torch import Tensor
from torch.nn import functional as F

from deixis.data.nouns import is_person
from deixis.model.compact import CompactNetwork
from deixis.types import BoolMask

LEAST_AREA = 0.004  # of the picture
MOST_BALL = 0.015  # of the picture: larger ones are rackets
MOST_ALONE = 0.6  # of the picture: larger masks hold any class, so that
SURE = 0.5  # has to be its mean probability inside, which is also enough for one of several
AGREEMENT = 0.75  # IoU of what is drawn in the picture and in the mirrored one
LEAST_OBJECT = 0.1
LEAST_SHARE = 0.5  # of all that the picture has of the class, inside the mask
OF_PERSON, OF_OTHERS = 0.3, 0.3  # of the mean probability of "person", and of the likeliest thing
LEAST_VALUE = 0.1
COMMON, INSIDE = 0.4, 0.6  # IoU with another object, or share inside it, from which on a mask is no new object


class Candidates(NamedTuple):
    """K objects of a picture on the square: chances (K, h, w), areas (K,) in pixels of the square, scores (K, M) the
    mean probabilities of M classes inside, objectness (K,), agreement (K,), shares (K, M) of each class inside.
    """

    chances: Tensor
    areas: Tensor
    scores: Tensor
    objectness: Tensor
    agreement: Tensor
    shares: Tensor


class Found(NamedTuple):
    """A thing: its class and its number among the candidates."""

    category: str
    number: int


class Labelled(NamedTuple):
    """An object of a picture that has a mask: class, mask (H, W) of the picture, mask (h, w) on the square's grid."""

    category: str
    mask: BoolMask
    small: BoolMask


@torch.no_grad()
def propose(network: CompactNetwork, square: Tensor, columns: Sequence[int]) -> Candidates:
    """What the network proposes for a square (1, 3, S, S), each object averaged with its like in the mirrored one.

    Args:
        network: a trained one.
        square: from ``on_square``.
        columns: which of the network's classes count.
    """
    image = network.encode_image(torch.cat([square, square.flip(-1)]))
    assert image.masks is not None and image.classes is not None
    assert image.objectness is not None and image.p_image is not None
    drawn = torch.stack([image.masks[0], image.masks[1].flip(-1)])
    solid = (drawn > 0.5).flatten(2).float()
    areas = solid.sum(-1)
    common = solid[0] @ solid[1].T
    agreement, twin = (common / (areas[0][:, None] + areas[1] - common).clamp(min=1)).max(dim=1)
    chances = (drawn[0] + drawn[1][twin]) / 2
    maps = (image.p_image[0] + image.p_image[1].flip(-1))[list(columns)] / 2
    inside = F.avg_pool2d((chances > 0.5).float(), chances.shape[-1] // maps.shape[-1]).flatten(1)
    maps = maps.flatten(1)
    return Candidates(
        chances=chances,
        areas=(chances > 0.5).sum((1, 2)) * (SIDE / chances.shape[-1]) ** 2,
        scores=((image.classes[0] + image.classes[1][twin]) / 2)[:, list(columns)],
        objectness=(image.objectness[0] + image.objectness[1][twin]) / 2,
        agreement=agreement,
        shares=inside @ maps.T / maps.sum(-1).clamp(min=1e-6),
    )


def choose(
    found: Candidates, wanted: Mapping[str, int], classes: Sequence[str], labelled: Sequence[Labelled], picture: float
) -> list[Found]:
    """The candidates that are things of the wanted classes, none of them where something is labelled.

    Args:
        found: the candidates.
        wanted: classes that are in the picture, and how many objects of each there may be.
        classes: names of the candidates' classes, "person" first.
        labelled: objects that are known.
        picture: pixels of the square that the picture covers.
    """
    columns = {name: classes.index(name) for name in wanted}
    value = found.shares * found.scores.sqrt() * found.agreement[:, None]
    order = sorted(
        (
            (float(value[number, column]), number, name)
            for name, column in columns.items()
            for number in range(len(value))
        ),
        reverse=True,
    )
    solid = (found.chances > 0.5).numpy()
    chosen: list[Found] = []
    for worth, number, name in order:
        full = sum(other.category == name for other in chosen) >= wanted[name]
        if full or worth < LEAST_VALUE or not _is(found, number, name, columns, picture, wanted[name] > 1):
            continue
        if _is_new(solid[number], name, [solid[other.number] for other in chosen], labelled):
            chosen.append(Found(name, number))
    return chosen


def _is(
    found: Candidates, number: int, name: str, columns: Mapping[str, int], picture: float, one_of_several: bool
) -> bool:
    """Whether a candidate, by itself, is a thing of a class."""
    scores, area = found.scores[number], float(found.areas[number]) / picture
    score = float(scores[columns[name]])
    if found.agreement[number] < AGREEMENT or found.objectness[number] < LEAST_OBJECT or area < LEAST_AREA:
        return False
    if score < max(float(scores[column]) for column in columns.values()):
        return False
    if score < OF_PERSON * scores[0] or score < OF_OTHERS * scores[1:].max():
        return False
    if (area > MOST_ALONE and score < SURE) or (name == "sports ball" and area > MOST_BALL):
        return False
    return (one_of_several and score >= SURE) or bool(found.shares[number, columns[name]] >= LEAST_SHARE)


def _is_new(small: BoolMask, name: str, chosen: Sequence[BoolMask], labelled: Sequence[Labelled]) -> bool:
    """Whether a mask is no object that is there already; a tie may lie on a person."""
    for other in labelled:
        common = float((small & other.small).sum())
        if name != "tie" and common > INSIDE * small.sum():
            return False
        if not is_person(other.category) and common > COMMON * (small | other.small).sum():
            return False
    common_with = [(float((small & other).sum()), float((small | other).sum())) for other in chosen]
    return all(both <= COMMON * either and both <= INSIDE * small.sum() for both, either in common_with)
