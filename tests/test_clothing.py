"""Persons by what they wear: the claims themselves, before they are worded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deixis.data import nouns
from deixis.data.clothing import garments
from deixis.data.facts import SceneFacts
from deixis.data.wording import Claim
from deixis.types import Scene
from placed import Placed, draw

FIRST, SECOND = ("person", (10, 10, 40, 90)), ("person", (60, 10, 90, 90))
DRESS, HAT, COAT, SHOES = (
    ("dress", (10, 30, 40, 80)),
    ("hat", (60, 10, 90, 20)),
    ("coat", (60, 25, 90, 60)),
    ("shoes", (60, 85, 90, 90)),
)


def clothed(*worn: Placed) -> Scene:
    """Two persons and what they wear, with all that might be taken for one of these labelled as well."""
    alike = {other for name, _ in worn for noun in nouns.names(name) for other in nouns.also_fits(name, noun)}
    scene = draw(FIRST, SECOND, *worn, labelled=alike)
    objects = (replace(item, is_part=item.category != "person") for item in scene.objects)
    return replace(scene, objects=tuple(objects))


def claims_of(scene: Scene, held_out: frozenset[str] = frozenset()) -> list[Claim]:
    return list(garments(SceneFacts(scene, held_out)))


def test_what_is_worn_and_what_one_is_with() -> None:
    claims = claims_of(clothed(DRESS, HAT, COAT, SHOES))
    said = {(claim.target_ids, claim.wording, claim.slots["g"]) for claim in claims}
    assert {((0,), "wearing", "dress"), ((1,), "with", "hat"), ((1,), "wearing", "coat")} <= said
    assert not {garment for _, _, garment in said} & {"shoes", "shoe"}, "nobody is told by shoes alone"
    assert {(claim.kind, claim.category, claim.holds) for claim in claims} == {("clothing", "person", frozenset())}
    weights = {claim.slots["g"]: claim.weight for claim in claims}
    assert weights["dress"] == pytest.approx(0.15**0.5) and weights["hat"] == pytest.approx(0.03**0.5)


def test_a_person_whom_no_noun_fits_does_not_silence_the_next() -> None:
    held_out = frozenset(nouns.WOMEN_NOUNS)
    assert {claim.target_ids for claim in claims_of(clothed(DRESS, HAT), held_out)} == {(1,)}
    assert {claim.target_ids for claim in claims_of(clothed(DRESS, HAT))} == {(0,), (1,)}
