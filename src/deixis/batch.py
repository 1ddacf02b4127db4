"""Many photos and phrases: a run that can be killed at any moment and goes on, on the cores or with Ray Data.

DIR/manifest.jsonl     one line a photo and phrase, in the order of the input
DIR/masks/             one PNG a line (masks = "png"); DIR/overlays/ with overlays
DIR/results.json       COCO results (masks = "rle"), when the run is complete
DIR/settings.json      what the run is; another run is refused in this folder

The files have the same bytes whatever the engine, the number of workers and the interruptions.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deixis.config import BatchConfig
from deixis.data.requests import Request, Requests
from deixis.errors import InputError, MissingExtra, PhraseError
from deixis.files import atomic_write, folder_lock
from deixis.image import open_photo, png_level
from deixis.manifest import Manifest, Row, check_settings, write_results
from deixis.masks import coco_row
from deixis.segmenter import DEFAULT_MODEL, Segmenter
from deixis.text import slug
from deixis.types import Features, ImageArray, Segmentation
from deixis.view import for_view, open_view

ENGINES = ("local", "ray")
PHOTOS_A_FOLDER = 1000
AHEAD = 4  # photos a worker that may be done before an earlier one: bounds the memory
RAY_BLOCK = 2048  # requests handed to Ray at once: bounds its memory
FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """A photo's answers: its lines of the manifest, and the files beside it by relative name."""

    rows: list[Row]
    files: dict[str, bytes]


@dataclass(frozen=True)
class BatchSummary:
    """A finished run.

    Attributes:
        photos, phrases: lines of photos and phrases in the manifest.
        failures: lines with an error.
        asked: photos of this process; the others were there before.
        seconds: of this process, without loading the model.
        cores: that it may use.
    """

    photos: int
    phrases: int
    failures: int
    asked: int
    seconds: float
    cores: int

    def __str__(self) -> str:
        rate = self.asked / self.seconds if self.seconds else 0.0
        return (
            f"{self.photos} photos ({self.asked} now), {self.phrases} phrases, {self.failures} failures, "
            f"{self.seconds:.1f} s, {rate:.1f} photos/s, {self.cores} cores"
        )


@dataclass(frozen=True)
class Model:
    """Which model answers, and where it runs, as ``Segmenter.load`` takes them."""

    path: Path | None = None
    vectors: Path | None = None
    device: str = "cpu"

    def load(self) -> Segmenter:
        """One thread a call: the photos, not the layers, are shared out among the cores."""
        return Segmenter.load(self.path, vectors=self.vectors, threads=1, device=self.device)

    @property
    def digest(self) -> str:
        """SHA-256 of the model file; the vectors are those that it names."""
        return hashlib.sha256((self.path or DEFAULT_MODEL).read_bytes()).hexdigest()


def run_batch(
    requests: Requests,
    folder: Path,
    config: BatchConfig | None = None,
    model: Model | None = None,
    *,
    engine: str = "local",
    workers: int = 0,
    report: Callable[[int], object] = lambda photos: None,
) -> BatchSummary:
    """Ask every request and write the answers; goes on where an earlier run of the same settings ended.

    A photo or phrase that cannot be asked becomes a line with "error", and the run goes on.

    Args:
        requests: from ``data.requests.find_requests``.
        folder: of the output, made when it is not there.
        config: what is written.
        model: which model; the bundled one by default.
        engine: "local" for threads of this process, "ray" for Ray Data.
        workers: photos at a time; 0 for one a core.
        report: told the number of photos done, once at the start and after each.

    Raises:
        InputError: another run is at work in the folder, or it holds a run of other settings or another input.
        PhraseError: a phrase for all photos has no known word.
        MissingExtra: Ray is not installed.
    """
    config, model = config or BatchConfig(), model or Model()
    if engine not in ENGINES:
        raise InputError(f"engine: expected one of {', '.join(ENGINES)}, got {engine!r}")
    segmenter = model.load()
    segmenter.segment_many(np.zeros((8, 8, 3), np.uint8), requests.phrases)  # refused before the first photo
    workers = workers or cores()
    with folder_lock(folder, "batch run", "--out"):
        check_settings(folder / "settings.json", {**asdict(config), **_identity(requests, model)})
        with Manifest(folder / "manifest.jsonl") as manifest:
            todo = manifest.resume(requests)
            before, start = manifest.photos, time.monotonic()
            _clean(folder, before)
            report(before)
            numbered = enumerate(todo, before)
            if engine == "ray":
                outcomes = _stored(_with_ray(numbered, model, config, workers), folder)
            else:
                outcomes = _with_threads(numbered, Asker(segmenter, config), folder, workers)
            for rows in outcomes:
                manifest.append(rows)
                report(manifest.photos)
            if config.masks == "rle":
                write_results(folder / "results.json", manifest.rows(), requests.phrases)
            seconds = time.monotonic() - start
        counts = (manifest.photos, manifest.phrases, manifest.failures)
    return BatchSummary(*counts, asked=manifest.photos - before, seconds=seconds, cores=cores())


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Asker:
    """Answers requests; may be called by several threads at once."""

    def __init__(self, segmenter: Segmenter, config: BatchConfig) -> None:
        self.segmenter, self.config = segmenter, config

    def __call__(self, index: int, request: Request) -> Outcome:
        """The outcome of a request, which stands at ``index`` in the input."""
        try:
            if request.problem:
                raise InputError(request.problem)
            return self._answer(index, request)
        except InputError as error:
            reason = str(error)
        except MemoryError:
            reason = f"{request.image}: not enough memory for this photo; make it smaller"
        return Outcome([{**_asked(request, phrase), "error": reason} for phrase in request.phrases], {})

    def _answer(self, index: int, request: Request) -> Outcome:
        rows: list[Row] = []
        files: dict[str, bytes] = {}
        photo = open_photo(request.image, self.segmenter.config.input_size)
        features = self.segmenter.encode_image(photo)
        answers = drawn = self._ask(features, request.phrases)
        view = open_view(request.image, photo) if self.config.overlays else None
        if view is not None and view.shape[:2] != (photo.height, photo.width):
            drawn = self._ask(for_view(features), request.phrases)
        for number, (phrase, answer, mark) in enumerate(zip(request.phrases, answers, drawn, strict=True), 1):
            row = _asked(request, phrase)
            if isinstance(answer, PhraseError) or isinstance(mark, PhraseError):
                rows.append({**row, "error": str(answer)})
                continue
            name = f"{index // PHOTOS_A_FOLDER:04d}/{index:07d}.{number}.{slug(phrase)}"
            rows.append({**row, **self._values(answer, f"masks/{name}.png")})
            if self.config.masks == "png":
                files[f"masks/{name}.png"] = _encoded(np.where(answer.mask, np.uint8(255), np.uint8(0)), "PNG")
            if view is not None:
                files[f"overlays/{name}.jpg"] = _encoded(mark.overlay(view), "JPEG")
        return Outcome(rows, files)

    def _ask(self, features: Features, phrases: Sequence[str]) -> Sequence[Segmentation | PhraseError]:
        """An answer to each phrase, or why it has none."""
        try:
            return self.segmenter.segment_many(features, phrases, threshold=self.config.threshold)
        except PhraseError:  # one of them; each is asked alone
            return [self._ask_alone(features, phrase) for phrase in phrases]

    def _ask_alone(self, features: Features, phrase: str) -> Segmentation | PhraseError:
        try:
            return self.segmenter.segment(features, phrase, threshold=self.config.threshold)
        except PhraseError as error:
            return error

    def _values(self, answer: Segmentation, mask: str) -> Row:
        height, width = answer.mask.shape
        found = coco_row(answer.mask)
        segmentation = found.pop("segmentation")
        row = {"height": height, "width": width, "score": round(answer.score, 4), "share": round(answer.share, 6)}
        where = {"png": {"mask": mask}, "rle": {"segmentation": segmentation}, "none": {}}[self.config.masks]
        return {**row, **found, **where}


