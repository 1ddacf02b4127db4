"""Validation: the network behind the same Segmenter and the same evaluation as everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from deixis.evaluate import evaluate
from deixis.metrics import mean_iou, overall_iou, roc_auc, summarize
from deixis.model.build import Network
from deixis.model.outputs import Answer, EncodedImage
from deixis.segmenter import Segmenter
from deixis.types import FloatArray, Record, Sample, Segmentation
from deixis.vocabulary import Lexicon

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)


class TorchBackend:
    """The two graphs computed by PyTorch (see ``backend.Backend``)."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self.device = next(network.parameters()).device

    @torch.no_grad()
    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        """See ``Backend.encode``."""
        encoded = self.network.encode_image(torch.from_numpy(images).to(self.device))
        return {
            name: value.cpu().numpy()
            for name, value in zip(EncodedImage._fields, encoded, strict=True)
            if value is not None
        }

    @torch.no_grad()
    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        """See ``Backend.answer``."""
        tensors = {name: torch.from_numpy(value).to(self.device) for name, value in features.items()}
        answer = self.network.answer(EncodedImage(**tensors), torch.from_numpy(vectors).to(self.device))
        outputs = named_outputs(answer)
        return [outputs[name].cpu().numpy() for name in names]


def named_outputs(answer: Answer) -> dict[str, torch.Tensor]:
    """The phrase graph's outputs as they are called outside: probabilities, except "logits" of the answer.

    What belongs to a term that is not there is left out.
    """
    # As a softmax of two: ONNX Runtime's sigmoid gives the last numbers of a row another last bit than the first ones,
    # and a phrase's score would depend on its place among the others.
    score = torch.stack([torch.zeros_like(answer.presence), answer.presence], dim=-1).softmax(dim=-1)[..., 1]
    outputs = {
        "logits": answer.logits,
        "score": score,
        "weights": answer.weights,
        "p1": None if answer.p1_logits is None else answer.p1_logits.sigmoid(),
        "p2": answer.p2,
        "p_text": None if answer.class_logits is None else answer.class_logits.softmax(dim=-1),
        "p3": answer.p3,
        "choice": None if answer.choice_logits is None else answer.choice_logits.sigmoid(),
    }
    return {name: value for name, value in outputs.items() if value is not None}


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
