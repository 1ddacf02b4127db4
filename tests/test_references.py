"""The one interface of all datasets, on pictures made up here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deixis.data.references import Counts, ExpressionDataset, Reference, by_picture
from deixis.errors import DataError
from deixis.types import BoolMask

Row = tuple[int, str, Reference]


def row(image_id: int, *sent_ids: int, target: Any = 0, rival: Any = None, split: str = "val") -> Row:
    sentences = tuple((sent_id, f"phrase {sent_id}") for sent_id in sent_ids)
    return image_id, f"{image_id}.jpg", Reference(split, sentences, target, rival)


def decode(image_id: int, target: int) -> BoolMask:
    mask = np.zeros((4, 5), dtype=bool)
    mask[target] = True
    return mask


def dataset(
    folder: Path, *rows: Row, decode: Callable[[int, Any], BoolMask] = decode, box_only: bool = False
) -> ExpressionDataset:
    for _, file, _ in rows:
        (folder / file).touch()
    pictures = by_picture(folder / "source", rows)
    return ExpressionDataset("mine", "val", folder / "source", (folder / "no", folder), pictures, decode, box_only)


@given(st.lists(st.integers(0, 5), max_size=20))
def test_samples_of_a_picture_are_adjacent_and_the_order_is_stable(image_ids: list[int]) -> None:
    rows = [row(image_id, 2 * index, 2 * index + 1) for index, image_id in enumerate(image_ids)]
    pictures = by_picture(Path("source"), rows)
    assert [picture.id for picture in pictures] == list(dict.fromkeys(image_ids))
    for picture in pictures:
        sent_ids = [sent_id for reference in picture.references for sent_id, _ in reference.sentences]
        assert sent_ids == [
            n for index, i in enumerate(image_ids) if i == picture.id for n in (2 * index, 2 * index + 1)
        ]


def test_iterating_gives_the_samples_picture_by_picture(tmp_path: Path) -> None:
    opened = dataset(tmp_path, row(7, 1, 2), row(3, 3, target=2, rival=1), row(7, 4, target=1))
    assert len(opened) == 2
    samples = list(opened)
    assert [(sample.image_id, sample.sent_id) for sample in samples] == [(7, 1), (7, 2), (7, 4), (3, 3)]
    assert [sample.sent_id for index in range(2) for sample in opened.samples(index)] == [1, 2, 4, 3]
    assert samples[3].image == tmp_path / "3.jpg" and samples[3].phrase == "phrase 3"
    np.testing.assert_array_equal(samples[3].mask, decode(3, 2))
    assert samples[3].distractor is not None
    np.testing.assert_array_equal(samples[3].distractor, decode(3, 1))
    assert {sample.box_only for sample in samples} == {False}
    assert opened.counts == Counts(refs=3, expressions=4, images=2)


def test_nothing_is_decoded_before_it_is_asked_for_and_each_target_once(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def spy(image_id: int, target: int) -> BoolMask:
        asked.append((image_id, target))
        return decode(image_id, target)

    opened = dataset(tmp_path, row(1, 1, 2, target=0, rival=2), row(1, 3, target=2), row(2, 4), decode=spy)
    assert opened.counts.expressions == 4 and asked == []
    samples = opened.samples(0)
    assert asked == [(1, 0), (1, 2)]
    assert samples[0].mask is samples[1].mask and samples[0].distractor is samples[2].mask
    with pytest.raises(ValueError, match="read-only"):
        samples[0].mask[0, 0] = False
    rest = iter(opened)
    next(rest)
    assert asked == [(1, 0), (1, 2)] * 2  # the second picture not yet


def test_box_only_is_said_of_every_sample(tmp_path: Path) -> None:
    (sample,) = dataset(tmp_path, row(1, 1), box_only=True)
    assert sample.box_only


def test_a_sent_id_occurs_once_in_a_split() -> None:
    source = Path("refs.p")
    with pytest.raises(DataError, match=r"refs\.p: image 2: expected every sent_id once in val, got 5 a second time"):
        by_picture(source, [row(1, 4, 5), row(2, 5)])
    assert len(by_picture(source, [row(1, 5), row(2, 5, split="test")])) == 2


def test_references_of_which_nothing_was_said_are_left_out() -> None:
    pictures = by_picture(Path("refs.p"), [row(1), row(2, 5), row(2)])
    assert [(picture.id, len(picture.references)) for picture in pictures] == [(2, 1)]


def test_missing_pictures_are_named_with_the_places_looked_at(tmp_path: Path) -> None:
    opened = dataset(tmp_path, row(1, 1), row(2, 2))
    opened.check_files()
    (tmp_path / "2.jpg").unlink()
    for ask in (opened.check_files, lambda: opened.samples(1), lambda: opened.path(1)):
        with pytest.raises(DataError, match=r"source: image 2: expected 2\.jpg in .*/no, .*found nothing; unpack"):
            ask()
    assert opened.samples(0)


def test_checking_files_decodes_one_mask(tmp_path: Path) -> None:
    def broken(image_id: int, target: int) -> BoolMask:
        raise DataError("mask 1 is damaged")

    with pytest.raises(DataError, match="mask 1 is damaged"):
        dataset(tmp_path, row(1, 1), decode=broken).check_files()
    dataset(tmp_path, decode=broken).check_files()


def test_checking_files_looks_for_those_of_every_mask(tmp_path: Path) -> None:
    looked: list[tuple[int, int]] = []

    def locate(image_id: int, target: int) -> Path:
        looked.append((image_id, target))
        return tmp_path

    opened = dataset(tmp_path, row(1, 1, target=0), row(1, 2, target=3), row(2, 3, target=1))
    dataclasses.replace(opened, locate=locate).check_files()
    assert looked == [(1, 0), (1, 3), (2, 1)]


@pytest.mark.parametrize("file", ["00/images/1.jpg", "1.jpg"])
def test_pictures_may_lie_deeper_or_flat(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    pictures = by_picture(tmp_path, [(1, "00/images/1.jpg", Reference("val", ((1, "x"),), 0))])
    opened = ExpressionDataset("mine", "val", tmp_path, (tmp_path,), pictures, decode)
    assert opened.path(0) == tmp_path / file


@pytest.mark.parametrize("file", ["../1.jpg", "/{outside}/1.jpg"])
def test_no_picture_outside_the_folders_is_found(tmp_path: Path, file: str) -> None:
    (tmp_path / "1.jpg").touch()
    inside = tmp_path / "images"
    inside.mkdir()
    pictures = by_picture(tmp_path, [(1, file.format(outside=tmp_path), Reference("val", ((1, "x"),), 0))])
    opened = ExpressionDataset("mine", "val", tmp_path, (inside,), pictures, decode)
    with pytest.raises(DataError, match=r"expected 1\.jpg in .*images"):
        opened.path(0)
    (inside / "1.jpg").touch()
    assert opened.path(0) == inside / "1.jpg"
