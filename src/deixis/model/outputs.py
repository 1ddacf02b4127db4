"""What goes between the graphs and to the losses, of either network."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from deixis.model.objects import Candidates, ObjectMaps


class EncodedImage(NamedTuple):
    """What the image graph leaves for the phrases; what belongs to a term that is not there is None.

    p1_part: (B, C, h, w); p_image: (B, M, h, w) probabilities; masks: (B, K, 2h, 2w) probabilities; classes:
    (B, K, M); traits: (B, K, G, C) probabilities; objectness, look, facts, exceeds: see ``relate.ObjectFacts``; held:
    (B, K, K), see ``relate.holds``.
    """

    p1_part: Tensor | None = None
    p_image: Tensor | None = None
    masks: Tensor | None = None
    classes: Tensor | None = None
    traits: Tensor | None = None
    objectness: Tensor | None = None
    look: Tensor | None = None
    facts: Tensor | None = None
    exceeds: Tensor | None = None
    held: Tensor | None = None


class Answer(NamedTuple):
    """What the phrase graph says, P phrases on B pictures; None for terms that are not there.

    logits: (B, P, H, W) of the answer; presence: (B, P) logit that the phrase names something here; weights:
    (B, P, terms), each term's share of the answer; p1_logits: (B, P, H, W); p2: (B, P, H, W); class_logits:
    (B, P, M + 1); choice_logits: (B, P, K) and p3: (B, P, H, W); trait_logits: (B, P, G, C + 1);
    counted: (B, P, K) in [0, 1], what the mask of each candidate counts.
    """

    logits: Tensor
    presence: Tensor
    weights: Tensor
    p1_logits: Tensor | None
    p2: Tensor | None
    class_logits: Tensor | None
    choice_logits: Tensor | None = None
    p3: Tensor | None = None
    trait_logits: Tensor | None = None
    counted: Tensor | None = None


class TrainingOutput(NamedTuple):
    """Everything that the losses look at.

    p_image_logits: (B, M, h, w) of classes that may overlap, or (B, M + 1, h, w) of exclusive ones and background;
    candidate_traits: (B, K, G, C) logits.
    """

    answer: Answer
    p_image_logits: Tensor | None
    maps: ObjectMaps | None = None
    candidates: Candidates | None = None
    candidate_traits: Tensor | None = None
    instance_boxes: Tensor | None = None
    instance_masks: Tensor | None = None
