"""Validation: the network behind the same Segmenter and the same evaluation as everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch

from deixis.evaluate import evaluate
from deixis.metrics import roc_auc, summarize
from deixis.model.build import Network
from deixis.model.outputs import Answer, EncodedImage
from deixis.segmenter import Segmenter
from deixis.types import FloatArray, Record, Sample
from deixis.vocabulary import Lexicon


class TorchBackend:
    """The two graphs computed by PyTorch (see ``segmenter.Backend``)."""

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
    outputs = {
        "logits": answer.logits,
        "score": answer.presence.sigmoid(),
        "p1": None if answer.p1_logits is None else answer.p1_logits.sigmoid(),
        "p2": answer.p2,
        "p_text": None if answer.class_logits is None else answer.class_logits.softmax(dim=-1),
        "p3": answer.p3,
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
        kinds: mIoU by kind of expression.
    """

    n: int
    miou: float
    oiou: float
    which_right: float
    which_wrong: float
    absent_auc: float
    kinds: Mapping[str, float]

    @property
    def score(self) -> float:
        """What the best checkpoint is chosen by."""
        return self.miou

    def to_mapping(self) -> dict[str, object]:
        """Plain values, rounded, for JSON."""
        values = asdict(self)
        values["kinds"] = {kind: round(value, 4) for kind, value in self.kinds.items()}
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def validate(network: Network, vectors: Lexicon, samples: Sequence[Sample]) -> Validation:
    """Score a network on evaluation rows."""
    records = evaluate(Segmenter(TorchBackend(network), network.config, vectors), samples)
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
        kinds={kind: summarize(rows).miou for kind, rows in sorted(kinds.items())},
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
