"""What training minimises: one term a box of the network, each a pure function of tensors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from deixis.model.objects import Candidates
from deixis.model.outputs import TrainingOutput
from deixis.trainconfig import LossConfig

IGNORED = -100  # class index of phrases whose class is not known
RIVAL_OVERLAP = 0.1  # share of an object from which on another class's mask lies over it
LEAST_PROMINENCE = 0.05  # what the smallest object counts beside one that fills the picture
MATCH_IOU, CLEAR_IOU = 0.5, 0.3  # a candidate is an object from 0.5 box IoU on; below 0.3 it is not
WORSE = 0.15  # IoU that a candidate may lack of the best one of its object to count for 1 / e of it


class Targets(NamedTuple):
    """What is true of a batch: B pictures, P phrases, N objects (padded), M classes; H, W at stride 4, h, w at 8.

    masks: (B, P, H, W) float, what each phrase names; where the mask is not known, the filled boxes.
    mask_known: (B, P) bool. phrase_valid: (B, P) bool. phrase_class: (B, P) long in 0..M, or ``IGNORED``.
    members: (B, P, N) bool, the objects that each phrase names. choosable: (B, P) bool, whether members say all.
    object_boxes: (B, N, 4) centre x, y, width, height as shares. object_valid: (B, N) bool. object_class: (B, N) long
    in 0..M-1, or ``IGNORED``. object_masks: (B, N, H, W) float, filled boxes where not known. object_mask_known: (B,
    N) bool. heat: (B, h, w) in [0, 1]. heat_weight: (B, h, w). classes: (B, M, h, w) float. class_known: (B, M) bool,
    labelled completely. rivals: (B, M) bool, the classes of whole objects: such an object is of one of them alone.
    phrase_traits: (B, P, G) long, which value of each trait it says of what it names, C for none, or ``IGNORED``.
    object_traits: (B, N, G) long, which ones an object is known to show, or ``IGNORED``.
    """

    masks: Tensor
    mask_known: Tensor
    phrase_valid: Tensor
    phrase_class: Tensor
    members: Tensor
    choosable: Tensor
    object_boxes: Tensor
    object_valid: Tensor
    object_class: Tensor
    object_masks: Tensor
    object_mask_known: Tensor
    heat: Tensor
    heat_weight: Tensor
    classes: Tensor
    class_known: Tensor
    rivals: Tensor
    phrase_traits: Tensor
    object_traits: Tensor


def total_loss(output: TrainingOutput, targets: Targets, weights: LossConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of all terms, and each term by name (detached)."""
    answer = output.answer
    present = targets.masks.flatten(2).any(dim=-1)
    presence = F.binary_cross_entropy_with_logits(answer.presence, present.float(), reduction="none")
    terms = {
        "answer": pixel_loss(answer.logits, targets, weights.background),
        "presence": _masked_mean(presence, targets.phrase_valid) * weights.presence,
    }
    if answer.p1_logits is not None:
        terms["p1"] = pixel_loss(answer.p1_logits, targets, weights.background) * weights.p1
    if output.p_image_logits is not None and answer.class_logits is not None:
        exclusive = output.p_image_logits.shape[1] > targets.classes.shape[1]
        of_classes = exclusive_category_loss if exclusive else category_loss
        terms["category"] = of_classes(output.p_image_logits, targets) * weights.category
        if not exclusive:
            terms["object_class"] = object_class_loss(output.p_image_logits, targets) * weights.object_class
        named = label_loss(answer.class_logits, targets.phrase_class, targets.phrase_valid)
        terms["phrase_class"] = named * weights.phrase_class
    if output.maps is not None and output.candidates is not None and answer.choice_logits is not None:
        assert output.instance_boxes is not None and output.instance_masks is not None
        terms["heat"] = heat_loss(output.maps.heat[:, 0], targets) * weights.objects
        terms["box"] = _box_loss(output.instance_boxes, targets) * weights.objects
        terms["instance"] = instance_loss(output.instance_masks, targets) * weights.masks
        terms["selection"] = selection_loss(answer.choice_logits, output.candidates, targets) * weights.selection
        assert answer.trait_logits is not None and output.candidate_traits is not None
        said = trait_loss(answer.trait_logits, targets.phrase_traits, targets.phrase_valid)
        shown = shown_trait_loss(output.candidate_traits, output.candidates, targets)
        terms["traits"] = (said + shown) * weights.traits
    total = torch.stack(list(terms.values())).sum()
    return total, {name: term.detach() for name, term in terms.items()}


def pixel_loss(logits: Tensor, targets: Targets, background: float) -> Tensor:
    """Cross-entropy plus Dice per phrase, or the weighted cross-entropy of the 2016 baseline.

    Where only boxes are known, there is nothing outside of them, and the mask reaches as far on both axes.

    Args:
        logits: (B, P, H, W).
        targets: what is true.
        background: see ``LossConfig``.
    """
    truth = (targets.masks > 0).to(logits.dtype) if background else targets.masks
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if background:
        full = (cross * torch.where(truth > 0, 1.0, background)).flatten(2).mean(-1)
    else:
        full = cross.flatten(2).mean(-1) + dice_loss(logits, truth)
    outside = (1 - truth).flatten(2)
    nothing = (cross.flatten(2) * outside).sum(-1) / outside.sum(-1).clamp(min=1)
    boxed = nothing + projection_loss(logits, truth)
    return _masked_mean(torch.where(targets.mask_known, full, boxed), targets.phrase_valid)


