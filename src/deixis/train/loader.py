"""Training batches: draw a scene, change it, put words to it, and lay everything on the network's grids.

Item ``i`` is a function of the seed and ``i`` alone, so a resumed run sees what an uninterrupted one would have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from deixis.data.captions import may_share, may_share_frame, spoken_of
from deixis.data.sources import Source, category_names
from deixis.data.synthesize import SynthesisOptions, says, synthesize
from deixis.errors import PhraseError
from deixis.image import Letterbox, normalise
from deixis.model.losses import IGNORED, Targets
from deixis.text import MAX_TOKENS, tokenize
from deixis.train.augment import augment, change_light, mosaic
from deixis.train.paste import paste
from deixis.train.recolour import recolour
from deixis.train.tails import Sentence, lengthen, sentences
from deixis.train.targets import MAX_OBJECTS, ObjectTargets, class_targets, object_targets, phrase_targets, shown_traits
from deixis.trainconfig import TrainConfig
from deixis.types import Expression, Scene
from deixis.vocabulary import Lexicon

HINT_PROBABILITY = 0.5  # how often the true centres are among the candidates whatever the heat map says
MOST_BESIDE = 3  # other pictures in a line-up
GIVEN_SHARE = 0.5  # at most this share of a picture's phrases are its given sentences


class Batch(NamedTuple):
    """Inputs of the network (see ``CompactNetwork.forward``) and what is true of them."""

    images: Tensor
    vectors: Tensor
    hints: Tensor
    cells: Tensor
    targets: Targets

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        targets = Targets(*(part.to(device) for part in self.targets))
        images, vectors, hints, cells = (part.to(device) for part in self[:4])
        return Batch(images, vectors, hints, cells, targets)


@dataclass(frozen=True, eq=False)
class TrainingData(Dataset[Batch]):
    """Endless supply of single-picture batches (every tensor has a first axis of one).

    Args:
        config: the run.
        sources: opened sources, in the config's order.
        vectors: what turns words into numbers.
        options: of the expression generator.
    """

    config: TrainConfig
    sources: Sequence[Source]
    vectors: Lexicon
    options: SynthesisOptions

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([self.config.seed, index])
        scene, exhaustive, style = self._draw(rng)
        scene = self._recoloured(scene, rng)
        phrases = self._phrases(scene, style, rng)
        scene = replace(scene, image=change_light(scene.image, self.config.augment.jitter, rng))
        return self._batch(scene, phrases, exhaustive, rng)

    def phrases(self, index: int) -> list[Expression]:
        """The expressions of item ``index``, without its picture."""
        rng = np.random.default_rng([self.config.seed, index])
        scene, _, style = self._draw(rng)
        return self._phrases(self._recoloured(scene, rng), style, rng)

    def _draw(self, rng: np.random.Generator) -> tuple[Scene, bool, str]:
        """A scene of one or two pictures, whether all its objects are labelled, and its source's ``phrases``."""
        scene, source, index = self._one(rng, self.sources)
        style = source.config.phrases
        if source.config.whole is not None and rng.random() < self.config.augment.lineup:
            return self._line_up(scene, source, rng), False, style
        exhaustive = source.config.labelled == "all" and source.config.whole is None
        alike = [source for source in self.sources if source.config.phrases == style]
        if self.config.augment.paste and rng.random() < self.config.augment.paste:
            scene = paste(scene, self._one(rng, alike)[0], rng)
        others = [place for place in self._unlike(source.captions_of(index)) if place[0] in alike]
        if others and rng.random() >= self.config.augment.contrast:
            others = []
        if others:
            other_source, other_index = others[int(rng.integers(len(others)))]
            other = augment(other_source.scene(other_index), self.config.augment, rng)
        elif rng.random() < self.config.augment.mosaic:
            other, other_source, other_index = self._one(rng, alike)
        else:
            return scene, exhaustive, style
        share = may_share_frame(source.captions_of(index), other_source.captions_of(other_index))
        share = share and "person" in scene.labelled and "person" in other.labelled  # nobody whom captions leave out
        exhaustive = exhaustive and other_source.config.labelled == "all" and other_source.config.whole is None
        return mosaic(scene, other, share, rng), exhaustive, style

    def _recoloured(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """The scene, at times with other colours of what people wear."""
        share = self.config.augment.recolour
        return recolour(scene, rng) if share and rng.random() < share else scene

    def _line_up(self, scene: Scene, source: Source, rng: np.random.Generator) -> Scene:
        """The scene and up to ``MOST_BESIDE`` others of its source side by side."""
        for _ in range(int(rng.integers(1, MOST_BESIDE + 1))):
            beside = augment(source.scene(int(rng.integers(len(source)))), self.config.augment, rng)
            scene = mosaic(beside, scene, False, rng)  # the new one on the left, so that ids stay unique
        return scene

    def _unlike(self, captions: Sequence[str]) -> list[tuple[Source, int]]:
        """Pictures with captions about another kind of person than these ("woman" beside "man")."""
        kind = spoken_of(captions)
        if kind is None:
            return []
        kinds = [other for other in self._kinds if may_share(kind, other)]
        return [place for other in kinds for place in self._kinds[other]]

    @cached_property
    def _kinds(self) -> dict[str, list[tuple[Source, int]]]:
        """Where a person is that all captions call by one kind, by kind."""
        found: dict[str, list[tuple[Source, int]]] = {}
        for source in self.sources:
            for index in range(len(source)):
                kind = spoken_of(source.captions_of(index))
                if kind is not None:
                    found.setdefault(kind, []).append((source, index))
        return found

    def _one(self, rng: np.random.Generator, sources: Sequence[Source]) -> tuple[Scene, Source, int]:
        weights = np.array([len(source) * source.config.weight for source in sources])
        source = sources[int(rng.choice(len(weights), p=weights / weights.sum()))]
        index = int(rng.integers(len(source)))
        return augment(source.scene(index), self.config.augment, rng), source, index

    def _phrases(self, scene: Scene, style: str, rng: np.random.Generator) -> list[Expression]:
        """Up to ``config.phrases`` expressions, made and given ones, as the source's ``phrases`` says."""
        count, hidden = self.config.phrases, self.options.held_out_names
        options = replace(self.options, class_names_only=style == "names")
        made = [] if style == "given" else synthesize(scene, rng, count, options)
        made = [self._lengthened(phrase, rng) for phrase in made]
        count_given = 0 if style == "names" else len(scene.expressions)
        given = [scene.expressions[int(k)] for k in rng.permutation(count_given)]
        given = [phrase for phrase in given if not says(phrase.text, hidden)]
        room = max(count - len(made), int(count * GIVEN_SHARE))
        chosen = given[:room]
        return chosen + made[: count - len(chosen)]

    def _lengthened(self, phrase: Expression, rng: np.random.Generator) -> Expression:
        """The phrase, at times with more words."""
        share = self.config.augment.lengthen
        return lengthen(phrase, self._sentences, rng) if self._sentences and rng.random() < share else phrase

    @cached_property
    def _sentences(self) -> list[Sentence]:
        """Captions of all pictures whose words may come behind a phrase; none that has a held-out noun."""
        captions = [
            text for source in self.sources for index in range(len(source)) for text in source.captions_of(index)
        ]
        return sentences(text for text in captions if not says(text, self.options.held_out_names))

    def _batch(self, scene: Scene, phrases: list[Expression], exhaustive: bool, rng: np.random.Generator) -> Batch:
        model = self.config.model
        box = Letterbox.fit(*scene.size, model.input_size)
        classes = {name: row for row, name in enumerate(model.categories)}
        objects = object_targets(scene, box, exhaustive, classes)
        words, known = self._words(phrases)
        named = phrase_targets(scene, known, objects, box, classes, self.config.phrases, model.mask_stride)
        maps, class_known = class_targets(scene, box, classes, model.class_stride)
        padded = _padded(objects, box.side // 4)
        hints = np.zeros_like(objects.heat)
        if rng.random() < HINT_PROBABILITY:
            hints.reshape(-1)[objects.cells] = 1.0
        return Batch(
            images=torch.from_numpy(normalise(box.apply(scene.image)))[None],
            vectors=torch.from_numpy(words)[None],
            hints=torch.from_numpy(hints)[None],
            cells=torch.from_numpy(padded["cells"])[None],
            targets=Targets(
                *(
                    torch.from_numpy(array)[None]
                    for array in (
                        named.masks, named.mask_known, named.valid, named.classes, named.members, named.choosable,
                        padded["boxes"], padded["valid"], padded["classes"], padded["masks"], padded["mask_known"],
                        objects.heat, objects.heat_weight, maps, class_known, self._rivals, named.traits,
                        shown_traits(objects, named),
                    )
                )
            ),
        )  # fmt: skip

    @cached_property
    def _rivals(self) -> np.ndarray:
        """(M,) bool: classes that are not only parts of others (see ``losses.Targets``)."""
        wholes = {source.config.whole for source in self.sources}
        parts = set(category_names(source for source in self.sources if source.config.whole))
        parts -= wholes | set(category_names(source for source in self.sources if not source.config.whole))
        return np.array([name not in parts for name in self.config.model.categories], dtype=bool)

    def _words(self, phrases: list[Expression]) -> tuple[np.ndarray, list[Expression]]:
        """Word vectors (P, T, D) of the phrases that have a known word, and those phrases."""
        words = np.zeros((self.config.phrases, MAX_TOKENS, self.vectors.dim), dtype=np.float32)
        known: list[Expression] = []
        for phrase in phrases:
            try:
                vectors, present = self.vectors.encode(tokenize(phrase.text), MAX_TOKENS)
            except PhraseError:
                continue
            if present.any():
                words[len(known)] = vectors
                known.append(phrase)
        return words, known


class Steps(Sampler[int]):
    """Indices of one process: its share of every step from ``first_step`` on."""

    def __init__(self, config: TrainConfig, first_step: int, rank: int, world: int) -> None:
        self._range = range(first_step, config.steps)
        self._images, self._rank, self._world = config.images, rank, world

    def __iter__(self) -> Iterator[int]:
        for step in self._range:
            start = (step * self._world + self._rank) * self._images
            yield from range(start, start + self._images)

    def __len__(self) -> int:
        return len(self._range) * self._images


def make_loader(data: TrainingData, first_step: int, rank: int = 0, world: int = 1) -> DataLoader[Batch]:
    """Batches of ``config.images`` pictures, prepared by ``config.workers`` processes beside the training."""
    workers = data.config.workers
    return DataLoader(
        data,
        batch_size=data.config.images,
        sampler=Steps(data.config, first_step, rank, world),
        num_workers=workers,
        collate_fn=join,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread,
    )


def join(batches: list[Batch]) -> Batch:
    """Concatenate single-picture batches."""
    inputs = [torch.cat(parts) for parts in zip(*(batch[:4] for batch in batches), strict=True)]
    targets = Targets(*(torch.cat(parts) for parts in zip(*(batch.targets for batch in batches), strict=True)))
    return Batch(inputs[0], inputs[1], inputs[2], inputs[3], targets)


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)  # the cores belong to the network


def _padded(objects: ObjectTargets, side: int) -> dict[str, np.ndarray]:
    """Pad objects to ``MAX_OBJECTS``."""
    count = len(objects.ids)
    masks = np.zeros((MAX_OBJECTS, side, side), dtype=np.float32)
    boxes = np.tile(np.array([0.5, 0.5, 0.1, 0.1], dtype=np.float32), (MAX_OBJECTS, 1))
    cells, classes = np.zeros(MAX_OBJECTS, dtype=np.int64), np.full(MAX_OBJECTS, IGNORED, dtype=np.int64)
    valid, mask_known = np.zeros(MAX_OBJECTS, dtype=bool), np.zeros(MAX_OBJECTS, dtype=bool)
    masks[:count], boxes[:count], cells[:count] = objects.masks, objects.boxes, objects.cells
    classes[:count] = objects.classes
    valid[:count], mask_known[:count] = True, objects.mask_known
    return {
        "masks": masks, "boxes": boxes, "cells": cells, "classes": classes, "valid": valid, "mask_known": mask_known
    }  # fmt: skip
