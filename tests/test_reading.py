"""The classifier of phrases learns from text alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from deixis.data.carriers import Dressing, Reading, find_carriers
from deixis.embeddings import WordVectors
from deixis.errors import DataError
from deixis.model.category import ExpressionClassifier
from deixis.model.text_encoder import TextEncoder
from deixis.text import MAX_TOKENS, tokenize
from deixis.train.reading import (
    BATCH,
    DressingLesson,
    ReadingLesson,
    names_of,
    plain_phrases,
    read_texts,
    teach_classes,
    teach_encoder,
)

CLASSES = ("cat", "dog")
TEXTS = ["a shiny cat near the gate", "old dog with a hat", "dog", "sky above the cat", "fat cat on the wall"]


def vectors() -> WordVectors:
    words = sorted({word for text in [*TEXTS, "cats dogs kitty kitten doggy puppy pup"] for word in tokenize(text)})
    rng = np.random.default_rng(0)
    return WordVectors.from_float(words, rng.normal(size=(len(words), 8)).astype(np.float32))


def lesson(seed: int = 0) -> ReadingLesson:
    made = [Reading("cat", "cat"), Reading("dog", "dog")]
    carriers = [find_carriers(TEXTS, CLASSES)]
    return ReadingLesson(made, carriers, names_of(CLASSES, frozenset()), CLASSES, vectors(), seed)


def test_a_batch_is_half_made_and_half_read() -> None:
    words, classes = lesson().batch()
    assert words.shape == (2 * BATCH, MAX_TOKENS, 8)
    assert set(classes[:BATCH].tolist()) == {0, 1}
    assert set(classes[BATCH:].tolist()) == {0, 1, 2}  # 2 is none of them
    again, _ = lesson().batch()
    torch.testing.assert_close(words, again)


def test_it_learns_to_read_past_words_that_it_was_not_told_of() -> None:
    torch.manual_seed(0)
    classifier = ExpressionClassifier(TextEncoder(8, 24, 0.0), 24, len(CLASSES))
    losses = list(teach_classes(classifier, lesson(), steps=600, rate=5e-3))
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    asked = ["old cat near the wall", "shiny dog on the gate"]
    words = np.stack([vectors().encode(tokenize(text), MAX_TOKENS)[0] for text in asked])
    assert classifier(torch.from_numpy(words)).argmax(dim=-1).tolist() == [0, 1]
    assert not classifier.training


def test_names_left_out_are_not_said() -> None:
    assert names_of(("couch",), frozenset({"sofa"})) == {"couch": ("couch",)}
    assert names_of(("couch", "dog"), frozenset({"couch", "sofa"})).keys() == {"dog"}


def test_texts_come_from_captions_queries_and_lines(tmp_path: Path) -> None:
    captions = {
        "annotations": [{"id": 1, "image_id": 5, "caption": "A dog."}, {"id": 2, "image_id": 5, "caption": "A cat"}]
    }
    for name, content in (("captions.json", captions), ("queries.json", {"1_1": ["left dog", "dog"], "1_2": ["cat"]})):
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "lines.txt").write_text("one dog\n\ntwo dogs\n")
    assert read_texts(tmp_path / "captions.json") == ["A dog.", "A cat"]
    assert read_texts(tmp_path / "queries.json") == ["left dog", "dog", "cat"]
    assert read_texts(tmp_path / "lines.txt") == ["one dog", "two dogs"]
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(DataError, match="expected COCO captions"):
        read_texts(tmp_path / "other.json")
    (tmp_path / "half.json").write_text('{"1_1": [')
    with pytest.raises(DataError, match=r"half\.json"):
        read_texts(tmp_path / "half.json")
    with pytest.raises(DataError, match="expected a JSON file, found nothing there"):
        read_texts(tmp_path / "missing.json")


def test_an_encoder_learns_to_take_a_dressed_phrase_for_the_plain_one() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(8, 16, 0.0)
    made = [Reading("cat", "cat"), Reading("dog", "dog")]
    dressing = DressingLesson(plain_phrases(made, CLASSES), made, Dressing(find_carriers(TEXTS, CLASSES)), vectors(), 0)
    plain, dressed, others = dressing.batch()
    assert plain.shape == dressed.shape == others.shape == (BATCH, MAX_TOKENS, 8)
    meant, kept = (encoder(words)[0].detach() for words in (plain, others))
    far = (encoder(dressed)[0] - meant).square().mean()
    list(teach_encoder(encoder, dressing, steps=300, rate=5e-3))
    assert (encoder(dressed)[0] - meant).square().mean() < 0.3 * far
    assert (encoder(others)[0] - kept).square().mean() < 0.3 * far


def test_only_phrases_about_things_are_dressed() -> None:
    made = [Reading("left man", "person"), Reading("left dog", "dog"), Reading("sky", None)]
    assert [noun for _, noun in plain_phrases(made, ("person", "dog"))] == ["dog"]
