"""Checked fields of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deixis.data.records import at, check_size, check_splits, either, integer, is_number, items, shown, string
from deixis.errors import DataError


def test_what_is_right_is_given_back() -> None:
    row = {"n": 3, "s": "x", "l": [1], "id": 9}
    assert (integer(row, "n"), string(row, "s"), items(row, "l")) == (3, "x", [1])
    assert (either(row, "image_id", "id"), either(row, "id", "n")) == ("id", "id")


@pytest.mark.parametrize("read", [integer, string, items])
@pytest.mark.parametrize(
    ("row", "got"),
    [
        ({"k": None}, "got None"),
        ({"k": True}, "got True"),
        ({"k": 1.5}, "got 1.5"),
        ({"other": 1}, r"got one without it, with the keys \['other'\]"),
        ([1], r"got \[1\]"),
        ("k", "got 'k'"),
    ],
)
def test_what_is_wrong_is_shown(read: Callable[[Any, str], Any], row: Any, got: str) -> None:
    with pytest.raises(DataError, match=f"^expected an object with an? .*'k', {got}"):
        read(row, "k")


def test_sizes() -> None:
    assert check_size(3, 2) == (3, 2)
    for height, width in ((0, 2), (3, -1), (10**6, 10**6)):
        with pytest.raises(
            DataError, match=f"height and width of 1 to 120,000,000 pixels together, got {height} x {width}$"
        ):
            check_size(height, width)


def test_any_value_can_be_shown() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep).startswith("[[[") and len(shown(deep)) < 100 and len(shown("x" * 10**6)) < 100
    with pytest.raises(DataError, match=r"integer 'k', got \[\[\["):
        integer({"k": deep}, "k")


def test_numbers() -> None:
    assert is_number(1) and is_number(-2.5)
    assert not any(is_number(value) for value in (True, float("nan"), float("inf"), "1", None))


def test_a_place_is_put_before_errors_of_data_and_no_others() -> None:
    with pytest.raises(DataError, match=r"^a\.json: row 3: broken$"), at("a.json"), at("row 3"):
        raise DataError("broken")
    with pytest.raises(KeyError, match=r"^'k'$"), at("a.json"):
        raise KeyError("k")


def test_splits() -> None:
    known = ["val", "testA", "testB"]
    assert check_splits(Path("f"), "testB + testA", known) == ["testB", "testA"]
    assert check_splits(Path("f"), "val+val", known) == ["val"]
    for wanted in ("", "test", "val+", "VAL"):
        with pytest.raises(DataError, match=r"^f: expected a split of val, testA, testB, got"):
            check_splits(Path("f"), wanted, known)
    with pytest.raises(DataError, match="expected a split of nothing"):
        check_splits(Path("f"), "val", [])
