"""Parts of a dataset by what the phrase says and what is in the picture: pure functions of records.

Slices overlap, and need not cover everything. The words come from the lists that the synthesis uses.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from deixis.data.attributes import COLOURS
from deixis.data.templates import AS_PEOPLE_SAY, RELATIONS, WORDINGS
from deixis.embeddings import is_word
from deixis.errors import PhraseError
from deixis.text import LOCATION_WORDS, ORDINAL_WORDS, tokenize, words_of
from deixis.types import Record, Sample
from deixis.vocabulary import Lexicon

SMALL, MEDIUM = 32**2, 96**2  # pixels of the target at the original size: COCO's limits of small and medium
COLOUR_WORDS = frozenset(COLOURS) | {word for words in AS_PEOPLE_SAY.values() for word in words}
UNKNOWN = "unknown_words"  # the tag: words of the phrase without a vector, joined by blanks


def slices(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by name of the slice, in order; slices of which there is none are left out."""
    rows = list(records)
    parts = {name: [row for row in rows if test(row)] for name, test in SLICES.items()}
    return {name: part for name, part in parts.items() if part}


def tag_unknown_words(samples: Iterable[Sample], vocabulary: Lexicon) -> Iterator[Sample]:
    """Note in each sample's tags which words of its phrase are not in the vocabulary."""
    for sample in samples:
        words = [token for token in _tokens(sample.phrase) if is_word(token) and token not in vocabulary]
        yield dataclasses.replace(sample, tags={**sample.tags, UNKNOWN: " ".join(words)})


def _tokens(phrase: str) -> list[str]:
    try:
        return tokenize(phrase)
    except PhraseError:  # blanks only: ``evaluate`` counts it as answered by nothing
        return []


def says_relation(phrase: str) -> bool:
    """Whether a phrase tells its object by another one: "dog next to the car", but not "dog on the left"."""
    return _RELATION.search(" ".join(words_of(phrase))) is not None


def _connecting() -> Iterator[str]:
    """What stands between the two nouns in the relations' wordings."""
    for key in RELATIONS:
        for text, _, _ in WORDINGS[key]:
            words = text.removeprefix("{n}").removesuffix("{m}").replace("{the}", "").replace("{an}", "")
            yield words.strip().replace("{s}", "(?:left|right)")


def _any_of(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(set(words), key=len, reverse=True)) + ")"


_PLACE = _any_of(LOCATION_WORDS | ORDINAL_WORDS)
_RELATION = re.compile(rf"\b{_any_of(_connecting())} (?!(?:(?:the|a|an) )?{_PLACE}\b)\w")


def _says(words: frozenset[str]) -> Callable[[Record], bool]:
    return lambda record: not words.isdisjoint(words_of(record.phrase))


SLICES: Mapping[str, Callable[[Record], bool]] = {
    "location words": _says(LOCATION_WORDS),
    "colour words": _says(COLOUR_WORDS),
    "ordinal words": _says(ORDINAL_WORDS),
    "relation": lambda record: says_relation(record.phrase),
    "unknown word": lambda record: bool(record.tags.get(UNKNOWN)),
    "small target": lambda record: 0 < record.target < SMALL,
    "medium target": lambda record: SMALL <= record.target < MEDIUM,
    "large target": lambda record: record.target >= MEDIUM,
    "one of its class": lambda record: record.distractor_iou is None,
    "several of its class": lambda record: record.distractor_iou is not None,
}
