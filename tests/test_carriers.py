"""Phrases made of other people's words around a class name."""

from __future__ import annotations

import numpy as np
import pytest

from deixis.data.carriers import ROLES, STUFF, Carrier, Dressing, NounFinder, find_carriers, read
from deixis.text import words_of

CLASSES = ("person", "dog", "dining table", "wine glass")


@pytest.mark.parametrize(
    ("text", "carrier"),
    [
        ("dog", Carrier((), (), False)),
        ("A shiny old dog next to the gate.", Carrier(("a", "shiny", "old"), ("next", "to", "the", "gate"), False)),
        ("the dogs running home", Carrier(("the",), ("running", "home"), True)),
        ("left wine glass on the table", Carrier(("left",), ("on", "the", "table"), False)),
        ("big umpire", Carrier(("big",), (), False)),
        ("blue sky above", Carrier(("blue",), ("above",), False)),
    ],
)
def test_the_noun_that_a_text_begins_with_is_taken_out(text: str, carrier: Carrier) -> None:
    assert find_carriers([text], CLASSES) == [carrier]


@pytest.mark.parametrize(
    "text",
    [
        "dog house",  # a house
        "wine for everybody",  # half a name
        "on the dog",  # nothing was named before
        "a very big and old and wet and tired dog",  # too far
        "whatever",
        "",
    ],
)
def test_texts_that_do_not_begin_by_naming_something_have_no_carrier(text: str) -> None:
    assert find_carriers([text], CLASSES) == []


def test_each_carrier_is_there_once() -> None:
    assert len(find_carriers(["red dog", "red dog", "red sky"], CLASSES)) == 1


def test_what_is_read_names_its_class_and_keeps_the_words_around() -> None:
    carriers = [Carrier(("a", "shiny"), ("near", "it"), False)]
    names = {"person": ("person", "guy"), "dog": ("dog",)}
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(400):
        text, category = read(carriers, names, rng)
        words = words_of(text)
        assert words[-2:] == ["near", "it"]
        noun = " ".join(words[2:-2]) if words[:2] == ["a", "shiny"] else "dogs of a bunch"
        if noun in STUFF:
            assert category is None
        elif noun in {"person", "guy"} | ROLES:
            assert category == "person"
        elif noun == "dog":
            assert category == "dog"
        seen.add(category)
    assert seen == {"person", "dog", None}


def test_a_bunch_of_something_is_that() -> None:
    carriers = [Carrier((), (), False)]
    rng = np.random.default_rng(1)
    bunches = [found for found in (read(carriers, {"dog": ("dog",)}, rng) for _ in range(300)) if " of " in found.text]
    assert bunches
    assert all(found.text.startswith("a ") for found in bunches)
    assert {found.category for found in bunches if found.text.endswith(" dogs")} == {"dog"}


def test_without_people_among_the_classes_no_role_is_played() -> None:
    rng = np.random.default_rng(2)
    found = {read([Carrier((), (), False)], {"dog": ("dog",)}, rng) for _ in range(200)}
    assert {reading.category for reading in found} == {"dog", None}


def test_a_phrase_is_dressed_in_words_that_tell_nothing() -> None:
    texts = ["shiny old dog near the gate", "left dog", "red dog", "dog on the left", "dog of a man", "huge wet dog"]
    dressing = Dressing(find_carriers(texts, CLASSES))
    found = NounFinder(CLASSES)("second dog on the right")
    assert found is not None
    rng = np.random.default_rng(0)
    dressed = {dressing.dress(*found, rng) for _ in range(200)}
    assert {"a second shiny old dog on the right", "second huge wet dog on the right near the gate"} <= dressed
    words = {word for text in dressed for word in words_of(text)}
    assert words == set(words_of("a the second shiny old huge wet dog on the right near the gate"))
