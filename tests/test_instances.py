from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deixis import masks
from deixis.errors import InputError, MissingExtra
from deixis.odds import log_odds
from deixis.segmenter import Segmenter
from deixis.types import Proposals, Segmentation
from fakes import colour_segmenter, scene

PHOTOS = Path(__file__).resolve().parent.parent / "examples" / "photos"


def answer(probability: np.ndarray, proposals: Proposals | None = None) -> Segmentation:
    probability = probability.astype(np.float32)
    return Segmentation("things", probability >= 0.5, partial(log_odds, probability), 0.9, proposals=proposals)


def boxes(*places: tuple[int, int, int, int], side: int = 40, value: float = 0.9) -> np.ndarray:
    """(side, side) probabilities: ``value`` in boxes x0, y0, x1, y1."""
    result = np.full((side, side), 0.02)
    for x0, y0, x1, y1 in places:
        result[y0:y1, x0:x1] = value
    return result


def proposed(objects: list[np.ndarray], choice: list[float], side: int = 40) -> Proposals:
    grids = np.stack(objects).astype(np.float32)
    return Proposals(grids, np.array(choice, dtype=np.float32), side)


LEFT, RIGHT, HEAD = (4, 10, 20, 30), (20, 10, 36, 30), (8, 10, 14, 16)


def test_parts_that_are_apart_are_instances() -> None:
    parts = answer(np.maximum(boxes((2, 2, 12, 12), value=0.6), boxes((20, 20, 34, 34)))).instances
    assert [int(part.mask.sum()) for part in parts] == [196, 100]  # the surest first
    assert [part.score for part in parts] == [pytest.approx(0.9), pytest.approx(0.6)]
    assert [part.phrase for part in parts] == ["things", "things"]
    assert parts[0].probability[0, 0] == 0 and parts[0].probability.max() == pytest.approx(0.9)


def test_objects_that_touch_are_told_apart_by_what_was_chosen() -> None:
    proposals = proposed([boxes(LEFT), boxes(RIGHT)], [0.95, 0.8])
    parts = answer(boxes(LEFT, RIGHT), proposals).instances
    assert len(parts) == 2
    np.testing.assert_array_equal(sum(part.mask.astype(int) for part in parts), boxes(LEFT, RIGHT) > 0.5)
    columns = sorted(int(np.flatnonzero(part.mask.any(axis=0))[0]) for part in parts)
    assert columns == [4, 20]


def test_objects_that_were_not_chosen_split_nothing() -> None:
    proposals = proposed([boxes(LEFT), boxes(RIGHT)], [0.9, 0.05])
    (part,) = answer(boxes(LEFT, RIGHT), proposals).instances
    np.testing.assert_array_equal(part.mask, boxes(LEFT, RIGHT) > 0.5)


def test_what_no_object_accounts_for_is_an_instance_when_it_is_apart() -> None:
    parts = answer(boxes((2, 2, 12, 12), (20, 20, 34, 34)), proposed([boxes((2, 2, 12, 12))], [0.9])).instances
    assert sorted(int(part.mask.sum()) for part in parts) == [100, 196]


def test_doubles_and_parts_of_an_object_are_no_instances_of_their_own() -> None:
    head = boxes(HEAD, value=0.8)  # a part of the left one, chosen too, but always below it
    proposals = proposed([boxes(LEFT), boxes(RIGHT), head, 0.99 * boxes(RIGHT)], [0.95, 0.8, 0.9, 0.8])
    assert len(answer(boxes(LEFT, RIGHT), proposals).instances) == 2


def test_specks_are_dropped_and_nothing_gives_nothing() -> None:
    (part,) = answer(boxes((10, 10, 30, 30), (0, 0, 2, 2))).instances
    assert part.mask.sum() == 400
    assert answer(boxes()).instances == []


def test_instances_on_photographs() -> None:
    segmenter = Segmenter.load(threads=1)
    result = segmenter.segment(PHOTOS / "astronaut.jpg", "woman")
    (woman,) = result.instances
    assert woman.mask.sum() > 0.95 * result.mask.sum()


# --- methods of the answer ---------------------------------------------------------------------------------------


@pytest.fixture
def red() -> Segmentation:
    return colour_segmenter().segment(scene(80, 120, (0, 0, 60, 80)), "red")


def test_rle_polygons_and_coco_are_the_mask(red: Segmentation) -> None:
    np.testing.assert_array_equal(masks.decode_rle(red.to_rle()), red.mask)
    rings = [points.ravel().tolist() for points in red.to_polygons()]
    np.testing.assert_array_equal(masks.decode(rings, 80, 120), red.mask)
    row = json.loads(json.dumps(red.to_coco(image_id=7, category_id=3)))
    assert (row["image_id"], row["category_id"], row["score"]) == (7, 3, red.score)
    assert row["area"] == red.mask.sum()
    x, y, width, height = row["bbox"]
    assert red.mask[int(y) : int(y + height), int(x) : int(x + width)].sum() == red.mask.sum()
    np.testing.assert_array_equal(masks.decode(row["segmentation"], 80, 120), red.mask)


def test_overlay_and_cutout_take_any_picture(red: Segmentation, tmp_path: Path) -> None:
    pixels = scene(80, 120, (0, 0, 60, 80), "blue")
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for image in (pixels, Image.fromarray(pixels), tmp_path / "a.png"):
        drawn, cut = red.overlay(image), red.cutout(image)
        assert drawn.shape == (80, 120, 3) and cut.shape == (80, 120, 4)
        np.testing.assert_array_equal(drawn[~red.mask], pixels[~red.mask])
        np.testing.assert_array_equal(cut[..., 3] == 255, red.mask)
        np.testing.assert_array_equal(cut[red.mask][:, :3], pixels[red.mask])
    with pytest.raises(InputError, match="the picture's size"):
        red.overlay(np.zeros((8, 8, 3), dtype=np.uint8))


def test_supervision_gets_one_detection_an_instance() -> None:
    pytest.importorskip("supervision", reason="supervision is not installed")
    found = answer(boxes((2, 2, 12, 12), (20, 20, 34, 34))).to_supervision()
    assert sorted(found.xyxy.tolist()) == [[2, 2, 12, 12], [20, 20, 34, 34]]
    assert found.mask.shape == (2, 40, 40) and found.mask.dtype == np.bool_
    assert found.data["class_name"].tolist() == ["things", "things"]
    assert len(answer(boxes()).to_supervision()) == 0


def test_supervision_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtra, match=r"pip install 'deixis\[supervision\]'"):
        answer(boxes()).to_supervision()
