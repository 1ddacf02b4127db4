"""Hand-worked numbers under each protocol, and what must hold for any masks."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from deixis.data.predictions import Prediction
from deixis.errors import ConfigError, DataError
from deixis.metrics import overlap
from deixis.protocols import PROTOCOLS, dilate_back, letterbox, protocol_named
from deixis.score import Report, report, score
from deixis.types import BoolMask, Record, Sample


def box(height: int, width: int, y0: int, y1: int, x0: int, x1: int) -> BoolMask:
    mask = np.zeros((height, width), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def sample(sent_id: int, truth: BoolMask, image_id: int = 1, split: str = "val") -> Sample:
    return Sample("refcoco", split, image_id, sent_id, Path(f"{image_id}.jpg"), "thing", truth)


def prediction(mask: BoolMask) -> Prediction:
    return Prediction("here", (mask.shape[0], mask.shape[1]), lambda: mask)


def records_of(protocol: str, pairs: list[tuple[BoolMask, BoolMask]]) -> list[Record]:
    """Pairs of (prediction, truth), two to a picture."""
    samples = [sample(index, truth, image_id=index // 2) for index, (_, truth) in enumerate(pairs)]
    return score(samples, {i: prediction(mask) for i, (mask, _) in enumerate(pairs)}, PROTOCOLS[protocol])


def values(protocol: str, pairs: list[tuple[BoolMask, BoolMask]]) -> dict[str, float]:
    return dict(report(records_of(protocol, pairs), PROTOCOLS[protocol], repeats=20).values)


# One row of ten pixels a mask, so that I and U are counted on the fingers.
def line(x0: int, x1: int) -> BoolMask:
    return box(1, 10, 0, 1, x0, x1)


HALF = (line(0, 2), line(0, 4))  # I 2, U 4: exactly .5
GOOD = (line(0, 9), line(0, 10))  # I 9, U 10: exactly .9
MISS = (line(0, 3), line(7, 10))  # I 0, U 6
NOTHING = (line(0, 0), line(0, 0))  # both empty
SILENT = (line(0, 0), line(0, 5))  # I 0, U 5
INVENTED = (line(0, 5), line(0, 0))  # nothing is meant: I 0, U 5


def test_filled_boxes_are_no_truth() -> None:
    truth = dataclasses.replace(sample(1, line(0, 4)), box_only=True)
    with pytest.raises(DataError, match="expression 1: expected a mask as truth, got filled boxes"):
        score([truth], {1: prediction(line(0, 4))}, PROTOCOLS["strict"])


def test_strict_by_hand() -> None:
    found = values("strict", [HALF, GOOD, MISS, NOTHING])
    assert found["oIoU"] == 11 / 20
    assert found["mIoU"] == pytest.approx((0.5 + 0.9 + 0 + 1) / 4)
    assert [found[f"prec@{x}"] for x in (0.5, 0.6, 0.7, 0.8, 0.9)] == [0.75, 0.5, 0.5, 0.5, 0.5]  # >=


def test_cris_by_hand() -> None:
    found = values("cris", [HALF, GOOD, MISS, NOTHING])
    assert "oIoU" not in found
    assert found["mIoU"] == pytest.approx((0.5 + 0.9 + 0 + 0) / 4)
    assert [found[f"prec@{x}"] for x in (0.5, 0.6, 0.7, 0.8, 0.9)] == [0.25, 0.25, 0.25, 0.25, 0]  # >


def test_lavt_by_hand() -> None:
    """Ten columns and one row squashed to 480 x 480: a pixel becomes 48 columns, a full column each."""
    found = records_of("lavt-480", [HALF, GOOD])
    assert [(item.intersection, item.union) for item in found] == [(96 * 480, 192 * 480), (432 * 480, 480 * 480)]
    numbers = values("lavt-480", [HALF, GOOD, MISS, NOTHING])
    assert numbers["oIoU"] == 11 / 20
    assert numbers["mIoU"] == pytest.approx((0.5 + 0.9 + 0 + 0) / 4)
    assert [numbers[f"prec@{x}"] for x in (0.5, 0.6, 0.9)] == [0.5, 0.25, 0.25]  # >=


def test_lavt_squashes_by_nearest_neighbour() -> None:
    """960 columns to 480: every second one, Pillow's nearest takes the right one of each two."""
    truth = box(480, 960, 0, 480, 0, 960)
    odd = np.zeros_like(truth)
    odd[:, 1::2] = True
    assert [(r.intersection, r.union) for r in records_of("lavt-480", [(odd, truth)])] == [(480 * 480, 480 * 480)]
    assert records_of("lavt-480", [(~odd, truth)])[0].intersection == 0


