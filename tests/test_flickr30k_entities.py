"""Flickr30k Entities: marked captions, boxes in XML."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deixis.data.flickr30k_entities import load_flickr30k_entities, read_boxes, read_phrases
from deixis.data.references import Counts
from deixis.errors import DataError

CAPTIONS = """\
[/EN#1/people Two men] with [/EN#2/clothing/other red caps] look at [/EN#0/notvisual it] in [/EN#3/scene a park] .
[/EN#1/people Friends] talk about [/EN#4/other the weather] .
"""


def chain(names: str, box: tuple[int, int, int, int] | None, scene: int = 0) -> str:
    inner = "".join(f"<name>{name}</name>" for name in names.split())
    if box is None:
        return f"<object>{inner}<scene>{scene}</scene><nobndbox>{1 - scene}</nobndbox></object>"
    sides = "".join(f"<{tag}>{side}</{tag}>" for tag, side in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object>{inner}<bndbox>{sides}</bndbox></object>"


def xml(*objects: str, size: str = "<width>6</width><height>4</height><depth>3</depth>") -> str:
    return f"<annotation><filename>8.jpg</filename><size>{size}</size>{''.join(objects)}</annotation>"


OBJECTS = (chain("1", (1, 1, 2, 4)), chain("1 2", (5, 1, 6, 1)), chain("3", None, scene=1), chain("4", None))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pictures in val, of which the second has no boxes, and one in test."""
    folder = tmp_path / "flickr30k_entities"
    for inner in ("Sentences", "Annotations", "flickr30k-images"):
        (folder / inner).mkdir(parents=True)
    (folder / "val.txt").write_text("8\n9\n")
    (folder / "test.txt").write_text("7\n")
    for picture, objects in (("8", OBJECTS), ("9", ()), ("7", OBJECTS)):
        (folder / "Sentences" / f"{picture}.txt").write_text(CAPTIONS)
        (folder / "Annotations" / f"{picture}.xml").write_text(xml(*objects))
        (folder / "flickr30k-images" / f"{picture}.jpg").touch()
    return tmp_path


def test_phrases_with_boxes_become_samples(root: Path) -> None:
    dataset = load_flickr30k_entities(root, "val")
    assert dataset.box_only and dataset.counts == Counts(refs=3, expressions=3, images=1)
    men, caps, friends = dataset
    assert [(row.sent_id, row.phrase) for row in dataset] == [(0, "Two men"), (1, "red caps"), (2, "Friends")]
    expected = np.zeros((4, 6), dtype=bool)
    expected[0, 4:] = True
    np.testing.assert_array_equal(caps.mask, expected)
    expected[:, :2] = True
    np.testing.assert_array_equal(men.mask, expected)
    assert men.mask is not caps.mask and friends.phrase == "Friends"
    np.testing.assert_array_equal(friends.mask, men.mask)
    assert caps.tags == {"kind": "human", "types": "clothing/other"}
    assert men.box_only and men.image == root / "flickr30k_entities" / "flickr30k-images" / "8.jpg"


def test_splits_count_their_expressions_on_their_own(root: Path) -> None:
    both = list(load_flickr30k_entities(root, "val+test"))
    assert [(row.split, row.sent_id) for row in both] == [(s, n) for s in ("val", "test") for n in range(3)]
    with pytest.raises(DataError, match="expected a split of train, val, test, got 'testA'"):
        load_flickr30k_entities(root, "testA")


def test_phrases_in_order_with_their_types(root: Path) -> None:
    found = read_phrases(root / "flickr30k_entities" / "Sentences" / "8.txt")
    assert found[:3] == [
        ("1", ("people",), "Two men"),
        ("2", ("clothing", "other"), "red caps"),
        ("0", ("notvisual",), "it"),
    ]
    assert len(found) == 6


def test_boxes_are_from_zero_and_exclusive_and_cut_at_the_edges(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(xml(chain("1", (0, 0, 3, 9)), chain("1", (2, 2, 2, 2))))
    assert read_boxes(path) == (4, 6, {"1": ((0.0, 0.0, 3.0, 4.0), (1.0, 1.0, 2.0, 2.0))})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected XML, it is damaged or incomplete"),
        (xml(*OBJECTS)[:-20], "expected XML, it is damaged or incomplete"),
        (xml(size="<width>6</width>"), "expected a whole number in <size/height>, got ''"),
        (xml(chain("", (1, 1, 2, 2))), "object 0: expected the chains that the object is of"),
        (
            xml(OBJECTS[0], chain("2", (5, 1, 4, 1))),
            r"object 1: expected a box in a picture of 4 x 6, got \[5, 1, 4, 1\]",
        ),
        (xml(chain("2", (7, 1, 9, 1))), "object 0: expected a box in a picture of 4 x 6"),
        (xml("<object><name>1</name><bndbox><xmin>x</xmin></bndbox></object>"), "object 0: .*<xmin>, got 'x'"),
    ],
)
def test_malformed_xml_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"a\.xml: {message}"):
        read_boxes(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE annotation SYSTEM "http://localhost/a.dtd">',
    ],
)
def test_entities_are_refused(tmp_path: Path, doctype: str, encoding: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(doctype + xml(chain("&a;", (1, 1, 2, 2))), encoding=encoding)
    with pytest.raises(DataError, match=r"a\.xml: expected XML without a document type, got one; do not trust it"):
        read_boxes(path)


def test_malformed_sentences_are_named(root: Path) -> None:
    path = root / "flickr30k_entities" / "Sentences" / "8.txt"
    for line in ("[/EN#1/people Two men", "[/EN#x/people Two men]", "[/EN#1 Two men]"):
        path.write_text(f"{CAPTIONS}{line}\n")
        with pytest.raises(DataError, match=r"8\.txt:3: expected phrases as \[/EN#chain/type words\]"):
            load_flickr30k_entities(root, "val")


def test_missing_files_and_bad_lists_are_named(root: Path) -> None:
    folder = root / "flickr30k_entities"
    with pytest.raises(DataError, match=r"train\.txt: expected a text file of Flickr30k Entities, found nothing"):
        load_flickr30k_entities(root, "train")
    for content, message in (
        ("8\n8\n", "expected every picture once"),
        ("8\n8.jpg\n", r"2: expected the id of a picture"),
    ):
        (folder / "val.txt").write_text(content)
        with pytest.raises(DataError, match=rf"val\.txt:.*{message}"):
            load_flickr30k_entities(root, "val")
    for name in ("Sentences/7.txt", "Annotations/7.xml"):
        (folder / name).unlink()
        with pytest.raises(DataError, match=rf"{name}: expected .* found nothing; unpack"):
            load_flickr30k_entities(root, "test")
