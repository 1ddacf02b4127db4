"""Losses against values worked out by hand."""

from __future__ import annotations

from math import exp, log, log1p

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch

from deixis.model.build import build
from deixis.model.losses import (
    IGNORED,
    WORSE,
    Targets,
    _box_loss,
    box_iou,
    category_loss,
    dice_loss,
    exclusive_category_loss,
    heat_loss,
    instance_loss,
    label_loss,
    mask_iou,
    object_class_loss,
    pixel_loss,
    selection_loss,
    shown_trait_loss,
    total_loss,
)
from deixis.model.objects import Candidates
from deixis.trainconfig import LossConfig
from test_model import inputs, targets
from tiny import tiny_model

SURE = 50.0


def one(**changes: torch.Tensor) -> Targets:
    """The first picture's targets with one phrase and one object, and changes."""
    first = targets()
    small = {
        name: value[:1, :1] if name.startswith(("masks", "mask_", "phrase", "choosable", "object")) else value[:1]
        for name, value in first._asdict().items()
    }
    return type(first)(**{**small, "members": torch.ones(1, 1, 1, dtype=torch.bool), **changes})


def test_dice_by_hand() -> None:
    truth = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    loss = dice_loss(torch.zeros(2, 2, 2), truth)  # p = 0.5 everywhere: (2 * 1 + 1) / (2 + 2 + 1)
    assert loss.tolist() == pytest.approx([0.4, 0.0]), "nothing is asked where nothing is"
    assert dice_loss((truth[0] * 2 - 1) * SURE, truth[0]).item() == pytest.approx(0, abs=1e-6)


def test_pixels_by_hand() -> None:
    masks = torch.tensor([[[[1.0, 0.0]]]])
    found = one(masks=masks, mask_known=torch.tensor([[True]]))
    assert pixel_loss(torch.zeros(1, 1, 1, 2), found, 0.0).item() == pytest.approx(log(2) + 1 - 2 / 3)
    assert pixel_loss((masks * 2 - 1) * SURE, found, 0.0).item() == pytest.approx(0, abs=1e-6)


def test_the_pixels_of_the_2016_baseline_by_hand() -> None:
    found = one(masks=torch.tensor([[[[0.1, 0.0, 0.0]]]]), mask_known=torch.tensor([[True]]))
    loss = pixel_loss(torch.zeros(1, 1, 1, 3), found, 1 / 3)  # a cell with any foreground is positive
    assert loss.item() == pytest.approx(log(2) * (1 + 1 / 3 + 1 / 3) / 3)


@pytest.mark.parametrize("background", [0.0, 1.0])
def test_inside_of_a_box_only_its_reach_is_known(background: float) -> None:
    box = torch.zeros(1, 1, 4, 5)
    box[..., 1:3, 1:4] = 1
    boxed = one(masks=box, mask_known=torch.tensor([[False]]))
    diagonal, short, outside = -torch.ones_like(box), -torch.ones_like(box), -torch.ones_like(box)
    diagonal[..., 1, 1:3], diagonal[..., 2, 3] = 1, 1
    short[..., 1, 1:3] = 1
    outside[..., 1:3, 1:4], outside[..., 0, 0] = 1, 1
    reach, less, more = (pixel_loss(SURE * mask, boxed, background).item() for mask in (diagonal, short, outside))
    assert reach == pytest.approx(0, abs=1e-6), "any mask that touches all four sides will do"
    assert less > 0.1 and more > 0.1


def test_classes_that_exclude_each_other() -> None:
    classes = torch.zeros(1, 2, 1, 3)
    classes[0, 1, 0, 0] = 1
    known = one(classes=classes, class_known=torch.tensor([[True, True]]))
    logits = torch.zeros(1, 3, 1, 3)
    assert exclusive_category_loss(logits, known).item() == pytest.approx(log(3))
    logits[0, 1, 0, 0] = logits[0, 2, 0, 1:] = SURE  # the second class, then background twice
    assert exclusive_category_loss(logits, known).item() == pytest.approx(0, abs=1e-6)
    logits[0, :, 0, 1:] = torch.tensor([SURE, 0, 0])[:, None]
    partly = known._replace(class_known=torch.tensor([[True, False]]))
    assert exclusive_category_loss(logits, partly).item() == pytest.approx(0, abs=1e-6), "what is there is not known"
    assert exclusive_category_loss(logits, known).item() == pytest.approx(SURE * 2 / 3)


