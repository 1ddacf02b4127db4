"""``deixis segment`` on ordinary input, and the names of what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import Run, files, refused, size_of
from deixis import masks
from deixis.cli.console import shorten
from deixis.cli.outputs import result_paths
from deixis.segmenter import Segmenter
from deixis.text import MAX_SLUG, slug
from fakes import colour_segmenter, scene


# --- segment ----------------------------------------------------------------------------------------------------------
def test_a_phrase_gives_a_picture_and_a_line(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "red")
    assert (outcome.code, outcome.err) == (0, "")
    assert files() == ["photo.red.png"]
    path, share, _, _, score, milliseconds, _, phrase = outcome.out.split()
    assert (path, phrase) == ("photo.red.png", "red")
    assert float(share) == pytest.approx(50, abs=7) and float(score) == pytest.approx(1) and float(milliseconds) > 0
    drawn = np.array(Image.open("photo.red.png"))
    assert drawn.shape == (80, 120, 3)
    assert drawn[40, 20].tolist() != [255, 0, 0] and drawn[40, 100].tolist() == [0, 0, 0]


def test_several_phrases_give_several_pictures(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "red", "Red!", "green / red", "red")
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.lines] == [
        "photo.red.png",
        "photo.red-2.png",
        "photo.green-red.png",
        "photo.red-3.png",
    ]
    assert len(files()) == 4


def test_several_phrases_in_one_overlay_have_several_colours(run: Run, tmp_path: Path) -> None:
    image = scene(64, 64, (0, 0, 32, 64)) + scene(64, 64, (32, 0, 64, 64), "green")
    Image.fromarray(image).save(tmp_path / "two.png")
    outcome = run("segment", tmp_path / "two.png", "red", "green", "--output", "out/both.png")
    assert outcome.code == 0 and files() == ["out/both.png"]
    assert [line.split()[0] for line in outcome.lines] == ["out/both.png"] * 2
    drawn = np.array(Image.open("out/both.png"))
    plain = np.abs(drawn.astype(int) - image)
    assert plain[32, 16].any() and plain[32, 48].any()


def test_a_mask_is_black_and_white(run: Run, picture: Path) -> None:
    assert run("segment", picture, "red", "--format", "mask", "--output", "m.png").code == 0
    mask = np.array(Image.open("m.png"))
    assert mask.shape == (80, 120)
    np.testing.assert_array_equal(mask == 255, colour_segmenter().segment(picture, "red").mask)
    assert set(np.unique(mask)) == {0, 255}


def test_several_masks_go_into_a_folder(run: Run, picture: Path) -> None:
    refused(run("segment", picture, "red", "green", "-f", "mask", "-o", "m.png"), "m.png", "folder", "2 phrases")
    assert files() == []
    assert run("segment", picture, "red", "green", "-f", "mask", "-o", "masks").code == 0
    assert files() == ["masks/photo.green.png", "masks/photo.red.png"]
    Path("there.d").mkdir()
    assert run("segment", picture, "red", "-o", "there.d").code == 0
    assert "there.d/photo.red.png" in files()


def test_words_taken_for_others_or_left_out_are_told(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "grene qwertz red", "redthing, qwertz qwertz!", "red thing")
    assert outcome.code == 0 and len(outcome.lines) == 3
    assert outcome.err.splitlines() == [
        "deixis: 'grene' was taken for 'green'",
        "deixis: not known and left out: qwertz",
        "deixis: 'redthing' was taken for 'red thing'",
        "deixis: not known and left out: qwertz qwertz",
    ]


def test_what_is_not_there_is_not_marked(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "red", "green", "--presence", "0.5", "--threshold", "0", "-f", "json")
    red, green = map(json.loads, outcome.lines)
    assert (red["share"], green["share"], green["bbox"]) == (1, 0, [0, 0, 0, 0])
    assert outcome.err.startswith("deixis: 'green': no such thing seen (score 0.00 is below 0.5); --presence 0 marks")
    assert outcome.err.count("\n") == 1
    plain = run("segment", picture, "green", "--threshold", "0", "-f", "json")
    assert (json.loads(plain.out)["share"], plain.err) == (1, "")


@pytest.mark.parametrize(("format", "name"), [("overlay", "a.xyz"), ("mask", "a.jpg"), ("overlay", "a.deixis")])
def test_a_name_that_is_no_picture_is_refused(run: Run, picture: Path, format: str, name: str) -> None:
    refused(run("segment", picture, "red", "--format", format, "--output", name), name, "ends in .png")
    assert files() == []


@pytest.mark.parametrize("name", ["a.jpg", "a.WEBP", "a.bmp", "a.tif"])
def test_other_picture_formats(run: Run, picture: Path, name: str) -> None:
    assert run("segment", picture, "red", "--output", name).code == 0
    assert size_of(name) == (120, 80)


def test_rle_is_printed_as_json_lines(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "red", "green", "--format", "rle")
    red, green = (masks.decode(json.loads(line), 80, 120) for line in outcome.lines)
    np.testing.assert_array_equal(red, colour_segmenter().segment(picture, "red").mask)
    assert not green.any() and files() == []


def test_json_says_everything(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "red", "blue", "--format", "json")
    red, blue = (json.loads(line) for line in outcome.lines)
    mask = masks.decode(red["segmentation"], 80, 120)
    assert list(red) == ["image", "height", "width", "phrase", "score", "share", "bbox", "segmentation"]
    assert (red["image"], red["height"], red["width"], red["phrase"]) == (str(picture), 80, 120, "red")
    x, y, width, height = red["bbox"]
    assert masks.bounding_box(mask) == (x, y, x + width, y + height)
    assert red["share"] == pytest.approx(mask.mean(), abs=1e-6) and 0 <= red["score"] <= 1
    assert (blue["share"], blue["bbox"]) == (0, [0, 0, 0, 0])


def test_json_into_a_file_leaves_the_numbers_on_the_screen(run: Run, picture: Path) -> None:
    outcome = run("segment", picture, "red", "--format", "json", "--output", "r.jsonl")
    assert outcome.out.startswith("r.jsonl  ")
    assert json.loads(Path("r.jsonl").read_text())["phrase"] == "red"


def test_the_threshold_is_passed_on(run: Run, picture: Path) -> None:
    shares = [
        json.loads(run("segment", picture, "red", "-f", "json", "--threshold", value).out)["share"]
        for value in ("0", "0.1", "0.9")
    ]
    assert 1 == shares[0] > shares[1] > shares[2] > 0
    refused(run("segment", picture, "red", "--threshold", "1.5"), "threshold between 0 and 1, got 1.5")


def test_what_runs_the_model_is_passed_on(run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load(path: Any, *, vectors: Any, threads: int, device: str) -> Segmenter:
        calls.append((path, vectors, threads, device))
        return colour_segmenter()

    monkeypatch.setattr(Segmenter, "load", load)
    run("segment", picture, "red", "--model", "m.deixis", "--vectors", "v", "--threads", "2", "--device", "auto")
    run("segment", picture, "red")
    assert calls == [(Path("m.deixis"), Path("v"), 2, "auto"), (None, None, 0, "cpu")]


def test_an_old_result_is_replaced_in_one_step(run: Run, picture: Path) -> None:
    Path("photo.red.png").write_text("old")
    assert run("segment", picture, "red").code == 0
    assert files() == ["photo.red.png"] and size_of("photo.red.png") == (120, 80)


# --- names ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("left dog", "left-dog"),
        ("../../etc/passwd", "etc-passwd"),
        ("  The Man, in RED!  ", "the-man-in-red"),
        ("na\u00efve caf\u00e9", "naive-cafe"),
        ("\U0001f415", "phrase"),
        ("\u0643\u0644\u0628", "phrase"),
        ("CON", "con"),
        ("a\0b\nc", "a-b-c"),
        ("word " * 500, ("word-" * 12)[:MAX_SLUG].strip("-")),
    ],
)
def test_slugs(phrase: str, expected: str) -> None:
    assert slug(phrase) == expected


def test_result_names_are_different_and_short() -> None:
    paths = result_paths(Path("d"), Path("x" * 250 + ".jpg"), ["dog", "dog 2", "dog", "DOG", "word " * 500])
    assert len(set(paths)) == 5
    assert all(path.parent == Path("d") and len(path.name.encode()) < 200 for path in paths)
    (path,) = result_paths(Path(), Path("\U0001f415" * 60 + ".jpg"), ["dog"])
    assert len(path.name.encode()) < 200 and path.name.endswith(".dog.png")


def test_short_phrases() -> None:
    assert shorten(" left\n dog ") == "left dog"
    assert shorten("\x1b[31mred") == "?[31mred"
    assert len(shorten("word " * 500)) == 60
