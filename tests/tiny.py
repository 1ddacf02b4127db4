"""A network, word vectors and a training run small enough for tests; everything is drawn, nothing is downloaded."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deixis.config import ModelConfig
from deixis.data.scenes import SceneSource
from deixis.data.shapes import SHAPES, write_coco
from deixis.data.synthesize import SynthesisOptions
from deixis.embeddings import WordVectors
from deixis.train.loader import TrainingData
from deixis.trainconfig import AugmentConfig, SourceConfig, TrainConfig

DIM = 8
WORDS = """circle circles square squares triangle triangles the a of in on to at all both two three four five one left
    right leftmost rightmost top bottom upper lower middle center far side corner edge most furthest first second third
    fourth from big large largest bigger larger biggest small smaller smallest red green blue yellow black
    white""".split()  # noqa: SIM905 - one word list


def tiny_vectors(seed: int = 0) -> WordVectors:
    rng = np.random.default_rng(seed)
    return WordVectors.from_float(WORDS, rng.normal(size=(len(WORDS), DIM)).astype(np.float32))


def tiny_model(**changes: Any) -> ModelConfig:
    model = ModelConfig(
        categories=SHAPES,
        input_size=64,
        word_dim=DIM,
        width=16,
        text_width=16,
        p1_width=16,
        candidates=8,
        embedding_dim=8,
        relate_width=16,
        relate_layers=1,
    )
    return replace(model, **changes)


def tiny_run(folder: Path, **changes: Any) -> TrainConfig:
    """A run on twelve drawn pictures below ``folder``, validated on four others."""
    tiny_vectors().save(folder / "vectors")
    write_coco(folder / "train", 12, seed=1, size=64)
    write_coco(folder / "held_out", 4, seed=2, size=64)
    config = TrainConfig(
        model=tiny_model(),
        sources=(SourceConfig("train/instances.json", "train/images"),),
        validation=SourceConfig("held_out/instances.json", "held_out/images"),
        backbone_weights=None,
        vectors=str(folder / "vectors"),
        frozen_stride=0,
        steps=6,
        images=4,
        phrases=4,
        learning_rate=3e-3,
        warmup=2,
        ema=0.9,
        workers=0,
        validate_every=1000,
        augment=AugmentConfig(),
    )
    return replace(config, **changes)


def tiny_data(folder: Path, **changes: Any) -> TrainingData:
    config = tiny_run(folder, **changes)
    sources = [SceneSource(source, folder) for source in config.sources]
    return TrainingData(config, sources, tiny_vectors(), SynthesisOptions(vocabulary=config.model.categories))


def write_refer(root: Path, count: int = 6) -> None:
    """Drawn pictures as a REFER dataset "refcoco": each shape is called by its class; the last picture is val."""
    write_coco(root / "refcoco", count, seed=3, size=64)
    (root / "refcoco" / "images").rename(root / "images")
    instances = json.loads((root / "refcoco" / "instances.json").read_text())
    refs = []
    for item in instances["annotations"]:
        word = SHAPES[item["category_id"] - 1]
        sentence = {"sent_id": item["id"], "sent": f"the {word}", "raw": word, "tokens": ["the", word]}
        split = "val" if item["image_id"] == count else "train"
        refs.append(
            {"ref_id": item["id"], "ann_id": item["id"], "image_id": item["image_id"], "split": split}
            | {"category_id": item["category_id"], "file_name": "x_1.jpg", "sentences": [sentence]}
        )
    (root / "refcoco" / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=2))
