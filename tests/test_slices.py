"""Slices of records: what the phrase says, what is in the picture."""

from __future__ import annotations

import dataclasses

import pytest

from deixis.slices import COLOUR_WORDS, MEDIUM, SMALL, UNKNOWN, says_relation, slices, tag_unknown_words
from deixis.types import Record, Sample
from fakes import colour_vectors


def record(phrase: str = "x", **changes: object) -> Record:
    row = Record("toy", "val", 1, 1, phrase, 1, 2, 1, 1, 100, 100, 0.5)
    return dataclasses.replace(row, **changes)


def names(row: Record) -> set[str]:
    return set(slices([row]))


WORDS = {"location words", "colour words", "ordinal words", "relation"}


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("dog", set()),
        ("Left dog", {"location words"}),
        ("left-most dog", {"location words"}),
        ("bright cleft", set()),
        ("second dog from the right", {"location words", "ordinal words"}),
        ("guy in RED", {"colour words"}),
        ("grey cat on the red couch", {"colour words", "relation"}),
        ("2nd one", {"ordinal words"}),
        ("the biggest dog", set()),
        ("dog behind the car", {"location words"}),
    ],
)
def test_what_the_phrase_says(phrase: str, expected: set[str]) -> None:
    assert names(record(phrase)) & WORDS == expected


@pytest.mark.parametrize(
    ("phrase", "relation"),
    [
        ("dog next to the car", True),
        ("girl with red tie", True),
        ("man in front of us", True),
        ("man to the left of the dog", True),
        ("cup on the table", True),
        ("lady holding umbrella", True),
        ("dog on the left", False),
        ("man on left", False),
        ("man on far left", False),
        ("man in front", False),
        ("second from left", False),
        ("the one on the right side", False),
        ("without anything", False),
    ],
)
def test_relations_are_told_from_places(phrase: str, relation: bool) -> None:
    assert says_relation(phrase) is relation


@pytest.mark.parametrize(
    ("pixels", "size"),
    [
        (0, set()),
        (1, {"small target"}),
        (SMALL - 1, {"small target"}),
        (SMALL, {"medium target"}),
        (MEDIUM - 1, {"medium target"}),
        (MEDIUM, {"large target"}),
    ],
)
def test_sizes_have_the_limits_of_coco(pixels: int, size: set[str]) -> None:
    assert (SMALL, MEDIUM) == (1024, 9216)
    assert {name for name in names(record(target=pixels)) if name.endswith("target")} == size


def test_one_or_several_of_the_class() -> None:
    assert "one of its class" in names(record()) and "several of its class" not in names(record())
    assert "several of its class" in names(record(distractor_iou=0.0))


def test_records_keep_their_order_and_empty_slices_are_left_out() -> None:
    rows = [record("red dog", sent_id=1), record("dog", sent_id=2), record("blue dog", sent_id=3)]
    found = slices(rows)
    assert [row.sent_id for row in found["colour words"]] == [1, 3]
    assert "relation" not in found and all(found.values())
    assert slices([]) == {}


def test_colours_are_those_of_the_synthesis_as_people_say_them() -> None:
    assert {"red", "gray", "grey", "beige"} <= COLOUR_WORDS


def test_unknown_words_are_tagged(samples: list[Sample]) -> None:
    phrases = ["red, thing!", "Qwertz red asdf", " "]
    rows = [dataclasses.replace(sample, phrase=phrase) for sample, phrase in zip(samples, phrases, strict=True)]
    tagged = list(tag_unknown_words(rows, colour_vectors()))
    assert [row.tags[UNKNOWN] for row in tagged] == ["", "qwertz asdf", ""]
    assert tagged[0].tags["kind"] == "location" and UNKNOWN not in rows[0].tags
    unknown = [names(record(tags=row.tags)) & {"unknown word"} for row in tagged]
    assert unknown == [set(), {"unknown word"}, set()]
