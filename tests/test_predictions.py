"""A system's masks: the three forms that are read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as npst
from PIL import Image

from deixis.data.predictions import read_predictions
from deixis.errors import DataError
from deixis.masks import encode_rle
from deixis.types import BoolMask


@given(mask=npst.arrays(bool, (5, 7)))
def test_the_three_forms_are_one(tmp_path_factory: pytest.TempPathFactory, mask: BoolMask) -> None:
    folder = tmp_path_factory.mktemp("masks")
    Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "42.png")
    row = {"sent_id": 42, "segmentation": encode_rle(mask)}
    (folder / "a.json").write_text(json.dumps([row | {"score": 0.5}]))
    (folder / "a.jsonl").write_text(json.dumps(row) + "\n\n")
    for path in (folder, folder / "a.json", folder / "a.jsonl"):
        found = read_predictions(path)
        assert list(found) == [42] and found[42].size == (5, 7)
        assert np.array_equal(found[42].read(), mask)


def test_palette_and_one_bit_masks_are_read(tmp_path: Path) -> None:
    mask = np.array([[False, True, True, False]])
    palette = Image.fromarray(mask.astype(np.uint8), "L").convert("P")
    palette.save(tmp_path / "1.png")
    Image.fromarray(mask).save(tmp_path / "2.png")
    assert all(np.array_equal(found.read(), mask) for found in read_predictions(tmp_path).values())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{}", "expected a list of results"),
        ("a.json", '[{"sent_id": true, "segmentation": {}}]', "row 0: expected an object with a whole number"),
        ("a.json", '[{"sent_id": 1, "segmentation": [[0, 0, 1, 0, 1, 1]]}]', "row 0.*polygons and boxes"),
        ("a.json", '[{"sent_id": 1, "segmentation": {"size": [5], "counts": ""}}]', "row 0.*as RLE"),
        ("a.json", '[{"sent_id": 1, "segmentation": {"size": [5, 0], "counts": ""}}]', "row 0.*as RLE"),
        ("a.json", '[{"sent_id": 1, "segmentation": {"size": [5, true], "counts": ""}}]', "row 0.*as RLE"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: expected an object"),
        ("a.jsonl", "\n{oops\n", "a.jsonl:2: expected one JSON object a line"),
        ("a.txt", "", "a .json or a .jsonl file, got 'a.txt'"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=words):
        read_predictions(tmp_path / name)


def test_malformed_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found nothing there"):
        read_predictions(tmp_path / "nowhere")
    (tmp_path / "5.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="expected a PNG file that can be read"):
        read_predictions(tmp_path)
    Image.new("L", (3, 1)).save(tmp_path / "5.png", "JPEG")
    with pytest.raises(DataError, match="expected a PNG file that can be read"):
        read_predictions(tmp_path)
    Image.fromarray(np.array([[0, 100, 200]], dtype=np.uint8)).save(tmp_path / "5.png")
    with pytest.raises(DataError, match="finished mask of 0 and one other value, got 3"):
        read_predictions(tmp_path)[5].read()
    Image.new("RGB", (3, 1)).save(tmp_path / "5.png")
    with pytest.raises(DataError, match="got mode RGB"):
        read_predictions(tmp_path)[5].read()
    Image.new("L", (3, 1)).save(tmp_path / "05.png")
    with pytest.raises(DataError, match="5 a second time"):
        read_predictions(tmp_path)
    Image.new("L", (3, 1)).save(tmp_path / "dog.png")
    (tmp_path / "05.png").unlink()
    with pytest.raises(DataError, match="a name that is a sent_id"):
        read_predictions(tmp_path)


def test_a_truncated_png_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (200, 200), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "5.png")
    content = (tmp_path / "5.png").read_bytes()
    (tmp_path / "5.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="damaged or incomplete"):
        read_predictions(tmp_path)[5].read()
