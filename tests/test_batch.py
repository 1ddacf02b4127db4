"""Bulk runs: what they write, what they survive (a real SIGKILL), what they refuse."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import Run, refused
from deixis import batch, masks
from deixis.batch import AHEAD, run_batch
from deixis.config import BatchConfig
from deixis.data.predictions import read_predictions
from deixis.data.requests import Request, Requests, find_requests
from deixis.errors import ConfigError, DataError, InputError, MissingExtra, PhraseError
from deixis.files import folder_lock
from deixis.segmenter import Segmenter
from fakes import ColourBackend, colour_segmenter, scene

TESTS = Path(__file__).parent
PHRASES = ["red", "green thing"]
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)]),
}
# The command line in a process of its own, with the segmenter that knows colours, a little slower than it is.
SLOW_BATCH = """
import time
from deixis.cli import main
from deixis.segmenter import Segmenter
from fakes import ColourBackend, colour_segmenter
encode = ColourBackend.encode
ColourBackend.encode = lambda self, images: (time.sleep(0.004), encode(self, images))[1]
Segmenter.load = lambda *args, **kwargs: colour_segmenter()
main()
"""


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Segmenter, "load", lambda *args, **kwargs: colour_segmenter())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty pictures, one of them broken."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(30):
        colour = ("red", "green")[index % 2]
        Image.fromarray(scene(40, 50, (index % 20, 4, 45, 36), colour)).save(folder / f"{index:02d}.png")
    (folder / "07.png").write_bytes(b"not a picture")
    return folder


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def ask(photos: Path, out: Path, config: BatchConfig | None = None, **options: Any) -> batch.BatchSummary:
    return run_batch(find_requests(str(photos), PHRASES), out, config, **options)


# --- what is written ---------------------------------------------------------------------------------------------


def test_a_line_and_a_mask_for_each_photo_and_phrase(photos: Path, tmp_path: Path) -> None:
    summary = ask(photos, tmp_path / "out")
    assert (summary.photos, summary.phrases, summary.failures, summary.asked) == (30, 60, 2, 30)
    found = lines(tmp_path / "out")
    assert [row["phrase"] for row in found] == PHRASES * 30
    assert [row["image"] for row in found[::2]] == sorted(str(path) for path in photos.iterdir())
    for row in found:
        if "error" in row:
            continue
        expected = colour_segmenter().segment(row["image"], row["phrase"])
        with Image.open(tmp_path / "out" / row["mask"]) as image:
            np.testing.assert_array_equal(np.asarray(image) > 0, expected.mask)
        assert row["area"] == expected.mask.sum() and row["score"] == pytest.approx(expected.score, abs=1e-4)
        assert (row["height"], row["width"]) == expected.mask.shape


def test_a_bad_photo_is_recorded_and_stops_nothing(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "out")
    bad = [row for row in lines(tmp_path / "out") if "error" in row]
    assert [row["phrase"] for row in bad] == PHRASES
    assert all("07.png: not an image" in row["error"] and "mask" not in row for row in bad)


def test_a_bad_phrase_or_line_is_recorded_and_stops_nothing(photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "list.jsonl"
    good, odd = {"image": "01.png", "phrases": ["red"]}, {"image": "00.png", "phrases": ["red", "qwertz", ""]}
    rows = [odd, {"image": 5}, good]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = run_batch(find_requests(str(source), [], photos), tmp_path / "out")
    assert (summary.photos, summary.phrases, summary.failures) == (3, 5, 3)
    errors = [row.get("error", "") for row in lines(tmp_path / "out")]
    assert [bool(error) for error in errors] == [False, True, True, True, False]
    assert "none of the words" in errors[1] and "only blanks" in errors[2] and "list.jsonl:2" in errors[3]


def test_a_photo_too_large_for_the_memory_is_recorded(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = batch.open_photo

    def tight(image: Any, side: int) -> Any:
        if str(image).endswith("05.png"):
            raise MemoryError
        return real(image, side)

    monkeypatch.setattr(batch, "open_photo", tight)
    assert ask(photos, tmp_path / "out").failures == 4
    assert "not enough memory" in lines(tmp_path / "out")[10]["error"]


def test_rle_gives_coco_results(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "out", BatchConfig(masks="rle"))
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(results) == 58 and not (tmp_path / "out" / "masks").exists()
    for result in results:
        assert result["category_id"] == PHRASES.index(result["phrase"]) + 1
        image = photos / f"{result['image_id'] - 1:02d}.png"
        expected = colour_segmenter().segment(image, result["phrase"]).mask
        np.testing.assert_array_equal(masks.decode(result["segmentation"], *expected.shape), expected)


def test_overlays_and_no_masks(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "out", BatchConfig(masks="none", overlays=True))
    assert {path.suffix for path in (tmp_path / "out" / "overlays").rglob("*.*")} == {".jpg"}
    assert len(list((tmp_path / "out" / "overlays").rglob("*.jpg"))) == 58
    assert not (tmp_path / "out" / "masks").exists() and "mask" not in lines(tmp_path / "out")[0]


def test_the_masks_can_be_scored(photos: Path, tmp_path: Path) -> None:
    """``deixis score`` reads such PNG files."""
    ask(photos, tmp_path / "out")
    mask = tmp_path / "out" / lines(tmp_path / "out")[0]["mask"]
    (tmp_path / "scored").mkdir()
    mask.rename(tmp_path / "scored" / "1.png")
    assert read_predictions(tmp_path / "scored")[1].read().any()


def test_bytes_do_not_depend_on_the_workers(photos: Path, tmp_path: Path) -> None:
    for workers in (1, 2, 5):
        ask(photos, tmp_path / str(workers), BatchConfig(overlays=True), workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(tmp_path / "5")


def test_only_a_few_photos_are_held(photos: Path, tmp_path: Path) -> None:
    taken = done = 0

    def start() -> Iterator[Request]:
        nonlocal taken
        for index in range(300):
            taken += 1
            assert taken - done <= AHEAD * 2 + 1
            yield Request(str(photos / "00.png"), ("red",), index)

    def report(photos: int) -> None:
        nonlocal done
        done = photos

    summary = run_batch(Requests((), 300, start), tmp_path / "out", BatchConfig(masks="none"), workers=2, report=report)
    assert (summary.photos, done, taken) == (300, 300, 300)


# --- going on ----------------------------------------------------------------------------------------------------


def slow_batch(photos: Path, out: Path) -> subprocess.Popen[str]:
    phrases = [part for phrase in PHRASES for part in ("--phrase", phrase)]
    return subprocess.Popen(
        [sys.executable, "-c", SLOW_BATCH, "batch", str(photos), *phrases, "--out", str(out), "--overlays"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def kill_after(process: subprocess.Popen[str], manifest: Path, count: int) -> None:
    """Kill a process when its manifest has so many lines."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if manifest.exists() and manifest.read_bytes().count(b"\n") >= count:
            break
        time.sleep(0.002)
    process.kill()
    _, error = process.communicate()
    assert process.returncode == -signal.SIGKILL, error


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_three_times_it_writes_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "whole", BatchConfig(overlays=True))
    out = tmp_path / "killed"
    for count in (3, 16, 37):
        kill_after(slow_batch(photos, out), out / "manifest.jsonl", count)
        assert len((out / "manifest.jsonl").read_bytes().splitlines()) < 60
    (out / "masks" / "0000" / ".0000020.1.red.99-abcd.tmp.png").write_bytes(b"half a file")
    last = slow_batch(photos, out)
    output, error = last.communicate(timeout=60)
    assert last.returncode == 0, error
    assert "30 photos" in output and "(30 now)" not in output
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_any_file_name_can_be_written_and_found_again(photos: Path, tmp_path: Path) -> None:
    for index, name in enumerate((b"\xff\xfe.png", "gr\u00fcn \u2028 \U0001f415.png".encode(), b"a\nb.png")):
        (photos / f"{index:02d}.png").rename(photos / os.fsdecode(name))
    assert ask(photos, tmp_path / "out").failures == 2
    assert ask(photos, tmp_path / "out").asked == 0


