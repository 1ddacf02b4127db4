"""Words put into templates."""

from __future__ import annotations

import numpy as np
import pytest

from deixis.data.wording import fill


def filled(template: str, noun: str = "dog", **slots: str) -> set[str]:
    """What comes out of many draws."""
    return {fill(template, noun, slots, np.random.default_rng(seed)) for seed in range(30)}


@pytest.mark.parametrize(
    ("template", "slots", "expected"),
    [
        ("{the}{n}", {}, {"dog", "the dog"}),
        ("{ns}", {}, {"dogs"}),
        ("{w} {n}", {"v": "top"}, {"upper dog"}),
        ("{w} {n}", {"v": "bottom"}, {"lower dog"}),
        ("{n} with {a}{g}", {"g": "apron"}, {"dog with apron", "dog with an apron"}),
        ("{n} with {a}{g}", {"g": "hat"}, {"dog with hat", "dog with a hat"}),
        ("{n} with {a}{g}", {"g": "jeans"}, {"dog with jeans"}),
        ("{n} with {a}{c}{g}", {"g": "apron", "c": "red "}, {"dog with red apron", "dog with a red apron"}),
        ("{n} with {a}{c}{g}", {"g": "hat", "c": "orange "}, {"dog with orange hat", "dog with an orange hat"}),
        ("{n} with {a}{g}", {"g": "undershirt"}, {"dog with undershirt", "dog with an undershirt"}),
        ("{n} with {a}{g}", {"g": "uniform"}, {"dog with uniform", "dog with a uniform"}),
        ("{n} with {an}{m}", {"m": "umbrella"}, {"dog with an umbrella"}),
        ("{n} riding {an}{m}", {"m": "elephant"}, {"dog riding an elephant"}),
        ("{n} with {an}{m}", {"m": "utensil"}, {"dog with a utensil"}),
        ("{n} with {an}{m}", {"m": "kite"}, {"dog with a kite"}),
        ("{n} with {an}{m}", {"m": "skis"}, {"dog with skis"}),
    ],
)
def test_articles_plurals_and_places(template: str, slots: dict[str, str], expected: set[str]) -> None:
    assert filled(template, **slots) == expected
