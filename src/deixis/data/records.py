"""Fields of rows that were read from a file, checked. The errors say which file and row through ``at``."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deixis.errors import DataError
from deixis.image import MAX_PIXELS


class NoSuchSplit(DataError):  # noqa: N818 - says what is wrong without the suffix
    """A dataset does not have the split that was asked for."""


@contextmanager
def at(where: object) -> Iterator[None]:
    """Put the file or the record in front of a DataError of the block."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def integer(row: Any, key: str) -> int:
    """The whole number of a key.

    Raises:
        DataError: the row is no object, or has no such whole number.
    """
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f"expected an object with an integer {key!r}, got {_shown(row, key)}")
    return value


def string(row: Any, key: str) -> str:
    """The string of a key.

    Raises:
        DataError: the row is no object, or has no such string.
    """
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, str):
        raise DataError(f"expected an object with a string {key!r}, got {_shown(row, key)}")
    return value


def items(row: Any, key: str) -> list[Any]:
    """The list of a key.

    Raises:
        DataError: the row is no object, or has no such list.
    """
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, list):
        raise DataError(f"expected an object with a list {key!r}, got {_shown(row, key)}")
    return value


def either(row: Any, *keys: str) -> str:
    """The first of several names for one key that the row has; the last one when it has none."""
    return next((key for key in keys if isinstance(row, dict) and key in row), keys[-1])


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture in pixels.

    Raises:
        DataError: there is no such picture, or it is larger than any that is opened.
    """
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise DataError(f"expected a height and width of 1 to {MAX_PIXELS:,} pixels together, got {height} x {width}")
    return height, width


def shown(value: object) -> str:
    """The beginning of any value, however large or deep, for a message."""
    return reprlib.repr(value)


def check_splits(source: Path, wanted: str, known: list[str]) -> list[str]:
    """The names joined by plus signs in ``wanted``, each once.

    Args:
        source: file or folder for messages.
        wanted: for example "testA+testB".
        known: the splits there are.

    Raises:
        NoSuchSplit: one is not known; the message lists those there are.
    """
    names = [name.strip() for name in wanted.split("+")]
    for name in names:
        if name not in known:
            raise NoSuchSplit(f"{source}: expected a split of {', '.join(known) or 'nothing'}, got {name!r}")
    return list(dict.fromkeys(names))


def _shown(row: Any, key: str) -> str:
    if not isinstance(row, dict):
        return shown(row)
    return shown(row[key]) if key in row else f"one without it, with the keys {shown(sorted(map(str, row)))}"