@pytest.mark.parametrize("kept", [0, 1, 150, 700, 2500, -1, -40])
def test_a_torn_manifest_is_mended(photos: Path, tmp_path: Path, kept: int) -> None:
    ask(photos, tmp_path / "out")
    expected = contents(tmp_path / "out")
    path = tmp_path / "out" / "manifest.jsonl"
    path.write_bytes(path.read_bytes()[:kept])
    summary = ask(photos, tmp_path / "out")
    assert summary.asked > 0 and summary.failures == 2
    assert contents(tmp_path / "out") == expected


def test_blocks_that_a_power_failure_emptied_are_done_again(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "out")
    expected = contents(tmp_path / "out")
    path = tmp_path / "out" / "manifest.jsonl"
    data = bytearray(path.read_bytes())
    data[1000:2000] = bytes(1000)
    path.write_bytes(data)
    ask(photos, tmp_path / "out")
    assert contents(tmp_path / "out") == expected


def test_a_finished_run_asks_nothing(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(photos, tmp_path / "out")
    backend = ColourBackend()
    monkeypatch.setattr(Segmenter, "load", lambda *args, **kwargs: colour_segmenter(backend))
    assert ask(photos, tmp_path / "out").asked == 0
    assert backend.encoded == 1  # the blank picture on which the phrases are tried


def test_a_full_disk_stops_the_run_and_is_no_failure_of_a_photo(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = (ask(photos, tmp_path / "whole"), contents(tmp_path / "whole"))[1]
    real, written = batch.atomic_write, 0

    def full(path: Path) -> Any:
        nonlocal written
        written += 1
        if written > 20:
            raise DataError(f"{path}: cannot be written (No space left on device)")
        return real(path)

    monkeypatch.setattr(batch, "atomic_write", full)
    with pytest.raises(DataError, match="No space left"):
        ask(photos, tmp_path / "out")
    monkeypatch.setattr(batch, "atomic_write", real)
    ask(photos, tmp_path / "out")
    assert contents(tmp_path / "out") == expected


# --- what is refused ---------------------------------------------------------------------------------------------


def test_other_settings_are_refused(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "out")
    before = contents(tmp_path / "out")
    for config in (BatchConfig(threshold=0.4), BatchConfig(masks="rle"), BatchConfig(overlays=True)):
        with pytest.raises(DataError, match=r"settings\.json: this folder's run was begun with"):
            ask(photos, tmp_path / "out", config)
    with pytest.raises(DataError, match="begun with phrases"):
        run_batch(find_requests(str(photos), ["red"]), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_another_model_is_refused(photos: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.deixis").write_text(name)
    ask(photos, tmp_path / "out", model=batch.Model(tmp_path / "a.deixis"))
    with pytest.raises(DataError, match="begun with model"):
        ask(photos, tmp_path / "out", model=batch.Model(tmp_path / "b.deixis"))


def test_another_input_is_refused(photos: Path, tmp_path: Path) -> None:
    ask(photos, tmp_path / "out")
    (photos / "29.png").unlink()
    with pytest.raises(DataError, match="the input has lost photos"):
        ask(photos, tmp_path / "out")
    (photos / "03.png").unlink()
    with pytest.raises(DataError, match=r"manifest\.jsonl:7: expected the line of .*04\.png.*the input has changed"):
        ask(photos, tmp_path / "out")


def test_two_runs_exclude_each_other(photos: Path, tmp_path: Path) -> None:
    with folder_lock(tmp_path / "out", "x", "y"), pytest.raises(InputError, match="another batch run is at work"):
        ask(photos, tmp_path / "out")


def test_bad_settings_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(PhraseError, match="'qwertz'"):
        run_batch(find_requests(str(photos), ["red", "qwertz"]), tmp_path / "out")
    with pytest.raises(InputError, match="engine: expected one of local, ray"):
        ask(photos, tmp_path / "out", engine="spark")
    assert not (tmp_path / "out").exists()
    for values in ({"masks": "svg"}, {"threshold": 1.5}):
        with pytest.raises(ConfigError, match="expected"):
            BatchConfig(**values)


# --- command line ------------------------------------------------------------------------------------------------


def test_the_command(run: Run, photos: Path, tmp_path: Path) -> None:
    outcome = run("batch", photos, "-p", "red", "--out", tmp_path / "out", "--workers", 1)
    assert outcome.code == 0
    assert "30 photos (30 now), 30 phrases, 1 failures" in outcome.out and "photos/s" in outcome.out
    assert len(lines(tmp_path / "out")) == 30
    refused(run("batch", photos, "--out", tmp_path / "other"), "--phrase")
    refused(run("batch", photos, "-p", "green", "--out", tmp_path / "out"), "settings.json", "phrases")
    refused(run("batch", tmp_path / "none", "-p", "red", "--out", tmp_path / "other"), "none")


def test_the_command_shows_a_bar_on_a_terminal(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import deixis.cli.batch as command

    monkeypatch.setattr(command.sys.stderr, "isatty", lambda: True, raising=False)
    outcome = run("batch", photos, "-p", "red", "--out", tmp_path / "out", "--workers", 1)
    assert outcome.code == 0 and "30/30" in outcome.err and "photos/s" in outcome.err


def test_ray_that_is_not_installed_is_named(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install 'deixis\[ray\]'"):
        ask(photos, tmp_path / "out", engine="ray")


def test_ray_writes_the_same_bytes_though_a_worker_is_killed(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data", reason="ray is not installed: pip install 'deixis[ray]'")
    ask(photos, tmp_path / "local")
    arguments = [TESTS / "ray_run.py", photos, tmp_path / "ray", tmp_path / "killed"]
    done = subprocess.run([sys.executable, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "30 photos (30 now), 60 phrases, 2 failures" in done.stdout
    assert (tmp_path / "killed").exists()
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