def _asked(request: Request, phrase: str) -> Row:
    return {"image": request.image, "image_id": request.image_id, "phrase": phrase}


def _with_threads(
    numbered: Iterable[tuple[int, Request]], ask: Asker, folder: Path, workers: int
) -> Iterator[list[Row]]:
    """Decoding, the network and writing of different photos overlap; rows come in the order of the input."""

    def work(index: int, request: Request) -> list[Row]:
        outcome = ask(index, request)
        _store(outcome.files, folder)
        return outcome.rows

    waiting: deque[Future[list[Row]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for index, request in numbered:
            waiting.append(pool.submit(work, index, request))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _with_ray(
    numbered: Iterable[tuple[int, Request]], model: Model, config: BatchConfig, workers: int
) -> Iterator[Outcome]:
    """Ray Data with ``workers`` actors, on the cluster of RAY_ADDRESS or a local one; a lost actor is replaced."""
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingExtra("ray", "ray") from error

    here = os.getcwd()

    class RayAsker:
        def __init__(self) -> None:
            os.chdir(here)  # the paths of photos are those of the driver
            self.ask = Asker(model.load(), config)

        def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
            outcome = self.ask(row["index"], Request(**json.loads(row["request"])))
            return {
                "rows": json.dumps(outcome.rows),
                "names": list(outcome.files),
                "contents": list(outcome.files.values()),
            }

    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    numbered = iter(numbered)
    while block := list(islice(numbered, RAY_BLOCK)):
        rows = [{"index": index, "request": json.dumps(asdict(request))} for index, request in block]
        dataset = ray.data.from_items(rows, override_num_blocks=max(1, len(rows) // 8))
        answers = dataset.map(RayAsker, compute=ray.data.ActorPoolStrategy(size=workers))
        for row in answers.iter_rows():
            yield Outcome(json.loads(row["rows"]), dict(zip(row["names"], row["contents"], strict=True)))


def _stored(outcomes: Iterable[Outcome], folder: Path) -> Iterator[list[Row]]:
    """Write the files here: the workers of a cluster need not see this disk."""
    for outcome in outcomes:
        _store(outcome.files, folder)
        yield outcome.rows


def _store(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)


def _encoded(pixels: ImageArray, format: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **({"compress_level": png_level(pixels)} if format == "PNG" else {}))
    return buffer.getvalue()


def _identity(requests: Requests, model: Model) -> dict[str, Any]:
    return {"format": FORMAT, "model": model.digest, "phrases": list(requests.phrases)}


def _clean(folder: Path, photos: int) -> None:
    """Remove the unfinished files of a killed run, which lie where its last photos are."""
    shards = [f"{photos // PHOTOS_A_FOLDER + step:04d}" for step in (0, 1)]
    for place in (folder, *(folder / kind / shard for kind in ("masks", "overlays") for shard in shards)):
        for leftover in place.glob(".*.tmp*"):
            leftover.unlink()