def test_invalid_phrases_do_not_count() -> None:
    full = targets()._replace(phrase_valid=torch.zeros(2, 3, dtype=torch.bool))
    assert pixel_loss(torch.randn(2, 3, 16, 16), full, 0.0) == 0


def test_a_class_that_is_not_labelled_gives_no_negative() -> None:
    classes = torch.zeros(1, 2, 2, 2)
    classes[0, 0, 0, 0] = 1
    logits = torch.zeros(1, 2, 2, 2, requires_grad=True)
    unsure = one(classes=classes, class_known=torch.tensor([[False, False]]))
    loss = category_loss(logits, unsure)
    loss.backward()
    assert loss.item() == pytest.approx(log(2) / 4), "one labelled pixel of four"
    assert logits.grad is not None
    assert logits.grad.count_nonzero() == 1 and logits.grad[0, 0, 0, 0] < 0
    known = one(classes=classes, class_known=torch.tensor([[True, True]]))
    dice = 1 - (2 * 0.5 + 1) / (2 + 1 + 1)
    assert category_loss(torch.zeros(1, 2, 2, 2), known).item() == pytest.approx(2 * log(2) + dice)


def test_heat_by_hand() -> None:
    heat, weight = torch.tensor([[[1.0, 0.5]]]), torch.ones(1, 1, 2)
    found = one(heat=heat, heat_weight=weight)
    expected = 0.25 * log(2) + 0.5**4 * 0.25 * log(2)
    assert heat_loss(torch.zeros(1, 1, 2), found).item() == pytest.approx(expected)
    unknown = one(heat=heat, heat_weight=weight * 0)
    assert heat_loss(torch.zeros(1, 1, 2), unknown).item() == pytest.approx(0.25 * log(2))


def test_boxes_of_half_overlap() -> None:
    left = torch.tensor([[[0.5, 0.5, 0.2, 0.2]]])
    right = torch.tensor([[[0.6, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2], [0.9, 0.9, 0.1, 0.1], [0.5, 0.5, 0.1, 0.2]]])
    assert box_iou(left, right)[0, 0].tolist() == pytest.approx([1 / 3, 1, 0, 0.5])


def test_box_loss_by_hand() -> None:
    found = one(object_boxes=torch.tensor([[[0.5, 0.5, 0.2, 0.4]]]), object_valid=torch.tensor([[True]]))
    predicted = torch.tensor([[[0.6, 0.5, 0.2, 0.4 * exp(0.3)]]])
    overlap = 0.1 * 0.4 / (0.2 * 0.4 + 0.2 * 0.4 * exp(0.3) - 0.1 * 0.4)
    assert _box_loss(predicted, found).item() == pytest.approx((0.1 / 0.2 + 0.3) / 2 + 1 - overlap, rel=1e-5)


def objects(named: list[int], **changes: torch.Tensor) -> Targets:
    """One picture of four cells of 2 x 2 pixels, three classes, and an object in each of the first cells."""
    masks = torch.zeros(1, len(named), 2, 8)
    for row in range(len(named)):
        masks[0, row, :, 2 * row : 2 * row + 2] = 1
    found = {
        "object_masks": masks,
        "object_class": torch.tensor([named]),
        "object_boxes": torch.tensor([[[0.25 * row + 0.125, 0.5, 0.25, 1.0] for row in range(len(named))]]),
        "object_valid": torch.ones(1, len(named), dtype=torch.bool),
        "classes": torch.zeros(1, 3, 1, 4),
        "rivals": torch.ones(1, 3, dtype=torch.bool),
    }
    return targets()._replace(**{**found, **changes})


LOGITS = torch.tensor([[[[2.0, 0, 0, 9]], [[0.0, 1, 0, 9]], [[0.0, 0, 0, 9]]]])  # (1, 3, 1, 4)


def test_the_class_of_an_object_by_hand() -> None:
    expected = [log(exp(2) + 2) - 2, log(exp(1) + 2) - 1]
    assert object_class_loss(LOGITS, objects([0, 1])).item() == pytest.approx(sum(expected) / 2)
    assert object_class_loss(LOGITS, objects([0, IGNORED])).item() == pytest.approx(expected[0])


def test_many_objects_of_a_class_count_as_one() -> None:
    expected = [(log(exp(2) + 2) - 2 + log(exp(1) + 2)) / 2, log(3)]
    assert object_class_loss(LOGITS, objects([0, 0, 2])).item() == pytest.approx(sum(expected) / 2)


