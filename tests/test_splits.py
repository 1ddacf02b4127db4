"""The published numbers agree with one another, and no test split may select a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from deixis.data.splits import SPLITS, Split, published
from deixis.errors import DataError

ALL = [split for splits in SPLITS.values() for split in splits]


def total(splits: Iterable[Split], count: str) -> int:
    return sum(getattr(split, count) for split in splits)


@pytest.mark.parametrize("split", ALL, ids=lambda split: f"{split.dataset}:{split.name}")
def test_each_split_is_plausible(split: Split) -> None:
    assert published(split.dataset, split.name) is split
    counts = [count for count in (split.images, split.refs, split.expressions) if count is not None]
    assert counts == sorted(counts) and all(count > 0 for count in counts)


def test_names_are_unique() -> None:
    assert len({(split.dataset, split.name) for split in ALL}) == len(ALL)


def test_two_divisions_of_the_same_references_have_the_same_sums() -> None:
    for count in ("refs", "expressions"):
        assert total(SPLITS["refcocog"], count) == total(SPLITS["refcocog-google"], count)
    assert total(SPLITS["refcoco"], "refs") == total(SPLITS["refcoco-google"], "refs")


def test_published_totals() -> None:
    assert total(SPLITS["refcoco"], "expressions") == 142210
    assert total(SPLITS["grefcoco"], "expressions") == 259859
    assert total(SPLITS["refcoco"], "images") == total(SPLITS["grefcoco"], "images") == 19994
    assert total(SPLITS["flickr30k_entities"], "images") == 31783
    for count in ("refs", "expressions", "images"):
        train, val, both, _ = SPLITS["referit"]
        assert total((train, val), count) == getattr(both, count)


def test_only_validation_splits_that_nobody_reports_select() -> None:
    selecting = {(split.dataset, split.name) for split in ALL if split.may_select}
    assert {name for _, name in selecting} == {"val"}
    assert not {dataset for dataset, _ in selecting} & {"google_refexp", "refcocog-google"}
    assert {"refcoco", "refcoco+", "refcocog", "referit", "grefcoco"} <= {dataset for dataset, _ in selecting}


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"expected a dataset of refcoco, .*; got 'coco'"):
        published("coco", "val")
    with pytest.raises(DataError, match="expected a split of refcocog: train, val, test; got 'testA'"):
        published("refcocog", "testA")