def test_a_mask_of_the_protocols_own_size_is_taken_as_it_is() -> None:
    own = box(480, 480, 0, 480, 0, 96)
    (found,) = records_of("lavt-480", [(own, line(0, 4))])
    assert (found.intersection, found.union) == (96 * 480, 192 * 480)


def test_gres_by_hand() -> None:
    found = values("gres", [HALF, GOOD, SILENT, NOTHING, NOTHING, INVENTED])
    assert found["gIoU"] == pytest.approx((0.5 + 0.9 + 0 + 1 + 1 + 0) / 6)
    assert found["cIoU"] == 11 / (4 + 10 + 5 + 0 + 0 + 5)  # a rightly empty answer adds 0 / 0, an invented one its U
    assert found["N-acc"] == 2 / 3
    assert found["T-acc"] == 2 / 3
    assert [found[f"prec@{x}"] for x in (0.7, 0.8, 0.9)] == [1 / 3] * 3  # over the three that name something
    assert "prec@0.5" not in found


def test_gres_says_what_is_undefined() -> None:
    found = values("gres", [HALF, GOOD])
    assert math.isnan(found["N-acc"]) and found["T-acc"] == 1
    found = values("gres", [NOTHING])
    assert math.isnan(found["cIoU"]) and math.isnan(found["T-acc"]) and math.isnan(found["prec@0.7"])
    assert found["gIoU"] == 1


def test_2016_by_hand() -> None:
    """A 512 map to 1024 x 1024 is doubled: a block of 2 x 2 becomes 4 x 4, and each edge moves out by one pixel.

    New pixel k lies at k / 2 - 1 / 4: pixels 2j - 1 .. 2j + 2 are mixed from old pixel j, so block 10..11 gives
    19..24, six pixels of side. The truth of 4 x 4 is I = 16, U = 36.
    """
    own, truth = box(512, 512, 10, 12, 10, 12), box(1024, 1024, 20, 24, 20, 24)
    assert np.array_equal(dilate_back(own, 1024, 1024), box(1024, 1024, 19, 25, 19, 25))
    (found,) = records_of("text-objseg-2016", [(own, truth)])
    assert (found.intersection, found.union, found.predicted, found.target) == (16, 36, 36, 16)
    numbers = values("text-objseg-2016", [(own, truth), (np.zeros_like(truth), truth)])
    assert numbers == {"oIoU": 16 / 52, **{f"prec@{x}": 0 for x in (0.5, 0.6, 0.7, 0.8, 0.9)}}  # 16 / 36 < .5


def test_2016_crops_the_padding() -> None:
    """640 wide, 480 high: scale 1.25, 640 x 640, 80 rows off at top and bottom. 512 rows 64..447 are the picture."""
    assert dilate_back(box(512, 512, 64, 448, 0, 512), 480, 640).all()
    assert not dilate_back(box(512, 512, 0, 63, 0, 512), 480, 640).any()
    assert np.array_equal(letterbox(np.ones((480, 640), dtype=bool), 512), box(512, 512, 64, 448, 0, 512))


def test_rmi_by_hand() -> None:
    """As above with a square of 320: doubled to 640, again six pixels for four."""
    (found,) = records_of("rmi-320", [(box(320, 320, 10, 12, 10, 12), box(640, 640, 20, 24, 20, 24))])
    assert (found.intersection, found.union) == (16, 36)


@pytest.mark.parametrize(("share", "ceiling"), [(0.005, 0.92), (0.02, 0.96), (0.05, 0.975), (0.15, 0.985), (0.3, 0.99)])
def test_the_ceiling_of_2016(share: float, ceiling: float) -> None:
    """A perfect mask of a disc in a 640 x 480 picture: about one pixel of dilation, dear for small objects."""
    rows, columns = np.mgrid[:480, :640]
    disc = (rows - 240.3) ** 2 + (columns - 320.2) ** 2 <= share * 480 * 640 / math.pi
    inter, union = overlap(*PROTOCOLS["text-objseg-2016"].masks(disc, disc))
    assert inter / union == pytest.approx(ceiling, abs=0.015)
    assert inter / union < 1
    inter, union = overlap(*PROTOCOLS["rmi-320"].masks(disc, disc))
    assert inter / union < ceiling  # coarser, lower
    inter, union = overlap(*PROTOCOLS["strict"].masks(disc, disc))
    assert inter == union


