"""What is claimed by class and colour, and as absent: the claims themselves, before they are worded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deixis.data.claims import absences, classes
from deixis.data.facts import SceneFacts
from deixis.types import Scene
from placed import draw

LEFT, MIDDLE, RIGHT = (5, 40, 25, 90), (40, 40, 60, 90), (75, 40, 95, 90)  # 0.1 of the picture each


def people(*names: tuple[str, ...]) -> Scene:
    scene = draw(*(("person", box) for box in (LEFT, MIDDLE, RIGHT)))
    objects = tuple(replace(item, names=own) for item, own in zip(scene.objects, names, strict=True))
    return replace(scene, objects=objects)


def test_one_of_a_class_and_several() -> None:
    one, several = classes(SceneFacts(draw(("traffic_light", LEFT), ("zebra", MIDDLE), ("zebra", RIGHT))))
    assert (one.kind, one.wording, one.category, one.target_ids) == ("class", "name", "traffic_light", (0,))
    assert one.nouns[0] == "traffic light" and one.weight == pytest.approx(0.1**0.5)
    assert (several.kind, several.wording, several.category, several.target_ids) == ("class", "all", "zebra", (1, 2))
    assert several.holds == {"count", "two"} and several.slots == {"count": "two"}
    assert several.weight == pytest.approx(0.2**0.5), "two are worth more than one"


def test_those_of_a_class_that_a_noun_fits() -> None:
    everyone, man, women = classes(SceneFacts(people(("person", "man"), ("person", "woman"), ("person", "woman"))))
    assert (everyone.wording, everyone.target_ids, everyone.holds) == ("everyone", (0, 1, 2), {"count", "many"})
    assert (man.wording, man.category, man.target_ids, man.nouns) == ("name", "person", (0,), ("man",))
    assert (women.wording, women.category, women.target_ids, women.nouns) == ("all", "person", (1, 2), ("woman",))
    assert man.weight == pytest.approx(0.1**0.5) and women.weight == pytest.approx(0.2**0.5)


def test_what_is_not_there_is_claimed_on_either_side() -> None:
    claims = list(absences(SceneFacts(draw(("dog", LEFT), labelled=("stop_sign",))), ()))
    assert [(claim.kind, claim.category, claim.target_ids) for claim in claims] == [("absent", "stop_sign", ())] * 2
    assert [claim.slots for claim in claims] == [{"s": "left"}, {"s": "right"}]


def test_a_wider_noun_is_absent_only_where_all_that_it_fits_is_labelled() -> None:
    def nouns(*labelled: str) -> set[str]:
        scene = draw(("dog", LEFT), labelled=labelled)
        return {noun for claim in absences(SceneFacts(scene), ("snowboard",)) for noun in claim.nouns}

    assert nouns("snowboard") == {"snowboard"}, "a surfboard may be there"
    assert nouns("snowboard", "surfboard", "skateboard", "skis") == {"snowboard", "board"}
    assert nouns("surfboard") == set(), "nobody knows whether a snowboard is there"
