"""The traits that a phrase says times the traits that objects show, and what phrases say."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import Tensor

from deixis.config import TRAIT_VALUES
from deixis.data.attributes import COLOURS, SAID
from deixis.data.traits import NOTHING, TRAITS, said, shown
from deixis.model.traits import LEAST_FIT, MOST_VALUES, POWERS, UNUSED, TraitMatch
from deixis.types import Expression, SceneObject

RED, BLUE, MALE, FEMALE, CHILD, NONE = 0, 1, 0, 1, 1, MOST_VALUES


def logits_of(*rows: tuple[int, ...]) -> Tensor:
    """(1, P, G, C + 1): phrases that surely say these; what a row leaves out, they do not say."""
    full = [[*row, *[NONE] * (len(TRAIT_VALUES) - len(row))] for row in rows]
    return 50.0 * torch.eye(MOST_VALUES + 1)[torch.tensor(full)][None]


def shows(*rows: tuple[int, ...]) -> Tensor:
    """(1, K, G, C): objects that surely show these; of what a row leaves out, the first value."""
    full = [[*row, *[0] * (len(TRAIT_VALUES) - len(row))] for row in rows]
    return torch.eye(MOST_VALUES)[torch.tensor(full)][None]


@pytest.fixture
def traits() -> TraitMatch:
    return TraitMatch(5, 6, 7).eval()


def test_whose_colour_is_said_keeps_its_match_and_the_others_lose(traits: TraitMatch) -> None:
    match = torch.tensor([[[0.9, 0.8, 0.0], [0.9, 0.8, 0.0]]])
    found = match * traits(match, shows((RED,), (BLUE,), (RED,)), logits_of((RED,), (BLUE,)))
    little_red, little_blue = LEAST_FIT / (0.9 + LEAST_FIT), LEAST_FIT / (0.8 + LEAST_FIT)
    expected = torch.tensor([[[0.9, 0.8 * little_red, 0.0], [0.9 * little_blue, 0.8, 0.0]]])
    torch.testing.assert_close(found, expected)


def test_each_trait_that_is_said_counts(traits: TraitMatch) -> None:
    """ "Woman in red": a man in red and a woman in blue lose once, a man in blue twice."""
    shown = shows((RED, FEMALE), (RED, MALE), (BLUE, FEMALE), (BLUE, MALE))
    little = LEAST_FIT / (1 + LEAST_FIT)
    fit = traits(torch.ones(1, 1, 4), shown, logits_of((RED, FEMALE)))
    torch.testing.assert_close(fit, torch.tensor([[[1.0, little, little, little**2]]]))
    sex, colour = little ** POWERS[1], little ** POWERS[0]
    strict = traits(torch.ones(1, 1, 4), shown, logits_of((RED, FEMALE)), strict=True)
    torch.testing.assert_close(strict, torch.tensor([[[1.0, sex, colour, colour * sex]]]))


def test_where_nothing_is_said_nothing_changes(traits: TraitMatch) -> None:
    match = torch.rand(1, 2, 3, generator=torch.Generator().manual_seed(0))
    shown = shows((RED, MALE), (BLUE, FEMALE), (BLUE, MALE, CHILD))
    for strict in (False, True):
        fit = traits(match, shown, logits_of((), ()), strict)
        torch.testing.assert_close(fit, torch.ones_like(match))


def test_what_nobody_shows_sets_nobody_back(traits: TraitMatch) -> None:
    match = torch.tensor([[[0.9, 0.5]]])
    fit = traits(match, shows((BLUE,), (BLUE,)), logits_of((RED,)))
    torch.testing.assert_close(fit, torch.ones_like(match))


def test_the_best_is_sought_among_what_fits_by_class(traits: TraitMatch) -> None:
    """A red car does not set back the man whose shirt is only a little red."""
    shown = shows((), (), ())
    shown[0, :, 0] = 0
    shown[0, :, 0, RED] = torch.tensor([0.3, 0.02, 1.0])
    found = traits(torch.tensor([[[1.0, 1.0, 0.01]]]), shown, logits_of((RED,)))[0, 0]
    assert found[0] == pytest.approx(1.0) and found[1] < 0.25


def test_what_is_half_said_is_halfway(traits: TraitMatch) -> None:
    match, seen = torch.tensor([[[1.0, 1.0]]]), shows((RED,), (BLUE,))
    half = logits_of(())
    half[..., 0, :] = -50.0
    half[..., 0, [RED, NONE]] = 0.0
    told = traits(match, seen, logits_of((RED,)))[0, 0, 1]
    torch.testing.assert_close(traits(match, seen, half)[0, 0], torch.tensor([1.0, 0.5 + 0.5 * float(told)]))


def test_colours_are_told_of_colours_and_the_rest_of_the_gist(traits: TraitMatch) -> None:
    generator = torch.Generator().manual_seed(0)
    colours, gist = torch.rand(1, 2, 5, generator=generator), torch.rand(1, 2, 6, generator=generator)
    before, after = traits.shown(colours, gist), traits.shown(colours, gist + 1)
    assert before.shape == (1, 2, len(TRAIT_VALUES), MOST_VALUES)
    changed = (before != after).any(dim=-1)
    assert not changed[..., 0].any() and changed[..., 1:].all()


def test_values_that_a_trait_does_not_have_are_never_shown_or_said(traits: TraitMatch) -> None:
    shown, said_ = traits.shown(torch.zeros(1, 1, 5), torch.zeros(1, 1, 6)), traits.said(torch.zeros(1, 1, 7))
    for column, values in enumerate(TRAIT_VALUES):
        assert (shown[0, 0, column, :values] > UNUSED / 2).all() and (shown[0, 0, column, values:] < UNUSED / 2).all()
        possible = [*range(values), NONE]
        assert (said_[0, 0, column, possible] > UNUSED / 2).all() and (said_[0, 0, column] < UNUSED / 2).sum() == (
            MOST_VALUES - values
        )


def test_the_network_has_a_place_for_each_value() -> None:
    assert tuple(len(values) for values in TRAITS.values()) == TRAIT_VALUES and NOTHING == MOST_VALUES
    assert set(SAID) < set(COLOURS)


def person(*names: str) -> SceneObject:
    return SceneObject(1, "person", (0, 0, 4, 9), names=names)


MAN, WOMAN, GIRL = ("person", "man", "guy"), ("person", "woman", "girl"), ("person", "girl", "kid", "child")


@pytest.mark.parametrize(
    ("text", "kind", "category", "label"),
    [
        ("man in red", "colour", "person", "red"),
        ("the right guy, grey shirt", "location", "person", "gray"),
        ("Beige car", "colour", "car", "tan"),
        ("orange", "class", "orange", NOTHING),
        ("blue orange", "colour", "orange", "blue"),
        ("left man", "location", "person", NOTHING),
        ("black pants", "colour", "person", NOTHING),
        ("woman in red shirt and blue jacket", "clothing", "person", NOTHING),
        ("a man in a red shirt", "caption", "person", None),
        ("red shirt", "human", "person", None),
    ],
)
def test_the_colour_that_a_phrase_says(text: str, kind: str, category: str, label: str | int | None) -> None:
    expected = SAID.index(label) if isinstance(label, str) else label
    assert said(Expression(text, (1,), kind, category), [person(*MAN)])[0] == expected


@pytest.mark.parametrize(
    ("text", "named", "sex", "age"),
    [
        ("The Man on the left", [person(*MAN)], 0, 0),
        ("lady in red", [person(*WOMAN)], 1, 0),
        ("left girl", [person(*GIRL)], 1, NOTHING),
        ("boy", [person("boy")], 0, 1),
        ("both kids", [person(*GIRL), person("boy", "kid")], NOTHING, 1),
        ("men", [person(*MAN), person(*MAN)], 0, 0),
        ("biggest person", [person(*MAN)], NOTHING, NOTHING),
        ("a woman and her son", [person(*WOMAN)], 1, 0),
        ("his mother", [person(*WOMAN)], NOTHING, NOTHING),
        ("woman", [person()], None, None),
        ("men", [person(*MAN), person()], None, None),
        ("woman", [], None, None),
        ("man's hat", [SceneObject(2, "hat", (0, 0, 4, 9))], NOTHING, NOTHING),
    ],
)
def test_the_kind_of_person_that_a_phrase_says(
    text: str, named: list[SceneObject], sex: int | None, age: int | None
) -> None:
    category = named[0].category if named else "person"
    assert said(Expression(text, tuple(item.id for item in named), "class", category), named)[1:3] == (sex, age)


@pytest.mark.parametrize(
    ("names", "sex", "age"),
    [
        (MAN, 0, 0),
        (WOMAN, 1, 0),
        (GIRL, 1, 1),
        (("person", "kid", "child"), None, 1),
        (("person",), None, None),
        (("man", "woman"), None, 0),
        ((), None, None),
    ],
)
def test_what_names_tell(names: tuple[str, ...], sex: int | None, age: int | None) -> None:
    assert shown(person(*names)) == (None, sex, age, None)


@pytest.mark.parametrize(
    ("text", "kind", "category", "posture"),
    [
        ("A man standing near a car", "caption", "person", 0),
        ("a woman walks her dog", "caption", "person", 0),
        ("guy sitting", "human", "person", 1),
        ("lady seated", "human", None, 1),
        ("A man standing beside a boy who sits", "caption", "person", None),
        ("a man riding a horse", "caption", "person", NOTHING),
        ("cup that a man is sitting on", "caption", "cup", NOTHING),
        ("man sitting on the couch", "relation", "person", None),
        ("man on the couch", "relation", "person", NOTHING),
        ("man sitting on the left", "posture", "person", 1),
        ("standing men", "posture", "person", 0),
    ],
)
def test_the_posture_that_a_phrase_says(text: str, kind: str, category: str | None, posture: int | None) -> None:
    assert said(Expression(text, (1,), kind, category), [person()])[3] == posture


def test_the_posture_that_a_person_shows() -> None:
    of = [SceneObject(1, "person", (0, 0, 4, 9), posture=posture) for posture in ("", *TRAITS["posture"])]
    assert [shown(item)[3] for item in of] == [None, 0, 1]
