"""Flickr30k Entities (Plummer et al. 2017, https://github.com/BryanPlummer/flickr30k_entities).

    root/flickr30k_entities/val.txt                         ids of the split's pictures, one a line; also train, test
    root/flickr30k_entities/Sentences/36979.txt             one caption a line: [/EN#42/people A woman] waves .
    root/flickr30k_entities/Annotations/36979.xml           boxes by chain, several of a chain, or scene or nobndbox
    root/flickr30k_entities/flickr30k-images/36979.jpg      the pictures, also images/

There are boxes and no masks. A phrase is an expression when its chain has a box: those of the whole scene, of what is
not to be seen, and of no chain ("notvisual") name nothing that could be pointed at, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

from deixis.data.records import at, check_size, check_splits
from deixis.data.references import HUMAN, ExpressionDataset, Reference, by_picture
from deixis.data.splits import split_names
from deixis.errors import DataError
from deixis.masks import fill_boxes
from deixis.types import BoolMask, Box

NAME = "flickr30k_entities"
_PHRASE = re.compile(r"\[/EN#([0-9]+)((?:/[^/\s\]]+)+) ([^\[\]]*)\]")
_Target = tuple[int, int, tuple[Box, ...]]  # height and width of the picture, boxes of a chain


def load_flickr30k_entities(root: Path, split: str) -> ExpressionDataset:
    """Read one split; ``sent_id`` counts its expressions from 0, in the order of the list, the captions and the words.

    The mask is the union of all boxes of the phrase's chain. Types of the phrase are in ``tags["types"]``.

    Args:
        root: see above.
        split: "train", "val" or "test"; several joined by plus signs are taken together.

    Raises:
        DataError: a file is missing or malformed; names file and line.
    """
    folder = root / NAME
    names = check_splits(folder, split, split_names(NAME))
    return ExpressionDataset(
        name=NAME,
        split=split,
        source=folder / f"{names[0]}.txt",
        folders=(folder / "flickr30k-images", folder / "images"),
        pictures=by_picture(folder, (row for name in names for row in _references(folder, name))),
        decode=_filled,
        box_only=True,
    )


def _references(folder: Path, split: str) -> Iterator[tuple[int, str, Reference]]:
    number = 0
    for picture in _ids(folder / f"{split}.txt"):
        height, width, boxes = read_boxes(folder / "Annotations" / f"{picture}.xml")
        for chain, types, phrase in read_phrases(folder / "Sentences" / f"{picture}.txt"):
            if chain in boxes:
                target: _Target = (height, width, boxes[chain])
                tags = {**HUMAN, "types": "/".join(types)}
                yield int(picture), f"{picture}.jpg", Reference(split, ((number, phrase),), target, tags=tags)
                number += 1


def _ids(path: Path) -> list[str]:
    ids = _text(path).split()
    for number, line in enumerate(ids, 1):
        if not re.fullmatch("[0-9]+", line):
            raise DataError(f"{path}:{number}: expected the id of a picture, got {line!r:.60}; fetch it again")
    if len(set(ids)) < len(ids):
        raise DataError(f"{path}: expected every picture once, got one a second time; fetch it again")
    return ids


def read_phrases(path: Path) -> list[tuple[str, tuple[str, ...], str]]:
    """Chain id, types and words of every marked phrase of a picture's captions, in order.

    Raises:
        DataError: the file is missing, or a bracket is not of the form [/EN#chain/type words]; names the line.
    """
    found = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        marked = _PHRASE.findall(line)
        if line.count("[/EN#") != len(marked):
            raise DataError(
                f"{path}:{number}: expected phrases as [/EN#chain/type words], got {line!r:.100}; fetch it again"
            )
        found += [(chain, tuple(types.strip("/").split("/")), words.strip()) for chain, types, words in marked]
    return found


def read_boxes(path: Path) -> tuple[int, int, dict[str, tuple[Box, ...]]]:
    """Height and width of a picture, and the boxes (x0, y0, x1, y1) of each chain that has some, in pixels.

    The file counts pixels from 1 and includes the last one; boxes are cut at the picture's edges.

    Raises:
        DataError: missing, no XML, with a document type or entities (refused unread), or of another structure.
    """
    tree = _parse(path)
    boxes: dict[str, list[Box]] = {}
    with at(path):
        height, width = check_size(_number(tree, "size/height"), _number(tree, "size/width"))
    for index, item in enumerate(tree.findall("object")):
        with at(f"{path}: object {index}"):
            names = [name.text or "" for name in item.findall("name")]
            if not names:
                raise DataError("expected the chains that the object is of in <name>, got none; fetch it again")
            box = item.find("bndbox")
            if box is None:
                continue
            left, top, right, bottom = (_number(box, side) for side in ("xmin", "ymin", "xmax", "ymax"))
            inside = (
                float(max(left - 1, 0)),
                float(max(top - 1, 0)),
                float(min(right, width)),
                float(min(bottom, height)),
            )
            if inside[0] >= inside[2] or inside[1] >= inside[3]:
                raise DataError(f"expected a box in a picture of {height} x {width}, got {[left, top, right, bottom]}")
        for name in names:
            boxes.setdefault(name, []).append(inside)
    return height, width, {chain: tuple(several) for chain, several in boxes.items()}


def _filled(image_id: int, target: _Target) -> BoolMask:
    height, width, boxes = target
    return fill_boxes(boxes, height, width)


def _number(element: ElementTree.Element, name: str) -> int:
    text = (element.findtext(name) or "").strip()
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise DataError(f"expected a whole number in <{name}>, got {text!r:.60}; fetch it again")
    return int(text)


def _text(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"{path}: expected a text file of Flickr30k Entities, found nothing; unpack the release there")
    return path.read_text("utf-8", errors="replace")


def _parse(path: Path) -> ElementTree.Element:
    """The tree of an XML file that declares no document type, so no entities, which could fill the memory."""
    if not path.is_file():
        raise DataError(f"{path}: expected the boxes of a picture, found nothing; unpack annotations.zip there")
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise DataError(f"{path}: expected XML, it is damaged or incomplete ({error}); fetch it again") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return builder.close()


def _refuse(*declaration: object) -> NoReturn:
    raise DataError("expected XML without a document type, got one; do not trust it")
