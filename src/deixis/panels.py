"""What a figure shows: a picture, a phrase, the explained answer and, where it is known, the truth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from deixis.errors import DataError, InputError
from deixis.evaluate import evaluate
from deixis.image import open_image
from deixis.metrics import overall_iou, overlap
from deixis.segmenter import Segmenter
from deixis.text import MAX_TOKENS, words_of
from deixis.types import BoolMask, ImageArray, Sample, Segmentation
from deixis.view import open_view


@dataclass(frozen=True, eq=False)
class Panel:
    """One answered phrase.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        answer: of ``Segmenter.explain``.
        truth: (H, W) bool, None when unknown.
    """

    image: ImageArray
    answer: Segmentation
    truth: BoolMask | None = None

    @property
    def iou(self) -> float | None:
        """Intersection over union with the truth, None when that is unknown."""
        if self.truth is None:
            return None
        intersection, union = overlap(self.answer.mask, self.truth)
        return overall_iou([intersection], [union])


Pick = Literal["best", "worst", "random"]


def ask(segmenter: Segmenter, images: Sequence[Path], phrases: Sequence[str]) -> list[Panel]:
    """Panels of pictures without truth: a phrase a picture, or several of one picture.

    Raises:
        InputError: as many phrases as pictures were expected.
        ImageError, PhraseError: a picture cannot be read, a phrase has no known word.
    """
    if not phrases or len(images) not in (1, len(phrases)):
        raise InputError(
            f"expected a phrase for each picture, or several for one, got {len(images)} pictures and "
            f"{len(phrases)} phrases"
        )
    panels = []
    for path, phrase in zip(itertools.cycle(images), phrases):
        image = open_view(path)
        panels.append(Panel(image, segmenter.explain(image, phrase)))
    return panels


def of_dataset(
    segmenter: Segmenter, samples: Callable[[], Iterable[Sample]], pick: Pick, count: int, seed: int = 0
) -> list[Panel]:
    """Panels of a dataset's expressions; phrases without a known word are passed over.

    Args:
        segmenter: answers them.
        samples: gives the rows anew; they are gone through twice, because all masks would fill the memory.
        pick: by IoU, for which all are evaluated, or at random.
        count: how many, at most.
        seed: of the random choice.

    Raises:
        DataError: there is nothing to choose from.
    """

    def known() -> Iterable[Sample]:
        return answerable(segmenter, samples())

    ious = [0.0 for _ in known()] if pick == "random" else [record.iou for record in evaluate(segmenter, known())]
    return at_places(segmenter, known(), picked(ious, pick, count, seed))


def answerable(segmenter: Segmenter, samples: Iterable[Sample]) -> Iterator[Sample]:
    """Those whose phrase has a known word."""
    return (sample for sample in samples if segmenter.vectors.encode(words_of(sample.phrase), MAX_TOKENS)[1].any())


def picked(ious: Sequence[float], pick: Pick, count: int, seed: int = 0) -> list[int]:
    """Places of at most ``count`` expressions among all, in the order to show them."""
    if pick == "random":
        places = np.random.default_rng(seed).permutation(len(ious))
    else:
        places = np.argsort(ious if pick == "worst" else np.negative(ious), kind="stable")
    return [int(place) for place in places[:count]]


def at_places(segmenter: Segmenter, samples: Iterable[Sample], places: Sequence[int]) -> list[Panel]:
    """Panels of the samples at some places, in the order of these.

    Raises:
        DataError: there are no places.
    """
    if not places:
        raise DataError("expected expressions with a known word to draw, got none; is the split empty?")
    found = {index: _panel(segmenter, sample) for index, sample in enumerate(samples) if index in places}
    return [found[index] for index in places]


def _panel(segmenter: Segmenter, sample: Sample) -> Panel:
    image = open_image(sample.image)
    return Panel(image, segmenter.explain(image, sample.phrase), sample.mask)
