from __future__ import annotations

import json
from pathlib import Path

import pytest

from deixis.data import nouns


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("baseball_bat", "baseball bat"),
        ("cab_(taxi)", "cab"),
        ("Dining_Table", "dining table"),
        ("person", "person"),
        ("water_bottle, plastic", "water bottle"),
    ],
)
def test_clean(category: str, expected: str) -> None:
    assert nouns.clean(category) == expected


def test_a_name_that_is_only_a_parenthesis_keeps_something() -> None:
    assert nouns.clean("(taxi)") == "(taxi)"


@pytest.mark.parametrize(
    ("category", "synonym"),
    [
        ("person", "guy"),
        ("couch", "sofa"),
        ("tv", "television"),
        ("bicycle", "bike"),
        ("motorcycle", "motorbike"),
        ("airplane", "plane"),
        ("donut", "doughnut"),
        ("cell phone", "phone"),
        ("dining_table", "table"),
        ("potted plant", "plant"),
        ("t-shirt", "shirt"),
    ],
)
def test_names_begin_with_the_class_and_have_the_usual_word(category: str, synonym: str) -> None:
    found = nouns.names(category)
    assert found[0] == nouns.clean(category)
    assert synonym in found


def test_unknown_category_has_its_cleaned_name() -> None:
    assert nouns.names("fire_engine_(toy)") == ("fire engine",)


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("dog", "dogs"),
        ("bus", "buses"),
        ("bench", "benches"),
        ("person", "people"),
        ("man", "men"),
        ("lady", "ladies"),
        ("toy", "toys"),
        ("knife", "knives"),
        ("sheep", "sheep"),
        ("skis", "skis"),
        ("shoes", "shoes"),
        ("sandwich", "sandwiches"),
        ("mouse", "mice"),
    ],
)
def test_plural(noun: str, expected: str) -> None:
    assert nouns.plural(noun) == expected


def test_is_person() -> None:
    for name in ("person", "man", "Woman", "boy", "girl", "child", "pedestrian"):
        assert nouns.is_person(name)
    assert not nouns.is_person("teddy bear")


def test_no_name_is_listed_twice_and_all_are_lower_case() -> None:
    for category in sorted(nouns._COCO | nouns._CLOTHING):
        found = nouns.names(category)
        assert len(set(found)) == len(found)
        assert all(name == name.lower().strip() for name in found)


def test_a_name_of_several_categories_is_known_to_be_ambiguous() -> None:
    """A word that two categories of one dataset share must list the other one as an object that it fits."""
    for world in (nouns._COCO, nouns._CLOTHING):
        for first in sorted(world):
            for second in sorted(world - {first}):
                for noun in set(nouns.names(first)) & set(nouns.names(second)):
                    assert second in nouns.also_fits(first, noun), (first, second, noun)


def test_ambiguity_lists_know_only_categories_that_exist() -> None:
    known = nouns._COCO | nouns._CLOTHING
    for category in sorted(known):
        assert nouns.neighbours(category) <= known
        assert category not in nouns.neighbours(category)


def test_the_usual_name() -> None:
    assert nouns.usual(nouns.names("dining table")) == "table"
    assert nouns.usual(nouns.names("car")) == "car"
    assert nouns.usual(nouns.names("couch")) == "couch"


def test_tables_cover_the_real_datasets(shared_data: Path) -> None:
    for name in ("coco/annotations/instances_train.json", "ccp/annotations/instances.json"):
        content = json.loads((shared_data / name).read_text())
        assert {nouns.clean(row["name"]) for row in content["categories"]} <= nouns._COCO | nouns._CLOTHING