def projection_loss(logits: Tensor, boxes: Tensor) -> Tensor:
    """Dice of the projections on both axes against those of filled boxes (Tian et al. 2021): (..., H, W) -> (...)."""
    across = dice_loss(logits.amax(-2, keepdim=True), boxes.amax(-2, keepdim=True))
    down = dice_loss(logits.amax(-1, keepdim=True), boxes.amax(-1, keepdim=True))
    return 0.5 * (across + down)


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """1 - soft Dice over the last two axes, zero where the truth is empty: (..., H, W) -> (...)."""
    p = logits.sigmoid()
    overlap = (p * truth).sum(dim=(-2, -1))
    size = truth.sum(dim=(-2, -1))
    dice = (2 * overlap + 1) / (p.sum(dim=(-2, -1)) + size + 1)
    return torch.where(size > 0, 1 - dice, torch.zeros_like(dice))


def category_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Per-class cross-entropy and Dice; of classes that are not labelled completely only the positives count."""
    cross = F.binary_cross_entropy_with_logits(logits, targets.classes, reduction="none")
    counts = torch.maximum(targets.class_known[..., None, None].to(cross.dtype), targets.classes)
    per_pixel = (cross * counts).sum(dim=1).mean()
    present = targets.classes.flatten(2).any(dim=-1)
    dice = _masked_mean(dice_loss(logits, targets.classes), present & targets.class_known)
    return per_pixel + dice


def object_class_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Which class an object is of, by the mean of the logits (B, M, h, w) inside it, against its rivals.

    Pixels alone teach mostly what is frequent; here each class of a picture counts once. A class that overlaps the
    object is no rival.
    """
    inside = F.avg_pool2d(targets.object_masks, targets.object_masks.shape[-1] // logits.shape[-1]).flatten(2)
    inside = inside / inside.sum(-1, keepdim=True).clamp(min=1e-3)
    mean = inside @ logits.flatten(2).transpose(1, 2)  # (B, N, M)
    overlap = inside @ targets.classes.flatten(2).transpose(1, 2)
    named = targets.object_class.clamp(min=0)
    own = F.one_hot(named, logits.shape[1]).bool()
    counted = own | (targets.rivals[:, None] & (overlap < RIVAL_OVERLAP))
    losses = -mean.masked_fill(~counted, -1e4).log_softmax(-1).gather(2, named[..., None])[..., 0]
    valid = targets.object_valid & (targets.object_class != IGNORED)
    alike = ((named[:, :, None] == named[:, None]) & valid[:, None]).sum(-1)
    shares = valid / alike.clamp(min=1) * prominence(targets.object_boxes)
    return (losses * shares).sum() / shares.sum().clamp(min=LEAST_PROMINENCE)


def exclusive_category_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Cross-entropy of one softmax a pixel over M classes and the background (Long et al. 2015): (B, M + 1, H, W).

    A pixel without any labelled class is background only where all classes are labelled completely.
    """
    covered, labels = targets.classes.max(dim=1)
    complete = targets.class_known.all(dim=1)[:, None, None]
    background = torch.where(complete, targets.classes.shape[1], IGNORED).expand_as(labels)
    labels = torch.where(covered > 0.5, labels, background)
    counted = (labels != IGNORED).sum().clamp(min=1)
    return F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum") / counted


def heat_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Focal loss of the centre heat map (Zhou et al. 2019, equation 1), per object."""
    p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    peak = targets.heat >= 1
    positive = -((1 - p) ** 2) * p.log() * peak
    negative = -((1 - targets.heat) ** 4) * p**2 * (1 - p).log() * ~peak * targets.heat_weight
    return (positive + negative).sum() / peak.sum().clamp(min=1)


def instance_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Dice of each object's mask; where only its box is known, of the mask's projections on both axes."""
    full = dice_loss(logits, targets.object_masks)
    boxed = projection_loss(logits, targets.object_masks)
    weights = targets.object_valid * prominence(targets.object_boxes)
    return _masked_mean(torch.where(targets.object_mask_known, full, boxed), weights)


def prominence(boxes: Tensor) -> Tensor:
    """How much an object matters: the side of a square as large as its box, (..., 4) -> (...), above 0.

    People speak of what is large in a picture, and a picture has many more small things.
    """
    return LEAST_PROMINENCE + boxes[..., 2:].prod(dim=-1).sqrt()


def selection_loss(choice: Tensor, candidates: Candidates, targets: Targets) -> Tensor:
    """Choose the candidates that are the phrase's objects, the best one of each object first, and no others.

    Cross-entropy among the candidates of a phrase teaches WHICH; a balanced yes/no for each teaches HOW MANY.
    """
    iou = box_iou(candidates.boxes, targets.object_boxes) * targets.object_valid[:, None]
    best, index = iou.max(dim=-1)  # (B, K)
    members = targets.members.gather(2, index[:, None].expand(-1, targets.members.shape[1], -1))
    positive = (members & (best >= MATCH_IOU)[:, None]).float()
    clear = ((best >= MATCH_IOU) | (best < CLEAR_IOU))[:, None].expand_as(positive).float()
    valid = targets.phrase_valid & targets.choosable

    wanted = positive * _quality(candidates, iou, index, targets)[:, None]
    cross = F.binary_cross_entropy_with_logits(choice, wanted, reduction="none")
    negative = (1 - positive) * clear
    yes = (cross * positive).sum(-1) / positive.sum(-1).clamp(min=1)
    no = (cross * negative).sum(-1) / negative.sum(-1).clamp(min=1)
    log_share = choice.masked_fill(clear == 0, -1e4).log_softmax(dim=-1)
    found = positive.sum(-1) > 0
    which = -(wanted * log_share).sum(-1) / wanted.sum(-1).clamp(min=1e-6)
    return _masked_mean(yes + 2 * no, valid) + _masked_mean(which, valid & found)


def _quality(candidates: Candidates, boxes_iou: Tensor, index: Tensor, targets: Targets) -> Tensor:
    """How well each candidate fits its object beside the one that fits it best: (B, K) in (0, 1].

    By the mask where it is known, else by the box.

    Args:
        candidates: as proposed.
        boxes_iou: (B, K, N) of their boxes.
        index: (B, K) the object that each is taken for.
        targets: what is true.
    """
    iou = torch.where(targets.object_mask_known[:, None], mask_iou(candidates.masks, targets.object_masks), boxes_iou)
    own, best = iou.gather(2, index[..., None])[..., 0], iou.amax(dim=1).gather(1, index)
    return ((own - best) / WORSE).exp().detach()


def mask_iou(logits: Tensor, truth: Tensor) -> Tensor:
    """IoU of thresholded masks with shares of foreground: (B, K, H, W), (B, N, H, W) -> (B, K, N)."""
    left, right = (logits > 0).to(truth.dtype).flatten(2), truth.flatten(2)
    overlap = left @ right.transpose(1, 2)
    return overlap / (left.sum(-1)[:, :, None] + right.sum(-1)[:, None] - overlap).clamp(min=1e-3)


def box_iou(left: Tensor, right: Tensor) -> Tensor:
    """IoU of boxes given as centre and size: (B, K, 4), (B, N, 4) -> (B, K, N)."""
    low = torch.maximum(_corner(left, -0.5)[:, :, None], _corner(right, -0.5)[:, None])
    high = torch.minimum(_corner(left, 0.5)[:, :, None], _corner(right, 0.5)[:, None])
    overlap = (high - low).clamp(min=0).prod(dim=-1)
    areas = left[..., 2:].prod(-1)[:, :, None] + right[..., 2:].prod(-1)[:, None]
    return overlap / (areas - overlap).clamp(min=1e-9)


def _corner(boxes: Tensor, share: float) -> Tensor:
    return boxes[..., :2] + share * boxes[..., 2:]


def _box_loss(boxes: Tensor, targets: Targets) -> Tensor:
    centre = (boxes[..., :2] - targets.object_boxes[..., :2]).abs() / targets.object_boxes[..., 2:].clamp(min=1e-3)
    size = (boxes[..., 2:].clamp(min=1e-3).log() - targets.object_boxes[..., 2:].clamp(min=1e-3).log()).abs()
    overlap = box_iou(boxes, targets.object_boxes).diagonal(dim1=1, dim2=2)
    weights = targets.object_valid * prominence(targets.object_boxes)
    return _masked_mean(0.5 * (centre + size).sum(dim=-1) + 1 - overlap, weights)


def shown_trait_loss(logits: Tensor, candidates: Candidates, targets: Targets) -> Tensor:
    """What the candidates show (B, K, G, C), for those that are an object."""
    best, index = (box_iou(candidates.boxes, targets.object_boxes) * targets.object_valid[:, None]).max(dim=-1)
    labels = targets.object_traits.gather(1, index[..., None].expand(-1, -1, logits.shape[2]))
    return trait_loss(logits, labels, best >= MATCH_IOU)


def trait_loss(logits: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Sum over the traits (B, N, G, C) of ``label_loss`` with labels (B, N, G)."""
    return torch.stack([label_loss(*of, valid) for of in zip(logits.unbind(2), labels.unbind(2), strict=True)]).sum()


def label_loss(logits: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Mean cross-entropy of (B, N, M) under labels (B, N) where they are valid and not ``IGNORED``; zero for none."""
    labels = torch.where(valid, labels, torch.full_like(labels, IGNORED))
    known = (labels != IGNORED).sum().clamp(min=1)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum") / known


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values under weights or where the mask is True; zero, still connected to the graph, for none."""
    weights = mask.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp(min=LEAST_PROMINENCE)
