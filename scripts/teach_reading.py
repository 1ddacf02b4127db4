#!/usr/bin/env python
"""Teach a trained model to read: scripts/teach_reading.py CONFIG CHECKPOINT OUT --root DATA TEXTS...

Trains what reads a phrase, the classifier (p_text) and the encoder of the other terms, on what CONFIG's sources give to
say and on the words that TEXTS (COCO captions, ReferIt's queries, or one text a line) have around their nouns; see
deixis.train.reading. No picture is looked at, and no text is read as what it is about. OUT is a checkpoint like
CHECKPOINT.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from deixis.configfile import read_config
from deixis.data.carriers import Dressing, Reading, find_carriers
from deixis.data.sources import open_source
from deixis.data.synthesize import SynthesisOptions
from deixis.embeddings import WordVectors
from deixis.model.build import build
from deixis.model.text_encoder import TextEncoder
from deixis.segmenter import DEFAULT_VECTORS
from deixis.train.checkpoint import MODEL, load_checkpoint, save_checkpoint, weights_of
from deixis.train.loader import TrainingData
from deixis.train.reading import (
    DressingLesson,
    ReadingLesson,
    names_of,
    plain_phrases,
    read_texts,
    teach_classes,
    teach_encoder,
)
from deixis.trainconfig import TrainConfig

SHOWN = 500  # steps of a printed loss


def made(data: TrainingData, pictures: int) -> Iterator[Reading]:
    """What the training says of so many pictures, where it names a class."""
    known = set(data.config.model.categories)
    for index in range(pictures):
        for phrase in data.phrases(index):
            if phrase.category in known:
                yield Reading(phrase.text, phrase.category)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("config", "checkpoint", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--pictures", type=int, default=1800)
    parser.add_argument("--steps", type=int, default=4000, help="of the classifier")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--encoder-steps", type=int, default=2500)
    parser.add_argument("--encoder-rate", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    stored = load_checkpoint(given.checkpoint)
    categories = stored.config.categories
    config = read_config(TrainConfig, given.config)
    config = replace(config, model=replace(config.model, categories=categories), seed=given.seed)
    left_out = frozenset(config.held_out_words)
    options = SynthesisOptions(vocabulary=categories, held_out_names=left_out)
    vectors = WordVectors.load(DEFAULT_VECTORS)
    data = TrainingData(config, [open_source(source, given.root) for source in config.sources], vectors, options)
    carriers = [find_carriers(read_texts(path), categories) for path in given.texts]
    for path, found in zip(given.texts, carriers, strict=True):
        if not found:
            raise SystemExit(f"{path}: expected texts that begin by naming something, such as 'old dog', found none")
    phrases = list(made(data, given.pictures))
    print(f"{len(phrases)} made phrases; carriers: {[len(found) for found in carriers]}")
    network = build(stored.config)
    network.load_state_dict(stored.part(MODEL))
    assert network.expression_classifier is not None and isinstance(network.text_encoder, TextEncoder)
    torch.manual_seed(given.seed)
    reading = ReadingLesson(phrases, carriers, names_of(categories, left_out), categories, vectors, given.seed)
    show("classifier", teach_classes(network.expression_classifier, reading, given.steps, given.rate))
    plain, dressing = plain_phrases(phrases, categories), Dressing([carrier for found in carriers for carrier in found])
    dressed = DressingLesson(plain, phrases, dressing, vectors, given.seed)
    show("encoder", teach_encoder(network.text_encoder, dressed, given.encoder_steps, given.encoder_rate))
    taught: dict[str, torch.Tensor] = {}
    for name in ("expression_classifier", "text_encoder"):
        taught |= weights_of(getattr(network, name), f"{MODEL}{name}.")
    save_checkpoint(
        given.out, replace(stored, tensors={**stored.tensors, **{name: value.half() for name, value in taught.items()}})
    )


def show(part: str, steps: Iterator[float]) -> None:
    """Go through the steps and print the mean loss of every ``SHOWN``."""
    losses: list[float] = []
    for loss in steps:
        losses.append(loss)
        if len(losses) % SHOWN == 0:
            print(f"{part}, step {len(losses)}: loss {sum(losses[-SHOWN:]) / SHOWN:.3f}", flush=True)


if __name__ == "__main__":
    main()
