"""A mask that names several things, told apart: "all the zebras" is one answer and these are its parts.

The third term lays the masks of the proposed objects over each other, p3 = max over k of choice_k mask_k. An object is
a part of the answer when it was chosen and lies mostly outside of those that were chosen more surely; if not, it is a
double or a part of them. What no chosen object accounts for is a part of its own when it is not connected with one that
is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deixis.contours import components
from deixis.errors import MissingExtra
from deixis.image import Letterbox
from deixis.masks import bounding_box
from deixis.types import BoolMask, FloatArray, Proposals, Segmentation

INSIDE = 0.5  # probability from which on a place belongs to a proposed object
CHOSEN = 0.3  # choice from which on an object is meant
COVERED = 0.5  # share of an object inside of surer ones from which on it is a double or a part of them
SPECK = 2e-4  # parts with a smaller share of the picture are dropped,
CRUMB = 0.04  # and those with a smaller share of the largest part


def split(result: Segmentation) -> list[Segmentation]:
    """The parts of an answer's mask.

    Returns:
        Answers to the same phrase, the surest first: each with a mask of its own (they do not overlap), the
        log-odds inside of it, and as score the mean of that. Empty when the mask is.
    """
    parts = list(_parts(result))
    sizes = [int(np.count_nonzero(part)) for part in parts]
    smallest = max([SPECK * result.mask.size, *(CRUMB * size for size in sizes)], default=0)
    answers = [
        replace(
            result,
            mask=part,
            evidence=partial(_inside, result.logits, part),
            score=float(result.probability[part].mean()),
            proposals=None,
        )
        for part, size in zip(parts, sizes, strict=True)
        if size >= smallest
    ]
    return sorted(answers, key=lambda answer: -answer.score)


def _inside(logits: FloatArray, part: BoolMask) -> FloatArray:
    return np.where(part, logits, np.float32(-np.inf))


def detections(result: Segmentation) -> Any:
    """The parts as ``supervision.Detections``: boxes, masks, confidences; the phrase is their class name.

    Raises:
        MissingExtra: supervision is not installed.
    """
    try:
        import supervision
    except ModuleNotFoundError as error:
        raise MissingExtra("supervision", "supervision") from error
    parts = split(result)
    if not parts:
        return supervision.Detections.empty()
    return supervision.Detections(
        xyxy=np.array([bounding_box(part.mask) for part in parts], dtype=np.float32),
        mask=np.stack([part.mask for part in parts]),
        confidence=np.array([part.score for part in parts], dtype=np.float32),
        class_id=np.zeros(len(parts), dtype=int),
        data={"class_name": np.array([result.phrase] * len(parts))},
    )


def _parts(result: Segmentation) -> Iterator[BoolMask]:
    """Masks that do not overlap: of each chosen object, and of each connected part that holds none of them."""
    labels = components(result.mask)
    products = _chosen(result.proposals, *result.mask.shape) if result.proposals is not None else []
    owners = _owners(products, result.mask)
    sizes = np.bincount(labels.ravel())
    for label in range(1, len(sizes)):
        if sizes[label] < SPECK * labels.size:
            continue
        here = labels == label
        held = np.bincount(owners[here], minlength=len(products) + 1)[1:]
        present = np.flatnonzero(held > CRUMB * sizes[label])
        if not len(present):
            owners[here] = 0
            yield here
        else:  # its other pixels, too, are of the object that is most likely there
            likely = np.stack([products[number][here] for number in present]).argmax(axis=0)
            owners[here] = present[likely] + 1
    for owner in range(1, len(products) + 1):
        if (owners == owner).any():
            yield owners == owner


def _owners(products: Sequence[FloatArray], mask: BoolMask) -> NDArray[np.int64]:
    """(H, W): 1 + the number of the object that is likeliest at a pixel of the mask, 0 where there is none."""
    owners, best = np.zeros(mask.shape, dtype=np.int64), np.full(mask.shape, INSIDE * CHOSEN, dtype=np.float32)
    for number, product in enumerate(products):
        above = mask & (product > best)
        best[above], owners[above] = product[above], number + 1
    return owners


def _chosen(proposals: Proposals, height: int, width: int) -> list[FloatArray]:
    """Of each chosen object its mask times its choice, (H, W) at the picture's size."""
    box = Letterbox.fit(height, width, proposals.input_size)
    inside = proposals.masks >= INSIDE
    taken = np.zeros_like(inside[0])
    products: list[FloatArray] = []
    for k in np.argsort(-proposals.choices, kind="stable"):
        if proposals.choices[k] < CHOSEN:
            break
        if (inside[k] & taken).sum() < COVERED * inside[k].sum():
            taken |= inside[k]
            products.append(proposals.choices[k] * box.invert(proposals.masks[k]))
    return products
