"""``deixis segment`` on odd and bad pictures, phrases and places: a right answer or one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import Run, files, refused, size_of
from fakes import scene


def test_what_is_no_image_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture at all")
    refused(run("segment", tmp_path / "a.jpg", "red"), "a.jpg", "not an image")
    refused(run("segment", tmp_path / "none.jpg", "red"), "none.jpg", "nothing there")
    refused(run("segment", tmp_path, "red"), "a folder")
    assert files() == []


def test_a_truncated_jpeg_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    Image.fromarray(scene(80, 120, (0, 0, 60, 80))).save(path)
    path.write_bytes(path.read_bytes()[:-400])
    refused(run("segment", path, "red"), "cut.jpg", "damaged or incomplete")


def _sixteen_bit() -> Image.Image:
    return Image.fromarray(np.full((80, 120), 40000, dtype=np.uint16))


def _rotated() -> tuple[Image.Image, dict[str, Any]]:
    image = Image.fromarray(scene(80, 120, (0, 0, 60, 80)))
    exif = image.getexif()
    exif[0x0112] = 6
    return image, {"exif": exif}


RED = Image.fromarray(scene(80, 120, (0, 0, 60, 80)))
ODD_PICTURES: dict[str, tuple[Image.Image, dict[str, Any], tuple[int, int]]] = {
    "deep.png": (_sixteen_bit(), {}, (80, 120)),
    "grey.jpg": (RED.convert("L"), {}, (80, 120)),
    "bits.png": (RED.convert("1"), {}, (80, 120)),
    "palette.png": (RED.convert("P"), {}, (80, 120)),
    "palette.gif": (RED.convert("P"), {"transparency": 0}, (80, 120)),
    "alpha.png": (RED.convert("RGBA"), {}, (80, 120)),
    "grey-alpha.png": (RED.convert("LA"), {}, (80, 120)),
    "ink.jpg": (RED.convert("CMYK"), {}, (80, 120)),
    "turned.jpg": (*_rotated(), (120, 80)),
    "dot.png": (Image.new("RGB", (1, 1), "red"), {}, (1, 1)),
    "line.png": (Image.new("RGB", (1, 900), "red"), {}, (900, 1)),
}


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_are_answered_at_their_own_size(run: Run, tmp_path: Path, name: str) -> None:
    image, options, (height, width) = ODD_PICTURES[name]
    image.save(tmp_path / name, **options)
    outcome = run("segment", tmp_path / name, "red", "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    values = json.loads(outcome.out)
    assert (values["height"], values["width"]) == (height, width)
    assert run("segment", tmp_path / name, "red").code == 0
    assert size_of(f"{Path(name).stem}.red.png") == (width, height)


def test_a_turned_picture_is_seen_upright(run: Run, tmp_path: Path) -> None:
    image, options = _rotated()
    image.save(tmp_path / "turned.jpg", **options)
    x, y, width, height = json.loads(run("segment", tmp_path / "turned.jpg", "red", "-f", "json").out)["bbox"]
    assert (x, y) == (0, 0) and width == 80 and height == pytest.approx(60, abs=8)  # the left half is on top now


def test_a_huge_picture_is_answered(run: Run, tmp_path: Path) -> None:
    Image.new("1", (12000, 9000)).save(tmp_path / "huge.png")
    outcome = run("segment", tmp_path / "huge.png", "red", "--format", "json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["width"] == 12000


def test_a_picture_beyond_the_limit_is_refused(run: Run, tmp_path: Path) -> None:
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    refused(run("segment", tmp_path / "bomb.png", "red"), "bomb.png", "pixels")


@pytest.mark.parametrize("phrase", ["", "   ", "\t\n", "."])
def test_an_empty_phrase_is_refused(run: Run, picture: Path, phrase: str) -> None:
    refused(run("segment", picture, phrase), "only blanks")
    refused(run("segment", picture, "red", phrase), "only blanks")
    assert files() == []


@pytest.mark.parametrize(
    "phrase", ["qwertz uiop", "\U0001f415", "\u0643\u0644\u0628 \u0623\u062d\u0645\u0631", "zz " * 500]
)
def test_a_phrase_of_unknown_words_is_refused(run: Run, picture: Path, phrase: str) -> None:
    refused(run("segment", picture, phrase), "none of the words in", "is known")


@pytest.mark.parametrize("phrase", ["red " * 500, "\U0001f415 red", "\u0623\u062d\u0645\u0631 red", "red\x1b[31m\n\0"])
def test_odd_phrases_with_a_known_word_are_answered(run: Run, picture: Path, phrase: str) -> None:
    outcome = run("segment", picture, phrase)
    assert outcome.code == 0 and len(outcome.lines) == 1 and len(outcome.out) < 300
    assert len(files()) == 1 and len(files()[0]) < 100


def test_a_phrase_that_looks_like_an_option_follows_two_dashes(run: Run, picture: Path) -> None:
    assert run("segment", "--", picture, "-red").code == 0
    assert files() == ["photo.red.png"]


def test_a_place_that_cannot_be_written_is_refused(run: Run, picture: Path) -> None:
    Path("file").write_text("")
    refused(run("segment", picture, "red", "-o", "file/a.png"), "file/a.png", "cannot be written")
    Path("folder.json").mkdir()
    refused(run("segment", picture, "red", "-f", "json", "-o", "folder.json"), "folder.json", "found a folder")
