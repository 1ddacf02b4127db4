"""Photos and phrases to ask in bulk: a folder, a pattern, JSON lines, or the pictures of a COCO file.

{"image": "a.jpg", "phrases": ["left dog", "the cat"], "image_id": 7}       JSON lines; image_id may be left out

Everything is streamed; only the names of a folder or pattern and the images of a COCO file are held.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deixis.data.coco import load_images
from deixis.errors import DataError, InputError
from deixis.image import SUFFIXES


@dataclass(frozen=True)
class Request:
    """A photo and what is asked about it.

    Attributes:
        image: path of the photo, or where the request stands when it is not one.
        phrases: at least one.
        image_id: COCO's id, or the position in the input, from 1.
        problem: why it cannot be asked; empty when it can.
    """

    image: str
    phrases: tuple[str, ...]
    image_id: int
    problem: str = ""


@dataclass(frozen=True)
class Requests:
    """Requests in a fixed order, as often as they are asked for.

    Attributes:
        phrases: those asked of every photo that brings none of its own.
        count: number of requests.
        start: gives them anew.
    """

    phrases: tuple[str, ...]
    count: int
    start: Callable[[], Iterator[Request]]

    def __iter__(self) -> Iterator[Request]:
        return self.start()


def find_requests(source: str, phrases: Sequence[str], images: Path | None = None) -> Requests:
    """Open an input.

    Args:
        source: a folder (searched with all its folders), a pattern such as ``photos/*.jpg``, one picture, a ``.jsonl``
            file as the head of this module shows, or a COCO ``.json`` file.
        phrases: asked of every photo; those of a JSON line come in their place.
        images: folder of the pictures of a JSON-lines or COCO file; by default the folder of the lines, or
            ``images`` beside the COCO file's folder.

    Raises:
        DataError: nothing there, no pictures, or a malformed COCO file.
        InputError: no phrase is given, and the input brings none.
    """
    path = Path(source)
    lines = path.suffix.lower() == ".jsonl"
    asked = tuple(phrases)
    if not asked and not lines:
        raise InputError(f"{source}: expected at least one phrase to ask of its pictures; give --phrase")
    if lines and path.is_file():
        with path.open("rb") as handle:
            count = sum(1 for line in handle if line.strip())
        return Requests(asked, count, lambda: _of_lines(path, asked, images if images is not None else path.parent))
    if path.suffix.lower() == ".json" and path.is_file():
        found = load_images(path, images)
        return Requests(asked, len(found), lambda: (Request(str(item.path), asked, item.id) for item in found))
    names = pictures(source)
    return Requests(asked, len(names), lambda: (Request(name, asked, row) for row, name in enumerate(names, 1)))


def pictures(source: str) -> list[str]:
    """Names of the picture files of a folder (searched with all its folders), of a pattern, or one picture, sorted.

    Raises:
        DataError: there are none.
    """
    path = Path(source)
    if path.is_dir():
        found = [str(file) for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()]
    elif path.is_file():
        found = [source]
    else:
        found = [name for name in glob.glob(source, recursive=True) if Path(name).is_file()]
    if not found:
        wanted = "a folder, a pattern, a .jsonl or a COCO .json file with pictures"
        raise DataError(f"{source}: expected {wanted}, found {'none in it' if path.is_dir() else 'nothing there'}")
    return sorted(found)


def _of_lines(path: Path, phrases: tuple[str, ...], images: Path) -> Iterator[Request]:
    row = 0
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            row += 1
            try:
                yield _request(json.loads(line), phrases, images, row)
            except (ValueError, RecursionError) as error:  # DataError is a ValueError; one bad line stops nothing
                yield Request(f"{path}:{number}", ("",), row, f"{path}:{number}: {error}")


def _request(values: Any, phrases: tuple[str, ...], images: Path, row: int) -> Request:
    if not isinstance(values, dict) or not isinstance(values.get("image"), str):
        raise DataError(f'expected an object with "image": "a.jpg", got {values!r:.60}')
    asked = values.get("phrases", list(phrases))
    if not isinstance(asked, list) or not asked or not all(isinstance(phrase, str) for phrase in asked):
        raise DataError(f'expected "phrases": a list of at least one phrase, got {asked!r:.60}')
    image_id = values.get("image_id", row)
    if type(image_id) is not int:
        raise DataError(f'expected "image_id" as a whole number, got {image_id!r:.60}')
    return Request(str(images / values["image"]), tuple(asked), image_id)
