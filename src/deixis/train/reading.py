"""Teach a trained network to read, without a picture: text is what there is plenty of.

Made phrases are short and say few things, so a classifier that saw only these takes "an old fashioned fridge next to
the cupboards" for a person, of whom all captions are. Here it also reads class names within other people's words
(``data.carriers``). The encoder of the other terms learns to take a made phrase about a thing that is dressed in such
words for that phrase. Nothing else of the network changes.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.data import nouns
from deixis.data.carriers import Carrier, Dressing, NounFinder, Reading, read
from deixis.data.coco import load_captions
from deixis.errors import DataError
from deixis.files import read_json, read_lines
from deixis.model.category import ExpressionClassifier
from deixis.model.text_encoder import TextEncoder
from deixis.text import MAX_TOKENS, tokenize
from deixis.vocabulary import Lexicon

BATCH = 32  # made phrases, and as many that are read into carriers
WARMUP = 100  # steps
WEIGHT_DECAY = 0.02
LARGEST_GRADIENT = 1.0


def read_texts(path: Path) -> list[str]:
    """The texts of a file: COCO captions, ReferIt's queries ({"1_2": ["left dog"]}), or one a line.

    Raises:
        DataError: no such file, or a .json file that is neither.
    """
    if path.suffix != ".json":
        return [line for _, line in read_lines(path) if line.strip()]
    content = read_json(path)
    if isinstance(content, dict) and "annotations" in content:
        return [caption for captions in load_captions(path).values() for caption in captions]
    if isinstance(content, dict) and all(isinstance(row, list) for row in content.values()):
        return [str(text) for row in content.values() for text in row]
    raise DataError(f"{path}: expected COCO captions or lists of texts by name, got something else")


def names_of(categories: Sequence[str], left_out: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """What each category may be called; one of which nothing is left is not spoken of."""
    named = {name: tuple(noun for noun in nouns.names(name) if noun not in left_out) for name in categories}
    return {name: found for name, found in named.items() if found}


class ReadingLesson:
    """Batches of phrases with the classes that they name.

    Args:
        made: synthesized phrases, which the classifier must not forget.
        carriers: of several kinds of text, each kind as often as the others.
        names: of each category, see ``names_of``.
        categories: M class names in the network's order.
        vectors: of words.
        seed: of what is drawn.
    """

    def __init__(
        self,
        made: Sequence[Reading],
        carriers: Sequence[Sequence[Carrier]],
        names: Mapping[str, tuple[str, ...]],
        categories: Sequence[str],
        vectors: Lexicon,
        seed: int,
    ) -> None:
        self._made, self._carriers, self._names, self._vectors = made, carriers, names, vectors
        self._rows: dict[str | None, int] = {name: row for row, name in enumerate(categories)}
        self._rows[None] = len(categories)
        self._rng = np.random.default_rng(seed)

    def batch(self) -> tuple[Tensor, Tensor]:
        """Word vectors (2 * BATCH, T, D), and the classes (2 * BATCH,), M for none."""
        drawn = [self._made[int(self._rng.integers(len(self._made)))] for _ in range(BATCH)]
        kinds = self._rng.integers(len(self._carriers), size=BATCH)
        drawn += [read(self._carriers[kind], self._names, self._rng) for kind in kinds]
        vectors = vectors_of([phrase.text for phrase in drawn], self._vectors)
        return vectors, torch.tensor([self._rows[phrase.category] for phrase in drawn])


class DressingLesson:
    """Batches of made phrases about things, as they are and dressed, and of all made phrases.

    Args:
        plain: of things: the words around the noun, and the noun.
        made: of people, too: what the encoder says of these must stay.
        dressing: words to dress with.
        vectors: of words.
        seed: of what is drawn.
    """

    def __init__(
        self,
        plain: Sequence[tuple[Carrier, str]],
        made: Sequence[Reading],
        dressing: Dressing,
        vectors: Lexicon,
        seed: int,
    ) -> None:
        self._plain, self._made, self._dressing, self._vectors = plain, made, dressing, vectors
        self._rng = np.random.default_rng(seed)

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Word vectors of BATCH phrases as they are, of the same ones dressed, and of others, each (BATCH, T, D)."""
        drawn = [self._plain[int(self._rng.integers(len(self._plain)))] for _ in range(BATCH)]
        plain = [" ".join((*carrier.before, noun, *carrier.after)) for carrier, noun in drawn]
        dressed = [self._dressing.dress(carrier, noun, self._rng) for carrier, noun in drawn]
        others = [self._made[int(self._rng.integers(len(self._made)))].text for _ in range(BATCH)]
        return (
            vectors_of(plain, self._vectors),
            vectors_of(dressed, self._vectors),
            vectors_of(others, self._vectors),
        )


def plain_phrases(made: Sequence[Reading], categories: Sequence[str]) -> list[tuple[Carrier, str]]:
    """Made phrases about things, taken apart."""
    finder = NounFinder(categories)
    things = (finder(row.text) for row in made if row.category is not None and not nouns.is_person(row.category))
    return [found for found in things if found is not None]


def teach_classes(classifier: ExpressionClassifier, lesson: ReadingLesson, steps: int, rate: float) -> Iterator[float]:
    """Train the classifier of phrases; gives each step's loss."""
    for _ in _descent(classifier, steps, rate):
        vectors, classes = lesson.batch()
        loss = F.cross_entropy(classifier(vectors), classes)
        torch.autograd.backward(loss)
        yield float(loss.detach())


def teach_encoder(encoder: TextEncoder, lesson: DressingLesson, steps: int, rate: float) -> Iterator[float]:
    """Train an encoder to say of dressed phrases what it said of the plain ones, and of others what it said.

    Gives each step's loss, 1 for each part that says nothing of what it should.
    """
    before = copy.deepcopy(encoder).eval()
    for _ in _descent(encoder, steps, rate):
        plain, dressed, others = lesson.batch()
        with torch.no_grad():
            meant, _ = before(plain)
            kept, words_kept = before(others)
        last, words = encoder(torch.cat([dressed, others]))
        there = (others != 0).any(dim=-1)
        errors = F.mse_loss(last[:BATCH], meant) + F.mse_loss(last[BATCH:], kept)
        loss = (errors + F.mse_loss(words[BATCH:][there], words_kept[there])) / meant.var(dim=0).mean()
        torch.autograd.backward(loss)
        yield float(loss.detach())


def _descent(part: nn.Module, steps: int, rate: float) -> Iterator[int]:
    """Each step's number, before its gradients are computed; after them the part moves, slower along a cosine."""
    optimiser = torch.optim.AdamW(part.parameters(), rate, weight_decay=WEIGHT_DECAY)
    part.train()
    for step in range(steps):
        share = min(1.0, (step + 1) / WARMUP) * (1 + math.cos(math.pi * step / steps)) / 2
        for group in optimiser.param_groups:
            group["lr"] = rate * share
        optimiser.zero_grad()
        yield step
        nn.utils.clip_grad_norm_(part.parameters(), LARGEST_GRADIENT)
        optimiser.step()
    part.eval()


def vectors_of(texts: Sequence[str], vectors: Lexicon) -> Tensor:
    """(N, MAX_TOKENS, D) word vectors of N texts, padded on the left; no word of some may be known."""
    return torch.from_numpy(np.stack([vectors.encode(tokenize(text), MAX_TOKENS)[0] for text in texts]))
