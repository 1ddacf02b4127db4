"""The bundled model gives the same answer whoever asks it, beside whatever, on however many threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deixis.batch import run_batch
from deixis.config import BatchConfig
from deixis.data.requests import find_requests
from deixis.segmenter import Segmenter
from deixis.types import Segmentation

PHOTOS = sorted((Path(__file__).resolve().parent.parent / "examples" / "photos").glob("*.jpg"))
PHRASES = ["woman in orange", "cat", "left cup", "the flag", "dog on the right"]
# docs/design.md states these: what sums in another order may do to probabilities, and the pixels that it may turn over.
TOLERANCE, PIXELS = 1e-5, 1e-4


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.load(threads=1)


def answers(segmenter: Segmenter, photo: Path, phrases: Sequence[str] = PHRASES) -> list[Segmentation]:
    return segmenter.segment_many(photo, phrases, presence=0)


def assert_alike(left: Segmentation, right: Segmentation) -> None:
    assert left.probability.max() > 0.1  # something to compare
    assert np.abs(left.probability - right.probability).max() <= TOLERANCE
    assert abs(left.score - right.score) <= TOLERANCE
    assert (left.mask != right.mask).mean() <= PIXELS


def assert_equal(left: Segmentation, right: Segmentation) -> None:
    assert left.score == right.score
    assert np.array_equal(left.probability, right.probability) and np.array_equal(left.mask, right.mask)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.stem)
def test_asking_again_gives_the_same_bits(segmenter: Segmenter, photo: Path) -> None:
    for first, second in zip(answers(segmenter, photo), answers(segmenter, photo), strict=True):
        assert_equal(first, second)


@pytest.mark.parametrize("threads", [2, 4])
def test_the_number_of_threads_changes_no_mask(segmenter: Segmenter, threads: int) -> None:
    other = Segmenter.load(threads=threads)
    for photo in PHOTOS:
        for one, many in zip(answers(segmenter, photo), answers(other, photo), strict=True):
            assert_alike(one, many)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.stem)
def test_phrases_do_not_change_each_other(segmenter: Segmenter, photo: Path) -> None:
    together = answers(segmenter, photo)
    for first, second in zip(together, reversed(answers(segmenter, photo, PHRASES[::-1])), strict=True):
        assert_equal(first, second)
    features = segmenter.encode_image(photo)
    for among in together:
        assert_alike(segmenter.segment(features, among.phrase, presence=0), among)


def test_photos_of_a_bulk_run_do_not_change_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in PHOTOS:
        picture = Image.open(photo)
        picture.resize((picture.width // 3, picture.height // 3)).save(folder / f"{photo.stem}.png")

    def run(source: Path, out: str, workers: int = 1) -> list[bytes]:
        run_batch(find_requests(str(source), PHRASES[:2]), tmp_path / out, BatchConfig(masks="png"), workers=workers)
        return [mask.read_bytes() for mask in sorted((tmp_path / out / "masks").rglob("*.png"))]

    together = run(folder, "one worker")
    assert together == run(folder, "three workers", 3) and len(set(together)) > len(PHOTOS)
    second = sorted(folder.iterdir())[1]
    assert run(second, "alone") == together[2:4]


def test_processes_write_the_same_bytes(tmp_path: Path) -> None:
    def ask(name: str) -> bytes:
        out = tmp_path / name
        command = [sys.executable, "-m", "deixis", "segment", str(PHOTOS[0]), PHRASES[0], "--output", str(out)]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": name[0]}, check=True, capture_output=True)
        return out.read_bytes()

    assert ask("1.png") == ask("2.png")
