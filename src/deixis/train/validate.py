"""Validation: the network behind the same Segmenter and the same evaluation as everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from deixis.evaluate import evaluate
from deixis.metrics import mean_iou, overall_iou, roc_auc, summarize
from deixis.model.build import Network
from deixis.segmenter import Segmenter
from deixis.train.torch_backend import TorchBackend
from deixis.types import Record, Sample, Segmentation
from deixis.vocabulary import Lexicon

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)


@dataclass(frozen=True)
class Validation:
    """Scores on held-out pictures with synthesized expressions.

    Attributes:
        n: expressions that name something.
        miou, oiou: over those.
        which_right, which_wrong: mean IoU with the right one of several like objects, and with the wrong one.
        absent_auc: area under the ROC curve of the score, named against absent.
        threshold: value of the terms' mixture from which on pixels should be in the mask: where mIoU + oIoU is highest.
        threshold_miou: mIoU there.
        kinds: mIoU by kind of expression.
    """

    n: int
    miou: float
    oiou: float
    which_right: float
    which_wrong: float
    absent_auc: float
    threshold: float
    threshold_miou: float
    kinds: Mapping[str, float]

    @property
    def score(self) -> float:
        """What the best checkpoint is chosen by."""
        return self.threshold_miou

    def to_mapping(self) -> dict[str, object]:
        """Plain values, rounded, for JSON."""
        values = asdict(self)
        values["kinds"] = {kind: round(value, 4) for kind, value in self.kinds.items()}
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def validate(network: Network, vectors: Lexicon, samples: Sequence[Sample]) -> Validation:
    """Score a network on evaluation rows, and find the threshold that serves it best there."""
    curve = ThresholdCurve()
    records = evaluate(Segmenter(TorchBackend(network), network.config, vectors), samples, seen=curve.add)
    threshold, threshold_miou = curve.best()
    named = [record for record in records if record.target]
    like = [record for record in named if record.distractor_iou is not None]
    summary = summarize(named)
    kinds: dict[str, list[Record]] = {}
    for record in named:
        kinds.setdefault(record.tags["kind"], []).append(record)
    return Validation(
        n=len(named),
        miou=summary.miou,
        oiou=summary.oiou,
        which_right=_mean([record.iou for record in like]),
        which_wrong=_mean([record.distractor_iou or 0.0 for record in like]),
        absent_auc=roc_auc([record.score for record in records], [record.target > 0 for record in records]),
        threshold=threshold,
        threshold_miou=threshold_miou,
        kinds={kind: summarize(rows).miou for kind, rows in sorted(kinds.items())},
    )


class ThresholdCurve:
    """Intersections and unions of the phrases that name something, at each of ``THRESHOLDS``."""

    def __init__(self) -> None:
        self._intersections: list[NDArray[np.int64]] = []
        self._unions: list[NDArray[np.int64]] = []

    def add(self, sample: Sample, answer: Segmentation) -> None:
        """Take in the probabilities of one answer."""
        if not sample.mask.any():
            return
        levels = np.digitize(answer.probability, THRESHOLDS)
        marked, right = (_from_above(levels[where]) for where in (np.ones_like(sample.mask), sample.mask))
        self._intersections.append(right)
        self._unions.append(marked + np.count_nonzero(sample.mask) - right)

    def best(self) -> tuple[float, float]:
        """The threshold with the highest sum of mIoU and oIoU, and mIoU there; 0.5 and 0 when nothing was named.

        mIoU alone would lower it until every small thing is found, at the expense of the large ones.
        """
        if not self._unions:
            return 0.5, 0.0
        columns = [np.stack(parts).T for parts in (self._intersections, self._unions)]
        pairs = list(zip(*columns, strict=True))
        means = [mean_iou(*pair) for pair in pairs]
        best = int(np.argmax([mean + overall_iou(*pair) for mean, pair in zip(means, pairs, strict=True)]))
        return THRESHOLDS[best], means[best]


def _from_above(levels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many levels reach each threshold."""
    counts = np.bincount(levels, minlength=len(THRESHOLDS) + 1)
    reached: NDArray[np.int64] = counts[::-1].cumsum()[::-1][1:]
    return reached


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
