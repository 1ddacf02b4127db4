"""Pictures to look at: bounded, and the same picture as the whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import Run, size_of
from deixis import view
from deixis.batch import run_batch
from deixis.config import BatchConfig
from deixis.data.requests import find_requests
from deixis.image import MAX_PIXELS, open_image, open_photo
from deixis.panels import ask
from deixis.view import VIEW_SIDE, for_view, open_view, view_size
from fakes import colour_segmenter, scene

BOX = (0, 0, 150, 200)  # the left half of a picture of 200 x 300
SHAPE = (43, 64)  # its view, where that has 64 pixels


@pytest.fixture
def small_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "VIEW_SIDE", 64)


@pytest.fixture(params=["png", "jpg"])
def large(request: pytest.FixtureRequest, tmp_path: Path, small_views: None) -> Path:
    """A picture larger than a view."""
    path = tmp_path / f"large.{request.param}"
    Image.fromarray(scene(200, 300, BOX)).save(path)
    return path


def shrunk(mask: np.ndarray) -> np.ndarray:
    """The mask at the view's size."""
    return np.array(Image.fromarray(mask).resize(SHAPE[::-1], Image.Resampling.NEAREST))


def reddened(path: Path) -> np.ndarray:
    """Where a drawing of the picture of ``BOX`` is not black."""
    return open_image(path).max(axis=2) > 60


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((9000, 12_000), (3072, 4096)),
        ((12_000, 9000), (4096, 3072)),
        ((4096, 4096), (4096, 4096)),
        ((4097, 100), (4096, 100)),
        ((1, MAX_PIXELS), (1, 4096)),
        ((3, 5), (3, 5)),
    ],
)
def test_a_view_is_bounded_and_keeps_its_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert view_size(*size) == expected and max(expected) <= VIEW_SIDE


def test_a_view_of_a_small_picture_is_that_picture(tmp_path: Path) -> None:
    Image.fromarray(scene(200, 300, BOX)).save(tmp_path / "a.jpg")
    whole = open_image(tmp_path / "a.jpg")
    np.testing.assert_array_equal(open_view(tmp_path / "a.jpg"), whole)
    reduced = open_photo(tmp_path / "a.jpg", 20)
    assert reduced.pixels.shape < whole.shape, "which is of no use here"
    np.testing.assert_array_equal(open_view(tmp_path / "a.jpg", reduced), whole)
    features = colour_segmenter().encode_image(reduced)
    assert (for_view(features).height, for_view(features).width) == (200, 300)


def test_a_picture_that_is_open_is_not_decoded_again(tmp_path: Path, small_views: None) -> None:
    pixels = scene(200, 300, BOX)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photo = open_photo(tmp_path / "a.png", 64)
    (tmp_path / "a.png").unlink()
    seen = open_view(tmp_path / "a.png", photo)
    assert seen.shape == (*SHAPE, 3) and seen.flags.writeable
    np.testing.assert_array_equal(photo.pixels, pixels)
    np.testing.assert_array_equal(seen[..., 0] > 127, shrunk(pixels[..., 0] > 0))


def test_a_large_overlay_is_a_view_and_says_so(run: Run, large: Path) -> None:
    outcome = run("segment", large, "red", "-o", "drawn.png")
    assert outcome.code == 0 and size_of("drawn.png") == (64, 43)
    assert "has 300 x 200 pixels and is drawn with 64 x 43; --format mask" in outcome.err
    mask = shrunk(colour_segmenter().segment(large, "red").mask)
    assert (reddened(Path("drawn.png")) == mask).mean() > 0.95
    assert 0.4 < mask.mean() < 0.6
    share = float(outcome.out.split()[1])
    assert share == pytest.approx(100 * mask.mean(), abs=2)
    for_all = run("segment", large, "red", "-f", "mask", "-o", "mask.png")
    assert (for_all.err, size_of("mask.png")) == ("", (300, 200))
    np.testing.assert_array_equal(np.array(Image.open("mask.png")) > 0, colour_segmenter().segment(large, "red").mask)


def test_reasons_of_a_large_picture_are_those_of_a_view(run: Run, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def why(image: np.ndarray, answer: object) -> np.ndarray:
        seen.append((image.shape, answer.mask.shape, answer.terms["p1"].shape))  # type: ignore[attr-defined]
        return image

    monkeypatch.setattr("deixis.report.why.why", why)
    assert run("explain", large, "red").code == 0
    assert seen == [((*SHAPE, 3), SHAPE, SHAPE)]


def test_a_panel_of_a_large_picture_is_a_view(large: Path) -> None:
    panel = ask(colour_segmenter(), [large], ["red"])[0]
    assert panel.image.shape == (*SHAPE, 3) and panel.answer.mask.shape == SHAPE


def test_a_bulk_run_draws_views_and_keeps_whole_masks(run: Run, large: Path, tmp_path: Path) -> None:
    asked = tmp_path / "list.jsonl"
    asked.write_text(json.dumps({"image": str(large), "phrases": ["red", "qwertz"]}))
    run_batch(find_requests(str(asked), [], None), tmp_path / "out", BatchConfig(overlays=True))
    (mask,), (drawn,) = ((tmp_path / "out" / name).rglob("*.*g") for name in ("masks", "overlays"))
    assert (size_of(mask), size_of(drawn)) == ((300, 200), (64, 43))
    whole = np.array(Image.open(mask)) > 0
    np.testing.assert_array_equal(whole, colour_segmenter().segment(large, "red").mask)
    assert (reddened(drawn) == shrunk(whole)).mean() > 0.95