# --- properties -------------------------------------------------------------------------------------------------------
MASKS = st.integers(1, 12).flatmap(
    lambda h: st.integers(1, 12).flatmap(lambda w: st.lists(npst.arrays(bool, (2, h, w)), min_size=1, max_size=6))
)
ANY_TRUTH = ["strict", "lavt-480", "cris", "gres"]


@pytest.mark.parametrize("protocol", ANY_TRUTH)
@given(arrays=MASKS, seed=st.integers(0, 99))
def test_neither_order_nor_shards_matter(protocol: str, arrays: list[BoolMask], seed: int) -> None:
    records = records_of(protocol, [(pair[0], pair[1]) for pair in arrays])
    shuffled = random.Random(seed).sample(records, len(records))
    cut = seed % (len(records) + 1)
    whole = report(records, PROTOCOLS[protocol], repeats=5)
    for other in (shuffled, records[cut:] + records[:cut]):
        found = report(other, PROTOCOLS[protocol], repeats=5)
        assert repr(found) == repr(whole)  # NaN is not equal to itself
    for name, value in whole.values.items():
        assert math.isnan(value) or 0 <= value <= 1, name


def test_shards_scored_apart_are_one_pass() -> None:
    pairs = [HALF, GOOD, MISS, NOTHING]
    samples = [sample(i, truth, image_id=i // 2) for i, (_, truth) in enumerate(pairs)]
    given = {i: prediction(mask) for i, (mask, _) in enumerate(pairs)}
    strict = PROTOCOLS["strict"]
    parts = [score(samples[a:b], {i: given[i] for i in range(a, b)}, strict) for a, b in ((2, 4), (0, 2))]
    assert report(parts[0] + parts[1], strict) == report(score(samples, given, strict), strict)


@given(mask=npst.arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_perfect_is_one_under_strict(mask: BoolMask) -> None:
    assert set(values("strict", [(mask, mask)]).values()) == {1.0}


@given(mask=npst.arrays(bool, (512, 512), elements=st.booleans(), fill=st.just(False)))
def test_a_picture_of_the_networks_size_passes_2016_unchanged(mask: BoolMask) -> None:
    assert np.array_equal(dilate_back(letterbox(mask, 512), 512, 512), mask)


def test_intervals_hold_the_value_and_are_drawn_by_picture() -> None:
    found: Report = report(records_of("strict", [HALF, GOOD, MISS, GOOD]), PROTOCOLS["strict"])
    assert (found.n, found.images) == (4, 2)
    for name, value in found.values.items():
        low, high = found.intervals[name]
        assert low <= value <= high
    one = report(records_of("strict", [HALF, GOOD]), PROTOCOLS["strict"])
    assert one.intervals["oIoU"] == (one.values["oIoU"],) * 2  # one picture: nothing to draw


# --- refusals ---------------------------------------------------------------------------------------------------------
def refused(words: str, samples: list[Sample], masks: dict[int, BoolMask], protocol: str = "strict") -> None:
    with pytest.raises(DataError, match=words):
        score(samples, {i: prediction(mask) for i, mask in masks.items()}, PROTOCOLS[protocol])


def test_incomplete_or_mixed_input_is_refused() -> None:
    mask = line(0, 2)
    one, two = sample(1, mask), sample(2, mask)
    refused("1 are missing: sent_id 2;", [one, two], {1: mask})
    refused("1 more are there: sent_id 3;.*splits are not mixed", [one], {1: mask, 3: mask})
    refused("unique sent_ids", [one, one], {1: mask})
    refused("refcoco val and refcoco testA", [one, sample(2, mask, split="testA")], {1: mask, 2: mask})
    refused(r"expected a mask of 1 x 10 \(height x width\), got 10 x 1", [one], {1: mask.T})
    refused("or 480 x 480, got 10 x 1", [one], {1: mask.T}, "lavt-480")
    refused("no rule for such; use gres", [sample(1, line(0, 0))], {1: mask}, "text-objseg-2016")


def test_records_of_several_splits_or_twice_are_refused() -> None:
    strict, mask = PROTOCOLS["strict"], line(0, 2)
    val = score([sample(1, mask)], {1: prediction(mask)}, strict)
    other = score([sample(2, mask, split="testA")], {2: prediction(mask)}, strict)
    with pytest.raises(DataError, match="of one split"):
        report(val + other, strict)
    with pytest.raises(DataError, match="got again: 1"):
        report(val + val, strict)
    with pytest.raises(DataError, match="is the split empty"):
        report([], strict)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ConfigError, match="strict, text-objseg-2016, rmi-320, lavt-480, cris, gres, got 'lisa'"):
        protocol_named("lisa")
