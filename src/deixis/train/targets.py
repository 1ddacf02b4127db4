"""From a scene and its phrases to the arrays that the losses compare with, on the network's grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deixis.data.scenes import object_mask
from deixis.data.traits import TRAITS, Labels, said, shown
from deixis.image import Letterbox
from deixis.masks import union
from deixis.model.losses import IGNORED
from deixis.types import BoolMask, Expression, FloatArray, Scene, SceneObject

MAX_OBJECTS = 16  # the largest of a picture; more make a training step slow
MASK_STRIDE, CELL_STRIDE = 4, 8


@dataclass(frozen=True, eq=False)
class ObjectTargets:
    """Objects of one picture on the network's square, N at most ``MAX_OBJECTS`` (fields as in ``losses.Targets``)."""

    ids: tuple[int, ...]
    classes: NDArray[np.int64]
    boxes: FloatArray
    masks: FloatArray
    mask_known: NDArray[np.bool_]
    cells: NDArray[np.int64]
    heat: FloatArray
    heat_weight: FloatArray
    traits: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PhraseTargets:
    """Phrases of one picture, P of them, padded with invalid ones (fields as in ``losses.Targets``)."""

    masks: FloatArray
    mask_known: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    classes: NDArray[np.int64]
    members: NDArray[np.bool_]
    choosable: NDArray[np.bool_]
    traits: NDArray[np.int64]


def shrink(mask: BoolMask, box: Letterbox, stride: int) -> FloatArray:
    """Share of foreground in each cell of the letterboxed square: (H, W) bool -> (S / stride, S / stride) float32."""
    content = Image.fromarray(mask).resize((box.new_width, box.new_height), Image.Resampling.NEAREST)
    square = np.zeros((box.side, box.side), dtype=np.float32)
    square[box.top : box.top + box.new_height, box.left : box.left + box.new_width] = np.asarray(content)
    cells = box.side // stride
    rows = square.reshape(cells, stride, box.side).sum(axis=1)  # one axis after the other is four times as fast
    return np.asarray(rows.reshape(cells, cells, stride).sum(axis=2) / stride**2, dtype=np.float32)


def object_targets(scene: Scene, box: Letterbox, exhaustive: bool, classes: dict[str, int]) -> ObjectTargets:
    """Whole objects of a scene: classes, boxes, masks, centres.

    Args:
        scene: the picture with its objects.
        box: how it lies in the square.
        exhaustive: whether every object of the picture is labelled; if not, only what lies inside labelled objects
            counts as "no centre here".
        classes: index of each class name; others are ``IGNORED``.
    """
    cells = box.side // CELL_STRIDE
    found = [item for item in scene.objects if not item.is_crowd and not item.is_part and _side(item) >= 2]
    found = sorted(found, key=lambda item: -_area(item))[:MAX_OBJECTS]
    boxes = np.array([_share_box(item, box) for item in found], dtype=np.float32).reshape(-1, 4)
    masks = [shrink(object_mask(scene, item), box, MASK_STRIDE) for item in found]
    size = box.side // MASK_STRIDE
    centres = np.clip((boxes[:, :2] * cells).astype(np.int64), 0, cells - 1)
    return ObjectTargets(
        ids=tuple(item.id for item in found),
        classes=np.array([classes.get(item.category, IGNORED) for item in found], dtype=np.int64),
        boxes=boxes,
        masks=np.stack(masks) if masks else np.zeros((0, size, size), dtype=np.float32),
        mask_known=np.array([item.mask is not None for item in found], dtype=bool),
        cells=centres[:, 1] * cells + centres[:, 0],
        heat=_heat(boxes, centres, cells),
        heat_weight=_heat_weight(scene, masks, box, exhaustive),
        traits=_rows([shown(item) for item in found]),
    )


def phrase_targets(
    scene: Scene,
    phrases: Sequence[Expression],
    objects: ObjectTargets,
    box: Letterbox,
    classes: dict[str, int],
    count: int,
    stride: int = MASK_STRIDE,
) -> PhraseTargets:
    """What each of ``count`` phrases names; ``classes`` maps class names to indices, others are ``IGNORED``."""
    size = box.side // stride
    targets = PhraseTargets(
        masks=np.zeros((count, size, size), dtype=np.float32),
        mask_known=np.ones(count, dtype=bool),
        valid=np.zeros(count, dtype=bool),
        classes=np.full(count, IGNORED, dtype=np.int64),
        members=np.zeros((count, MAX_OBJECTS), dtype=bool),
        choosable=np.ones(count, dtype=bool),
        traits=np.full((count, len(TRAITS)), IGNORED, dtype=np.int64),
    )
    by_id = {item.id: item for item in scene.objects}
    slots = {identity: slot for slot, identity in enumerate(objects.ids)}
    for row, phrase in enumerate(phrases[:count]):
        named = [by_id[identity] for identity in phrase.target_ids]
        targets.valid[row] = True
        targets.mask_known[row] = all(item.mask is not None for item in named)
        mask = union([object_mask(scene, item) for item in named], *scene.size)
        targets.masks[row] = shrink(mask, box, stride)
        if phrase.category is not None:
            targets.classes[row] = classes.get(phrase.category, IGNORED)
        targets.traits[row] = _rows([said(phrase, named)])
        for item in named:
            if item.id in slots:
                targets.members[row, slots[item.id]] = True
            elif not item.is_part:
                targets.choosable[row] = False  # a crowd, or an object too small to be among the proposed
    return targets


