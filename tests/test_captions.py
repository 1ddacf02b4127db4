"""Captions as phrases for the only person of a picture."""

from __future__ import annotations

import pytest

from deixis.data.captions import may_share_frame, person_expressions, spoken_of


def texts(*captions: str) -> list[str]:
    found = person_expressions(captions, 7)
    assert all((item.target_ids, item.kind, item.category) == ((7,), "caption", "person") for item in found)
    return [item.text for item in found]


def test_a_caption_about_the_person_names_the_person() -> None:
    assert texts("A man riding a wave. ", "Surfer on a blue board") == [
        "A man riding a wave",
        "a man",
        "Surfer on a blue board",
        "surfer",
        "man",
    ]


def test_beginnings_that_name_the_person_are_phrases_each_once() -> None:
    assert texts("A young catcher waits", "a young catcher", "Someone in a mask") == [
        "A young catcher waits",
        "a young catcher",
        "Someone in a mask",
    ]


@pytest.mark.parametrize(
    "caption", ["A wave with a big, wide and very white crest and a man", "Two men surfing", "A dog"]
)
def test_captions_about_something_else_are_left_out(caption: str) -> None:
    assert texts(caption) == []


@pytest.mark.parametrize("word", ["people", "group", "couple", "several", "women", "kids"])
def test_captions_about_many_are_left_out(word: str) -> None:
    assert texts(f"A man and {word} at the beach") == []


def test_the_bare_word_only_where_all_agree() -> None:
    assert "man" not in texts("A man on a horse", "A woman on a horse")
    assert texts("A person on a horse", "Her horse is brown") == ["A person on a horse", "woman"], "not her horse"
    assert texts("A person on a horse") == ["A person on a horse"]


def test_spoken_of() -> None:
    assert spoken_of(["The Guy's hat", "a gentleman"]) is None or spoken_of(["a gentleman"]) == "man"
    assert spoken_of(["A lady", "she sits"]) == "woman"
    assert spoken_of(["A boy and his dad"]) is None
    assert spoken_of([]) is None


@pytest.mark.parametrize(
    ("left", "right", "may"),
    [
        ("a man", "a woman", True),
        ("a man", "a guy", False),
        ("a man", "a girl", True),
        ("a man", "a boy", False),  # somebody may call the boy a man
        ("a boy", "a child", False),
        ("a woman", "a toddler", True),
        ("a man", "a dog", False),  # nothing known of the other picture
    ],
)
def test_two_pictures_share_a_frame_when_nobody_is_confused(left: str, right: str, may: bool) -> None:
    assert may_share_frame([left], [right]) is may
    assert may_share_frame([right], [left]) is may
