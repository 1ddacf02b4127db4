"""The Label Studio backend of examples/, against the documented shapes of requests and responses."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from deixis import masks
from deixis.errors import ImageError, InputError
from fakes import colour_segmenter, scene

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "label_studio.py"
CONFIG = """<View>
  <Image name="img" value="$photo" zoom="true"/>
  <{kind} name="tag" toName="img">
    <Label value="Fire" hint="red thing"/><Label value="green" background="#0f0"/><Label value="qwertz red"/>
  </{kind}>
  <Choices name="other" toName="img"><Choice value="x"/></Choices>
</View>"""
# The first bytes of a brush mask of 3332 x 2527 pixels that Label Studio itself exported; its first rows are empty.
EXPORTED = [2, 1, 233, 240, 57, 27, 255, 255, 255, 0, 255, 255, 224, 31, 255, 252, 3, 255, 255, 128, 127, 255, 240, 15]


def load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("label_studio_example", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


backend = load_example()


def decode_brush(data: list[int], height: int, width: int) -> np.ndarray:
    """An independent reading of the format: bit by bit, literal runs too."""
    bits, position = "".join(f"{byte:08b}" for byte in data), 0

    def read(count: int) -> int:
        nonlocal position
        position += count
        return int(bits[position - count : position], 2)

    size, word = read(32), read(5) + 1
    widths = [read(4) + 1 for _ in range(4)]
    out: list[int] = []
    while len(out) < size:
        repeated, length = read(1), read(widths[read(2)]) + 1
        out += [read(word)] * length if repeated else [read(word) for _ in range(length)]
    pixels = np.array(out).reshape(height, width, 4)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0] == 255


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_brush_masks_come_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_brush(backend.encode_brush(mask), *mask.shape), mask)


def test_long_runs_come_back_and_begin_as_those_of_label_studio() -> None:
    mask = np.zeros((400, 300), dtype=bool)
    mask[100:350] = True
    np.testing.assert_array_equal(decode_brush(backend.encode_brush(mask), 400, 300), mask)
    assert backend.encode_brush(np.zeros((2527, 3332), dtype=bool))[: len(EXPORTED)] == EXPORTED


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "media" / "upload" / "1").mkdir(parents=True)
    image = scene(60, 90, (10, 10, 40, 50)) + scene(60, 90, (60, 5, 85, 25), "green")
    Image.fromarray(image).save(tmp_path / "media" / "upload" / "1" / "a b.png")
    return tmp_path / "media"


def request(kind: str, *addresses: str) -> dict[str, Any]:
    """What Label Studio posts to /predict."""
    return {
        "tasks": [{"id": 10 + row, "data": {"photo": address}} for row, address in enumerate(addresses)],
        "project": "7.1700000000",
        "label_config": CONFIG.format(kind=kind),
        "params": {"login": None, "password": None, "context": None},
    }


ADDRESS = "/data/upload/1/a%20b.png"


@pytest.mark.parametrize("kind", ["BrushLabels", "PolygonLabels"])
def test_regions_are_as_documented(root: Path, kind: str) -> None:
    response = backend.predict(colour_segmenter(), request(kind, ADDRESS), root)
    json.dumps(response)
    (prediction,) = response["results"]
    assert prediction["model_version"] == response["model_version"] == backend.VERSION
    regions = prediction["result"]
    assert [region["value"][kind.lower()] for region in regions] == [["Fire"], ["green"], ["qwertz red"]]
    assert len({region["id"] for region in regions}) == 3
    assert prediction["score"] == pytest.approx(np.mean([region["score"] for region in regions]))
    for region, phrase in zip(regions, ["red thing", "green", "red"], strict=True):
        assert (region["type"], region["from_name"], region["to_name"]) == (kind.lower(), "tag", "img")
        assert (region["original_width"], region["original_height"], region["image_rotation"]) == (90, 60, 0)
        expected = colour_segmenter().segment(root / "upload/1/a b.png", phrase).mask
        if kind == "BrushLabels":
            assert region["value"]["format"] == "rle"
            got = decode_brush(region["value"]["rle"], 60, 90)
        else:
            assert region["value"]["closed"] is True
            points = np.array(region["value"]["points"])
            assert points.min() >= 0 and points.max() <= 100
            got = masks.decode([(points * [0.9, 0.6]).ravel().tolist()], 60, 90)
        assert (got & expected).sum() > 0.9 * (got | expected).sum()


def test_other_addresses(root: Path) -> None:
    local = "/data/local-files/?d=upload/1/a%20b.png"
    np.testing.assert_array_equal(backend.fetch(local, root), backend.fetch(ADDRESS, root))
    for outside in ("/data/../../etc/passwd", "/data/local-files/?d=../../x.png", "/data/%2e%2e/%2e%2e/x.png"):
        with pytest.raises(ImageError, match="outside"):
            backend.fetch(outside, root)


def test_a_label_of_unknown_words_leaves_the_others(root: Path) -> None:
    asked = request("BrushLabels", ADDRESS)
    asked["label_config"] = asked["label_config"].replace('"green"', '"qwertz"')
    regions = backend.predict(colour_segmenter(), asked, root)["results"][0]["result"]
    assert [region["value"]["brushlabels"] for region in regions] == [["Fire"], ["qwertz red"]]


def test_an_image_that_cannot_be_read_has_no_regions(root: Path) -> None:
    response = backend.predict(colour_segmenter(), request("BrushLabels", "/data/upload/none.png", ADDRESS), root)
    missing, found = response["results"]
    assert (missing["result"], missing["score"]) == ([], 0.0)
    assert len(found["result"]) == 3


def test_a_wrong_request_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="'tasks' and 'label_config'"):
        backend.predict(colour_segmenter(), {"task": []}, root)
    with pytest.raises(InputError, match="expected Label Studio's XML"):
        backend.predict(colour_segmenter(), {"tasks": [], "label_config": "<View>"}, root)
    assert backend.read_controls('<View><Image name="i" value="$x"/><Text name="t" value="$y"/></View>') == []


@pytest.fixture
def server(root: Path) -> Iterator[str]:
    running = backend.make_server(colour_segmenter(), root, 0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


def post(address: str, content: bytes) -> tuple[int, Any]:
    asked = urllib.request.Request(address, content, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_server_speaks_label_studios_protocol(server: str) -> None:
    with urllib.request.urlopen(f"{server}/health", timeout=30) as response:
        assert json.loads(response.read())["status"] == "UP"
    setup = {"project": "7", "schema": CONFIG.format(kind="BrushLabels"), "hostname": "", "access_token": ""}
    assert post(f"{server}/setup", json.dumps(setup).encode()) == (200, {"model_version": backend.VERSION})
    status, answer = post(f"{server}/predict", json.dumps(request("BrushLabels", ADDRESS)).encode())
    assert status == 200 and len(answer["results"][0]["result"]) == 3
    status, answer = post(f"{server}/predict", b"{")
    assert status == 400 and "error" in answer
