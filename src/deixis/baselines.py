"""What a number is compared with: answers that look at the picture or the phrase less than the predictor does.

Each answers from the features that the predictor made of the picture, so that a picture is encoded once for all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from deixis.config import DEFAULT_THRESHOLD
from deixis.odds import certain, log_odds
from deixis.segmenter import Segmenter
from deixis.text import mirror
from deixis.types import BoolMask, Features, ImageArray, Segmentation

Answerer = Callable[[Features, Sequence[str]], list[Segmentation]]
Reword = Callable[[Sequence[str]], list[str | None]]


@dataclass(frozen=True)
class Baseline:
    """Something to compare a predictor with.

    Attributes:
        answer: features and phrases to one answer each; they may be of any predictor where only the size is used.
        reword: the phrases of one picture to what is asked instead, None where a phrase is left out.
    """

    answer: Answerer
    reword: Reword = list


class WholeImage:
    """Blind baseline: everything is the answer."""

    def encode_image(self, image: ImageArray) -> Features:
        """Only the size is kept."""
        return Features(arrays={}, height=image.shape[0], width=image.shape[1], input_size=0)

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        """The whole picture for each phrase, score 1."""
        mask = self.mask(features.height, features.width)
        mask.setflags(write=False)
        return [Segmentation(phrase, mask, partial(certain, mask), 1.0) for phrase in phrases]

    def mask(self, height: int, width: int) -> BoolMask:
        """(height, width) bool, the same for every phrase."""
        return np.ones((height, width), dtype=bool)


class CentreBox(WholeImage):
    """Blind baseline: the central box of HALF the picture's area and the picture's proportions (sides x sqrt(1/2))."""

    def mask(self, height: int, width: int) -> BoolMask:
        """(height, width) bool, the same for every phrase."""
        mask = np.zeros((height, width), dtype=bool)
        box_height, box_width = (max(1, round(side * math.sqrt(0.5))) for side in (height, width))
        top, left = (height - box_height) // 2, (width - box_width) // 2
        mask[top : top + box_height, left : left + box_width] = True
        return mask


class CategoryOnly:
    """Baseline: a segmenter's second term (p2) alone, which knows what is named and not which one."""

    def __init__(self, segmenter: Segmenter, threshold: float = DEFAULT_THRESHOLD) -> None:
        self._segmenter, self._threshold = segmenter, threshold

    def encode_image(self, image: ImageArray) -> Features:
        """As the segmenter does."""
        return self._segmenter.encode_image(image)

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        """p2 as the probability, with the segmenter's score."""
        answers = self._segmenter.explain_many(features, phrases)
        maps = [answer.terms["p2"] for answer in answers]
        pairs = zip(answers, maps, strict=True)
        return [
            dataclasses.replace(answer, mask=p2 >= self._threshold, evidence=partial(log_odds, p2))
            for answer, p2 in pairs
        ]


def shuffled(phrases: Sequence[str]) -> list[str | None]:
    """Each phrase of a picture answered with another one of it: all move by half their number.

    Sentences of one object stand together, so that most are asked of another object. A phrase that is alone is left
    out.
    """
    if len(phrases) < 2:
        return [None] * len(phrases)
    half = len(phrases) // 2
    return [*phrases[half:], *phrases[:half]]


def swapped(phrases: Sequence[str]) -> list[str | None]:
    """Left and right change places; phrases that have neither are left out."""
    return [other if other != phrase else None for phrase in phrases for other in [mirror(phrase)]]


def baselines_of(segmenter: Segmenter) -> Mapping[str, Baseline]:
    """What every evaluation of a segmenter reports beside it, by name; "category only" where it has other terms too."""
    mixed = segmenter.config.p2 and len(segmenter.config.terms) > 1
    return {
        "whole image": Baseline(WholeImage().segment_many),
        "centre box": Baseline(CentreBox().segment_many),
        **({"category only": Baseline(CategoryOnly(segmenter).segment_many)} if mixed else {}),
        "another phrase": Baseline(segmenter.segment_many, shuffled),
        "left and right swapped": Baseline(segmenter.segment_many, swapped),
    }
