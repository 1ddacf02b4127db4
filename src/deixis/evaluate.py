"""A predictor asked every phrase of a dataset: samples to records, records to files. Protocol ``strict``."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from deixis.baselines import Answerer, Baseline
from deixis.errors import DataError, PhraseError
from deixis.files import atomic_write
from deixis.image import open_image
from deixis.ledger import Ledger
from deixis.metrics import overlap
from deixis.odds import certain
from deixis.types import Features, ImageArray, Record, Sample, Segmentation

Seen = Callable[[Sample, Segmentation], object]


class Predictor(Protocol):
    """Whatever can be evaluated: encodes a picture once, then answers phrases about it."""

    def encode_image(self, image: ImageArray) -> Features:
        """(H, W, 3) uint8 RGB to features."""

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        """One answer per phrase, in order, each mask (H, W) bool at the original size."""


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    progress: Callable[[int], object] | None = None,
    seen: Seen | None = None,
) -> list[Record]:
    """Ask every phrase and compare with the truth at the picture's original size.

    Consecutive samples of one picture share its encoding; loaders yield them next to each other. A phrase without
    any known word counts as answered by nothing: the number of expressions does not depend on the predictor.

    Args:
        predictor: what is evaluated.
        samples: rows of a dataset; may be a generator, so that the masks of one picture at a time are in memory.
        progress: called after each picture with the number of expressions just done (``tqdm.update`` fits).
        seen: called with each sample and the predictor's answer, for whoever needs more than the record.

    Returns:
        One record per sample, in order.

    Raises:
        DataError: a picture is not of its mask's size, or the predictor does not keep its promises.
        ImageError: a picture cannot be read.
    """
    return compare(predictor, {}, samples, progress, seen)[0]


def compare(
    predictor: Predictor,
    baselines: Mapping[str, Baseline],
    samples: Iterable[Sample],
    progress: Callable[[int], object] | None = None,
    seen: Seen | None = None,
    ledger: Ledger | None = None,
) -> tuple[list[Record], dict[str, list[Record]]]:
    """As ``evaluate``, and in the same pass, on the same features, the baselines.

    With a ledger, pictures that it knows are not asked again (``seen`` does not see them), and each new one is kept.

    Returns:
        The predictor's records, one per sample, and each baseline's by name, without the samples that it leaves out.
    """
    methods = [Baseline(predictor.segment_many), *baselines.values()]
    records: list[list[Record]] = [[] for _ in methods]
    for path, group in itertools.groupby(samples, key=lambda sample: sample.image):
        rows = list(group)
        measured = ledger.known(rows) if ledger is not None else None
        if measured is None:
            image = open_image(path)
            for sample in rows:
                _check_size(sample, image)
            features = predictor.encode_image(image)
            measured = [_answered(item, features, rows, seen if item is methods[0] else None) for item in methods]
            if ledger is not None:
                ledger.add(rows, measured)
        for new, found in zip(measured, records, strict=True):
            found += new
        if progress is not None:
            progress(len(rows))
    return records[0], dict(zip(baselines, records[1:], strict=True))


def _answered(method: Baseline, features: Features, rows: Sequence[Sample], seen: Seen | None) -> list[Record]:
    reworded = method.reword([sample.phrase for sample in rows])
    asked = [(sample, phrase) for sample, phrase in zip(rows, reworded, strict=True) if phrase is not None]
    answers = _ask(method.answer, features, [phrase for _, phrase in asked]) if asked else []
    if len(answers) != len(asked):
        raise DataError(f"{rows[0].image}: expected {len(asked)} answers, the predictor gave {len(answers)}")
    if seen is not None:
        for (sample, _), answer in zip(asked, answers, strict=True):
            seen(sample, answer)
    return [record(sample, answer) for (sample, _), answer in zip(asked, answers, strict=True)]


def _ask(answer: Answerer, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
    try:
        return answer(features, phrases)
    except PhraseError:
        if len(phrases) > 1:
            return [one for phrase in phrases for one in _ask(answer, features, [phrase])]
        nothing = np.zeros((features.height, features.width), dtype=bool)
        return [Segmentation(phrases[0], nothing, partial(certain, nothing), 0.0)]


def record(sample: Sample, answer: Segmentation) -> Record:
    """What one answered sample leaves behind.

    Raises:
        DataError: the answer's mask is not bool or not of the sample's size.
    """
    intersection, union = overlap(answer.mask, sample.mask)
    distractor_iou = None
    if sample.distractor is not None:
        shared, either = overlap(answer.mask, sample.distractor)
        distractor_iou = shared / either if either else 1.0
    pixels = (intersection, union, int(np.count_nonzero(answer.mask)))
    return Record.of(sample, pixels, float(answer.score), distractor_iou)


def _check_size(sample: Sample, image: ImageArray) -> None:
    for mask in (sample.mask, sample.distractor):
        if mask is not None and mask.shape != image.shape[:2]:
            raise DataError(
                f"{sample.image}: the mask of expression {sample.sent_id} is {mask.shape}, the picture is "
                f"{image.shape[:2]}; expected the same size, the annotation belongs to another picture or scale"
            )


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON lines, all or nothing.

    Raises:
        DataError: the file cannot be written, or a score is not a finite number.
    """
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        for item in records:
            try:
                handle.write(json.dumps(dataclasses.asdict(item), allow_nan=False) + "\n")
            except ValueError as error:
                raise DataError(
                    f"{path}: expression {item.sent_id} has a number that is not finite: {error}"
                ) from error


def read_records(path: Path) -> list[Record]:
    """Read what ``write_records`` wrote.

    Raises:
        DataError: missing file, or a line that is no record; names file and line.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a file of records, found nothing there; run an evaluation first")
    records = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            if line.strip():
                records.append(_parse(json.loads(line)))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}:{number}: expected a record as one JSON object a line: {error}") from error
    return records


_INTEGERS = ("image_id", "sent_id", "intersection", "union", "predicted", "target", "height", "width")


def _parse(row: Any) -> Record:
    if not isinstance(row, Mapping):
        raise TypeError(f"got {row!r:.60}")
    for name in _INTEGERS:
        if not isinstance(row.get(name), int):
            raise TypeError(f"{name!r} should be a whole number, got {row.get(name)!r:.60}")
    if not isinstance(row.get("score"), (int, float)):
        raise TypeError(f"'score' should be a number, got {row.get('score')!r:.60}")
    if not 0 <= row["intersection"] <= row["union"]:
        raise ValueError(f"expected 0 <= intersection <= union, got {row['intersection']} and {row['union']}")
    return Record(**row)
