"""The colour that a phrase says times the colours that objects show."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import Tensor

from deixis.config import COLOURS_SAID
from deixis.data.attributes import COLOURS, SAID
from deixis.model.colour import LEAST_FIT, ColourMatch
from deixis.train.targets import IGNORED, colour_label
from deixis.types import Expression

RED, BLUE, NONE = 0, 1, COLOURS_SAID


def logits_of(*rows: int) -> Tensor:
    """(1, P, C + 1): phrases that surely say these colours."""
    return 50.0 * torch.eye(COLOURS_SAID + 1)[list(rows)][None]


def shows(*rows: int) -> Tensor:
    """(1, K, C): objects that surely show these colours."""
    return torch.eye(COLOURS_SAID)[list(rows)][None]


@pytest.fixture
def colour() -> ColourMatch:
    return ColourMatch(5, 7)


def test_whose_colour_is_said_keeps_its_match_and_the_others_lose(colour: ColourMatch) -> None:
    match = torch.tensor([[[0.9, 0.8, 0.0], [0.9, 0.8, 0.0]]])
    found = colour(match, shows(RED, BLUE, RED), logits_of(RED, BLUE))
    little_red, little_blue = LEAST_FIT / (0.9 + LEAST_FIT), LEAST_FIT / (0.8 + LEAST_FIT)
    expected = torch.tensor([[[0.9, 0.8 * little_red, 0.0], [0.9 * little_blue, 0.8, 0.0]]])
    torch.testing.assert_close(found, expected)


def test_without_a_colour_said_nothing_changes(colour: ColourMatch) -> None:
    match = torch.rand(1, 2, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(colour(match, shows(RED, BLUE, BLUE), logits_of(NONE, NONE)), match)


def test_a_colour_that_nobody_has_sets_nobody_back(colour: ColourMatch) -> None:
    match = torch.tensor([[[0.9, 0.5]]])
    torch.testing.assert_close(colour(match, shows(BLUE, BLUE), logits_of(RED)), match)


def test_the_best_is_sought_among_what_fits_by_class(colour: ColourMatch) -> None:
    """A red car does not set back the man whose shirt is only a little red."""
    shown = torch.zeros(1, 3, COLOURS_SAID)
    shown[0, :, RED] = torch.tensor([0.3, 0.02, 1.0])
    found = colour(torch.tensor([[[1.0, 1.0, 0.01]]]), shown, logits_of(RED))[0, 0]
    assert found[0] == pytest.approx(1.0) and found[1] < 0.25


def test_what_is_half_a_colour_is_halfway(colour: ColourMatch) -> None:
    match, shown = torch.tensor([[[1.0, 1.0]]]), shows(RED, BLUE)
    half = torch.full((1, 1, COLOURS_SAID + 1), -50.0)
    half[..., [RED, NONE]] = 0.0
    told = colour(match, shown, logits_of(RED))[0, 0, 1]
    torch.testing.assert_close(colour(match, shown, half)[0, 0], torch.tensor([1.0, 0.5 + 0.5 * float(told)]))


def test_the_network_has_a_place_for_each_colour_that_is_said() -> None:
    assert len(SAID) == COLOURS_SAID and set(SAID) < set(COLOURS)


@pytest.mark.parametrize(
    ("text", "kind", "category", "label"),
    [
        ("man in red", "colour", "person", "red"),
        ("the right guy, grey shirt", "location", "person", "gray"),
        ("Beige car", "colour", "car", "tan"),
        ("orange", "class", "orange", None),
        ("blue orange", "colour", "orange", "blue"),
        ("left man", "location", "person", None),
        ("black pants", "colour", "person", None),
        ("woman in red shirt and blue jacket", "clothing", "person", None),
        ("a man in a red shirt", "caption", "person", IGNORED),
        ("red shirt", "human", "person", IGNORED),
    ],
)
def test_the_colour_that_a_phrase_says(text: str, kind: str, category: str, label: str | int | None) -> None:
    expected = label if isinstance(label, int) else COLOURS_SAID if label is None else SAID.index(label)
    assert colour_label(Expression(text, (1,), kind, category)) == expected