def shown_traits(objects: ObjectTargets, named: PhraseTargets) -> NDArray[np.int64]:
    """(MAX_OBJECTS, G) what the objects show: what their names tell, and what phrases say of them."""
    found = np.full((MAX_OBJECTS, len(TRAITS)), IGNORED, dtype=np.int64)
    found[: len(objects.ids)] = objects.traits
    for members, traits in zip(named.members, named.traits, strict=True):
        for column, values in enumerate(TRAITS.values()):
            if traits[column] in range(len(values)):
                found[members, column] = traits[column]
    return found


def _rows(labels: Sequence[Labels]) -> NDArray[np.int64]:
    """(n, G) labels, with ``IGNORED`` for what is not known."""
    rows = [[IGNORED if value is None else value for value in of] for of in labels]
    return np.array(rows, dtype=np.int64).reshape(-1, len(TRAITS))


def class_targets(
    scene: Scene, box: Letterbox, classes: dict[str, int], stride: int = CELL_STRIDE
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(M, h, w) float32 where each class is, at a stride, and (M,) bool whether it is labelled completely here."""
    cells = box.side // stride
    maps = np.zeros((len(classes), cells, cells), dtype=np.float32)
    known = np.zeros(len(classes), dtype=bool)
    boxed = {item.category for item in scene.objects if item.mask is None}
    for name in scene.labelled:
        if name in classes:
            known[classes[name]] = name not in boxed
    for item in scene.objects:
        if item.category in classes and item.mask is not None:
            row = classes[item.category]
            maps[row] = np.maximum(maps[row], shrink(item.mask, box, stride))
    return maps, known


def _heat(boxes: FloatArray, centres: NDArray[np.int64], cells: int) -> FloatArray:
    """(cells, cells) in [0, 1]: a bell at each object's cell, 1 at its top, as wide as the object is large."""
    heat = np.zeros((cells, cells), dtype=np.float32)
    grid = np.arange(cells)
    for (column, row), (_, _, width, height) in zip(centres, boxes, strict=True):
        spread = max(0.6, 0.12 * cells * float(np.sqrt(width * height)))
        across, down = (grid - column) ** 2, (grid - row) ** 2
        heat = np.maximum(heat, np.exp(-(across[None, :] + down[:, None]) / (2 * spread**2)).astype(np.float32))
    return heat


def _heat_weight(scene: Scene, masks: Sequence[FloatArray], box: Letterbox, exhaustive: bool) -> FloatArray:
    """Which cells may teach that no centre is there: none in crowds, and see ``object_targets``."""
    cells = box.side // CELL_STRIDE
    weight = np.full((cells, cells), float(exhaustive), dtype=np.float32)
    if not exhaustive and masks:
        inside = np.stack(masks).max(axis=0)
        weight = (inside.reshape(cells, 2, cells, 2).mean(axis=(1, 3)) > 0.5).astype(np.float32)
    for item in scene.objects:
        if item.is_crowd:
            weight *= shrink(object_mask(scene, item), box, CELL_STRIDE) < 0.5
    return weight


def _share_box(item: SceneObject, box: Letterbox) -> tuple[float, float, float, float]:
    """Centre and size of an object's box as shares of the square."""
    x0, y0, x1, y1 = item.box_xyxy
    scale_x, scale_y = box.new_width / box.width / box.side, box.new_height / box.height / box.side
    left, top = box.left / box.side, box.top / box.side
    return (
        left + (x0 + x1) / 2 * scale_x,
        top + (y0 + y1) / 2 * scale_y,
        (x1 - x0) * scale_x,
        (y1 - y0) * scale_y,
    )


def _side(item: SceneObject) -> float:
    x0, y0, x1, y1 = item.box_xyxy
    return min(x1 - x0, y1 - y0)


def _area(item: SceneObject) -> float:
    x0, y0, x1, y1 = item.box_xyxy
    return (x1 - x0) * (y1 - y0)