def test_the_larger_object_matters_more() -> None:
    large, small = 1.0, 0.04  # sides of squares as large as the boxes
    boxes = torch.tensor([[[0.5, 0.5, large, large], [0.5, 0.5, 2 * small, small / 2]]])
    masks = torch.zeros(1, 2, 4, 4)
    masks[0, :, :2] = 1
    found = one(object_boxes=boxes, object_masks=masks, object_mask_known=torch.tensor([[True, True]]))
    found = found._replace(object_valid=torch.tensor([[True, True]]))  # type: ignore[attr-defined]
    right, wrong = (masks[:, :1] * 2 - 1) * SURE, (1 - masks[:, 1:] * 2) * SURE
    expected = [(small + 0.05) / (large + small + 0.1), (large + 0.05) / (large + small + 0.1)]
    assert instance_loss(torch.cat([right, wrong], 1), found).item() == pytest.approx(expected[0] * 16 / 17)
    assert instance_loss(torch.cat([wrong, right], 1), found).item() == pytest.approx(expected[1] * 16 / 17)


def test_parts_and_what_lies_over_an_object_are_no_rivals() -> None:
    parts = torch.tensor([[True, False, True]])
    assert object_class_loss(LOGITS, objects([0], rivals=parts)).item() == pytest.approx(log(exp(2) + 1) - 2)
    assert object_class_loss(LOGITS, objects([1], rivals=parts)).item() == pytest.approx(log(exp(2) + 2))
    shirt = torch.zeros(1, 3, 1, 4)
    shirt[0, 2, 0, 0] = 1
    assert object_class_loss(LOGITS, objects([0], classes=shirt)).item() == pytest.approx(log(exp(2) + 1) - 2)


def test_a_box_says_how_far_a_mask_reaches() -> None:
    masks = torch.zeros(1, 1, 4, 4)
    masks[..., 1:3, 1:3] = 1
    boxed = one(object_masks=masks, object_valid=torch.tensor([[True]]), object_mask_known=torch.tensor([[False]]))
    cross = torch.full((1, 1, 4, 4), -SURE)
    cross[0, 0, 1, 1] = cross[0, 0, 2, 2] = SURE  # half of the box, and it touches all four sides
    assert instance_loss(cross, boxed).item() == pytest.approx(0, abs=1e-6)
    known = boxed._replace(object_mask_known=torch.tensor([[True]]))  # type: ignore[attr-defined]
    assert instance_loss(cross, known).item() == pytest.approx(1 - 5 / 7)


def choosing(boxes: torch.Tensor, objects: int, **changes: torch.Tensor) -> tuple[Candidates, Targets]:
    """Candidates with these boxes, the first of which are true objects without masks; one phrase names the first."""
    count = boxes.shape[1]
    empty = torch.zeros(1, count, 1)
    candidates = Candidates(empty[..., 0], boxes, torch.zeros(1, count, 2, 2), empty, empty, empty, empty)
    found = targets()._replace(
        members=torch.tensor([[[True] + [False] * (objects - 1)]]),
        object_boxes=boxes[:, :objects],
        object_valid=torch.ones(1, objects, dtype=torch.bool),
        object_masks=torch.zeros(1, objects, 2, 2),
        object_mask_known=torch.zeros(1, objects, dtype=torch.bool),
        phrase_valid=torch.tensor([[True]]),
        choosable=torch.tensor([[True]]),
    )
    return candidates, found._replace(**changes)


def chosen(candidates: Candidates, found: Targets, *choice: float) -> float:
    return selection_loss(torch.tensor([[choice]], dtype=torch.float32), candidates, found).item()


def test_the_right_candidate_is_preferred() -> None:
    boxes = torch.tensor([[[0.2, 0.5, 0.1, 0.1], [0.8, 0.5, 0.1, 0.1], [0.5, 0.1, 0.05, 0.05]]])
    candidates, found = choosing(boxes, objects=2)
    assert chosen(candidates, found, SURE, -SURE, -SURE) == pytest.approx(0, abs=1e-6)
    order = [chosen(candidates, found, *choice) for choice in ((2, -2, -2), (0, 0, 0), (-2, 2, -2))]
    assert order == sorted(order) and order[1] == pytest.approx(log(2) + 2 * log(2) + log(3))
    unknown = found._replace(choosable=torch.tensor([[False]]))
    assert chosen(candidates, unknown, 0, 0, 0) == 0


