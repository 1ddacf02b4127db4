"""A predictor asked every phrase of a dataset: samples to records, records to files. Protocol ``strict``."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from deixis.config import DEFAULT_THRESHOLD
from deixis.errors import DataError, PhraseError
from deixis.files import atomic_write
from deixis.image import open_image
from deixis.metrics import Summary, bootstrap_interval, mean_iou, overall_iou, overlap, summarize
from deixis.segmenter import Segmenter
from deixis.types import BoolMask, Features, ImageArray, Record, Sample, Segmentation

PROTOCOL = "strict"  # see metrics.py


class Predictor(Protocol):
    """Whatever can be evaluated: encodes a picture once, then answers phrases about it."""

    def encode_image(self, image: ImageArray) -> Features:
        """(H, W, 3) uint8 RGB to features."""

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        """One answer per phrase, in order, each mask (H, W) bool at the original size."""


class WholeImage:
    """Blind baseline: everything is the answer."""

    def encode_image(self, image: ImageArray) -> Features:
        """Only the size is kept."""
        return Features(arrays={}, height=image.shape[0], width=image.shape[1], input_size=0)

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        """The whole picture for each phrase, score 1."""
        mask = self.mask(features.height, features.width)
        mask.setflags(write=False)
        return [Segmentation(phrase, mask, mask.astype(np.float32), 1.0) for phrase in phrases]

    def mask(self, height: int, width: int) -> BoolMask:
        """(height, width) bool, the same for every phrase."""
        return np.ones((height, width), dtype=bool)


class CentreBox(WholeImage):
    """Blind baseline: the central box of HALF the picture's area and the picture's proportions (sides x sqrt(1/2))."""

    def mask(self, height: int, width: int) -> BoolMask:
        """(height, width) bool, the same for every phrase."""
        mask = np.zeros((height, width), dtype=bool)
        box_height, box_width = (max(1, round(side * math.sqrt(0.5))) for side in (height, width))
        top, left = (height - box_height) // 2, (width - box_width) // 2
        mask[top : top + box_height, left : left + box_width] = True
        return mask


class CategoryOnly:
    """Baseline: a segmenter's second term (p2) alone, which knows what is named and not which one."""

    def __init__(self, segmenter: Segmenter, threshold: float = DEFAULT_THRESHOLD) -> None:
        self._segmenter, self._threshold = segmenter, threshold

    def encode_image(self, image: ImageArray) -> Features:
        """As the segmenter does."""
        return self._segmenter.encode_image(image)

    def segment_many(self, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
        """p2 as the probability, with the segmenter's score."""
        answers = [self._segmenter.explain(features, phrase) for phrase in phrases]
        maps = [answer.terms["p2"] for answer in answers]
        pairs = zip(answers, maps, strict=True)
        return [dataclasses.replace(answer, mask=p2 >= self._threshold, probability=p2) for answer, p2 in pairs]


@dataclass(frozen=True)
class WhichReport:
    """Whether the predictor tells WHICH object is meant, over samples that have a distractor.

    Attributes:
        n: samples with a distractor.
        right_iou: mean IoU with the object that is meant.
        distractor_iou: mean IoU with the object that a swapped phrase would mean.
        right_share: share of samples whose IoU is higher with the object that is meant.
    """

    n: int
    right_iou: float
    distractor_iou: float
    right_share: float


def evaluate(
    predictor: Predictor, samples: Iterable[Sample], progress: Callable[[int], object] | None = None
) -> list[Record]:
    """Ask every phrase and compare with the truth at the picture's original size.

    Consecutive samples of one picture share its encoding; loaders yield them next to each other. A phrase without
    any known word counts as answered by nothing: the number of expressions does not depend on the predictor.

    Args:
        predictor: what is evaluated.
        samples: rows of a dataset; may be a generator, so that the masks of one picture at a time are in memory.
        progress: called after each picture with the number of expressions just done (``tqdm.update`` fits).

    Returns:
        One record per sample, in order.

    Raises:
        DataError: a picture is not of its mask's size, or the predictor does not keep its promises.
        ImageError: a picture cannot be read.
    """
    records: list[Record] = []
    for path, group in itertools.groupby(samples, key=lambda sample: sample.image):
        rows = list(group)
        image = open_image(path)
        for sample in rows:
            _check_size(sample, image)
        answers = _ask(predictor, predictor.encode_image(image), [sample.phrase for sample in rows])
        if len(answers) != len(rows):
            raise DataError(f"{path}: expected {len(rows)} answers, the predictor gave {len(answers)}")
        records += [record(sample, answer) for sample, answer in zip(rows, answers, strict=True)]
        if progress is not None:
            progress(len(rows))
    return records


def _ask(predictor: Predictor, features: Features, phrases: Sequence[str]) -> list[Segmentation]:
    try:
        return predictor.segment_many(features, phrases)
    except PhraseError:
        if len(phrases) > 1:
            return [answer for phrase in phrases for answer in _ask(predictor, features, [phrase])]
        nothing = np.zeros((features.height, features.width), dtype=bool)
        return [Segmentation(phrases[0], nothing, nothing.astype(np.float32), 0.0)]


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


def which_report(records: Iterable[Record]) -> WhichReport:
    """Mean IoU with the right object and with the distractor, over the records that have one.

    Raises:
        DataError: none has one.
    """
    pairs = [(item.iou, item.distractor_iou) for item in records if item.distractor_iou is not None]
    if not pairs:
        raise DataError("expected records of samples with a distractor, got none")
    right, distractor = np.array(pairs, dtype=np.float64).T
    return WhichReport(len(pairs), float(right.mean()), float(distractor.mean()), float((right > distractor).mean()))


def summaries(records: Iterable[Record]) -> dict[str, Summary]:
    """A summary per dataset and split, by "dataset split", in order of first appearance."""
    return {name: summarize(group) for name, group in by_split(records).items()}


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


def write_summary(
    path: Path, records: Sequence[Record], baselines: Mapping[str, Sequence[Record]] | None = None
) -> None:
    """Write the numbers of records as JSON: per dataset and split and for "all", with 95 % intervals over pictures.

    The records follow the numbers; of ``baselines`` (records by name, on the same samples) there are numbers only.

    Raises:
        DataError: the file cannot be written, there are no records, or a number is not finite.
    """
    if not records:
        raise DataError(f"{path}: expected at least one record to summarize, got none")
    content = {"protocol": PROTOCOL, **_summary(records)}
    content["baselines"] = {name: _summary(group) for name, group in (baselines or {}).items()}
    content["records"] = [dataclasses.asdict(item) for item in records]
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
    except ValueError as error:
        raise DataError(f"{path}: a record has a number that is not finite: {error}") from error
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _summary(records: Sequence[Record]) -> dict[str, Any]:
    splits = {name: _numbers(group) for name, group in by_split(records).items()}
    return {"splits": splits, "all": _numbers(records)}


def _numbers(records: Sequence[Record]) -> dict[str, Any]:
    summary = summarize(records)
    alike = [item for item in records if item.distractor_iou is not None]
    return {
        "n": summary.n,
        "which": dataclasses.asdict(which_report(alike)) if alike else None,
        "images": len({item.image_id for item in records}),
        "oiou": summary.oiou,
        "oiou_interval": list(bootstrap_interval(records, overall_iou)),
        "miou": summary.miou,
        "miou_interval": list(bootstrap_interval(records, mean_iou)),
        "precision": {f"{threshold:.1f}": share for threshold, share in summary.precision.items()},
    }


def by_split(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by "dataset split", in order of first appearance."""
    groups: dict[str, list[Record]] = {}
    for item in records:
        groups.setdefault(f"{item.dataset} {item.split}", []).append(item)
    return groups


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
