"""The configurations that ``deixis ablate`` starts from: a preset and a dataset of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from deixis.config import ModelConfig
from deixis.errors import ConfigError
from deixis.trainconfig import AugmentConfig, LossConfig, SourceConfig, TrainConfig

COCO = SourceConfig("annotations/instances_train2014.json", "images/train2014", phrases="names")


@dataclass(frozen=True)
class PaperDataset:
    """What a table of the paper trains on and measures on, as NAME:SPLIT.

    Attributes:
        train: sentences with masks; the last of its pictures choose the checkpoint, so that no measured one does.
        tests: what is measured.
    """

    train: str
    tests: tuple[str, ...]


DATASETS: Mapping[str, PaperDataset] = {
    "g-ref": PaperDataset("refcocog-google:train", ("refcocog-google:val",)),
    "unc-ref": PaperDataset(
        "refcoco:train", ("refcoco:val", "refcoco:testA", "refcoco:testB", "refcoco:testA+testB")
    ),
    "referit": PaperDataset("referit:trainval", ("referit:test",)),
}
TRAINED_PART = 0.98


def dataset(name: str) -> PaperDataset:
    """One of the paper's three datasets, or any other that has splits train and val."""
    return DATASETS.get(name) or PaperDataset(f"{name}:train", (f"{name}:val",))


def preset(name: str, data: PaperDataset) -> TrainConfig:
    """The full model's configuration; the rows of the tables are changes of it.

    Args:
        name: "paper" or "compact".
        data: sentences; COCO's train2014 is the vision-only source.

    Raises:
        ConfigError: no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"preset: expected {' or '.join(PRESETS)}, got {name!r}")
    sentences = SourceConfig(expressions=data.train, images=".", phrases="given", part=(0.0, TRAINED_PART))
    return PRESETS[name]((sentences, COCO), replace(sentences, part=(TRAINED_PART, 1.0)))


def _compact(sources: tuple[SourceConfig, ...], validation: SourceConfig) -> TrainConfig:
    return TrainConfig(ModelConfig(("auto",)), sources, validation, steps=60_000, validate_every=5000)


def _paper(sources: tuple[SourceConfig, ...], validation: SourceConfig) -> TrainConfig:
    """VGG-16 at 512 px and the 2016 baseline's optimiser; ``backbone_weights`` is a file the user has to name."""
    return TrainConfig(
        model=ModelConfig(
            categories=("auto",),
            network="paper",
            backbone="vgg16",
            input_size=512,
            width=64,
            text_width=1000,
            p1_width=500,
            objects=False,
            dropout=0.0,
        ),
        sources=sources,
        validation=validation,
        backbone_weights=None,
        frozen_stride=32,
        steps=18_000,
        images=10,
        phrases=1,
        optimiser="sgd",
        learning_rate=0.01,
        backbone_rate=0.01,
        weight_decay=5e-4,
        warmup=0,
        drop_every=6000,
        ema=0.0,
        clip=1e6,
        checkpoint_minutes=20.0,
        validate_every=6000,
        augment=AugmentConfig(flip=0.0, min_scale=1.0, mosaic=0.0, paste=0.0, jitter=0.0),
        loss=LossConfig(p1=0.0, phrase_class=1.0, presence=0.0, background=1 / 3),
    )


PRESETS: Mapping[str, Callable[[tuple[SourceConfig, ...], SourceConfig], TrainConfig]] = {
    "paper": _paper,
    "compact": _compact,
}