def test_an_unclear_candidate_is_not_judged() -> None:
    """IoU with the object of 1/3: neither the object nor clearly another thing."""
    candidates, found = choosing(torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]]]), objects=1)
    first, second = (chosen(candidates, found, 1.0, value) for value in (-5.0, 5.0))
    assert first == second == pytest.approx(log1p(exp(-1)))


def test_of_two_candidates_for_an_object_the_one_that_fits_better_is_preferred() -> None:
    """IoU of the boxes 1 and 2/3; of the masks, where they are known, 0.5 and 1."""
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.54, 0.5, 0.2, 0.2]]])
    candidates, found = choosing(boxes, objects=1)
    assert chosen(candidates, found, 1, -1) < chosen(candidates, found, -1, 1)
    fit = exp((2 / 3 - 1) / WORSE)
    by_hand = (log(2) + log(2)) / 2 + log(2)
    assert chosen(candidates, found, 0, 0) == pytest.approx(by_hand), "yes for both, none to say no to, which of two"
    yes, which = (log1p(exp(-1)) + log1p(exp(-1)) + fit) / 2, log1p(exp(-2)) + 2 * fit / (1 + fit)
    assert chosen(candidates, found, 1, -1) == pytest.approx(yes + which, rel=1e-5)
    masks = torch.tensor([[[[SURE, -SURE], [-SURE, -SURE]], [[SURE, SURE], [-SURE, -SURE]]]])
    drawn = candidates._replace(masks=masks)
    known = found._replace(
        object_masks=torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]]), object_mask_known=torch.tensor([[True]])
    )
    assert chosen(drawn, known, -1, 1) < chosen(drawn, known, 1, -1)
    assert mask_iou(masks, known.object_masks).flatten().tolist() == [0.5, 1.0]


def test_classes_of_phrases() -> None:
    labels, valid = torch.tensor([[1, IGNORED, 0]]), torch.tensor([[True, True, False]])
    logits = torch.tensor([[[0.0, 2.0], [5.0, 0.0], [0.0, 5.0]]])
    assert label_loss(logits, labels, valid).item() == pytest.approx(log(1 + exp(-2))), "one is known and valid"
    assert label_loss(logits, torch.full((1, 3), IGNORED), valid) == 0


def test_candidates_show_the_traits_of_their_objects() -> None:
    """A trait counts the mean over the candidates of which it is known; one that is no object counts nothing."""
    boxes = torch.tensor([[[0.2, 0.5, 0.2, 0.6], [0.7, 0.5, 0.2, 0.6], [0.45, 0.5, 0.1, 0.1], [0.7, 0.5, 0.2, 0.6]]])
    empty = torch.zeros(1, 4, 1)
    candidates = Candidates(empty[..., 0], boxes, torch.zeros(1, 4, 2, 2), empty, empty, empty, empty)
    found = targets()._replace(
        object_boxes=boxes[:, :2],
        object_valid=torch.tensor([[True, True]]),
        object_traits=torch.tensor([[[0, IGNORED], [IGNORED, IGNORED]]]),
    )
    logits = torch.zeros(1, 4, 2, 2)
    logits[0, 0, :, 0] = logits[0, 1, :, 1] = 2.0
    told, even = log(1 + exp(-2)), log(2)
    assert shown_trait_loss(logits, candidates, found).item() == pytest.approx(told), "one of one is told"
    both = found._replace(object_traits=torch.tensor([[[0, IGNORED], [1, IGNORED]]]))
    assert shown_trait_loss(logits, candidates, both).item() == pytest.approx((2 * told + even) / 3)
    more = found._replace(object_traits=torch.tensor([[[0, 0], [1, IGNORED]]]))
    assert shown_trait_loss(logits, candidates, more).item() == pytest.approx((2 * told + even) / 3 + told)
    unknown = found._replace(object_traits=torch.full((1, 2, 2), IGNORED))
    assert shown_trait_loss(logits, candidates, unknown) == 0


def test_weights_scale_their_terms() -> None:
    output = build(tiny_model(), seed=0).eval()(*inputs())
    _, plain = total_loss(output, targets(), LossConfig())
    _, double = total_loss(output, targets(), LossConfig(p1=1.0, selection=1.0, presence=0.0))
    assert double["p1"].item() == pytest.approx(2 * plain["p1"].item())
    assert double["selection"].item() == pytest.approx(2 * plain["selection"].item())
    assert double["presence"] == 0 and double["answer"] == plain["answer"]
