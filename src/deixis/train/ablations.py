"""The rows of the paper's tables as changes of one configuration (Hu et al. 2016, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from deixis.config import TrainConfig
from deixis.errors import ConfigError


def lstm_cnn(full: TrainConfig) -> TrainConfig:
    """The baseline: p1 alone, an embedding learned from the sentences alone, no data without sentences."""
    return replace(word_embedding(full), embedding="learned")


def word_embedding(full: TrainConfig) -> TrainConfig:
    """Fixed word vectors, learned from text alone, instead."""
    with_sentences = tuple(source for source in full.sources if source.phrases != "names")
    if not with_sentences:
        raise ConfigError("sources: expected one with sentences (phrases other than 'names') for the first rows")
    return replace(synthesized(full), sources=with_sentences)


def synthesized(full: TrainConfig) -> TrainConfig:
    """And the regions of the vision-only sources with their class names as expressions."""
    return replace(full, model=replace(full.model, p2=False, objects=False))


def category(full: TrainConfig) -> TrainConfig:
    """p2 alone: category segmenter and expression classifier."""
    return replace(full, model=replace(full.model, p1=False, objects=False))


def combined(full: TrainConfig) -> TrainConfig:
    """alpha p1 + (1 - alpha) p2, alpha learned with the rest."""
    return replace(full, model=replace(full.model, objects=False))


def with_objects(full: TrainConfig) -> TrainConfig:
    """The third term besides, which the paper does not have."""
    return replace(full, model=replace(full.model, objects=True))


ROWS: Mapping[str, Callable[[TrainConfig], TrainConfig]] = {
    "lstm-cnn": lstm_cnn,
    "+embedding": word_embedding,
    "+embedding+synthesized": synthesized,
    "category": category,
    "full": combined,
    "full+objects": with_objects,
}
