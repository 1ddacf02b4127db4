"""Batches: repeatable, shared out among processes, and shaped as the network and the losses expect."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from PIL import Image

from deixis.data.scenes import SceneSource
from deixis.data.sources import Source, open_source
from deixis.data.synthesize import SynthesisOptions
from deixis.embeddings import WordVectors
from deixis.train.loader import Batch, Steps, TrainingData, join, make_loader
from deixis.train.tails import LENGTHENED
from deixis.train.targets import MAX_OBJECTS
from deixis.trainconfig import AugmentConfig, SourceConfig
from deixis.types import Scene
from tiny import tiny_data, write_refer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return tiny_data(tmp_path_factory.mktemp("loader"))


def same(left: Batch, right: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip((*left[:4], *left.targets), (*right[:4], *right.targets), strict=True))


def test_an_item_is_a_function_of_seed_and_index(data: TrainingData) -> None:
    again = TrainingData(data.config, data.sources, data.vectors, data.options)
    assert same(data[5], again[5])
    assert same(data[5], data[5])
    assert not same(data[5], data[6])


def test_another_seed_is_another_item(data: TrainingData, tmp_path: Path) -> None:
    assert not same(data[5], tiny_data(tmp_path, seed=1)[5])


def test_shapes(data: TrainingData) -> None:
    batch = join([data[index] for index in range(3)])
    assert batch.images.shape == (3, 3, 64, 64) and batch.vectors.shape == (3, 4, 20, 8)
    assert batch.hints.shape == (3, 8, 8) and batch.cells.shape == (3, MAX_OBJECTS)
    targets = batch.targets
    assert targets.masks.shape == (3, 4, 16, 16) and targets.members.shape == (3, 4, MAX_OBJECTS)
    assert targets.object_masks.shape == (3, MAX_OBJECTS, 16, 16) and targets.classes.shape == (3, 3, 8, 8)
    assert targets.phrase_valid.any() and targets.heat_weight.all()
    assert batch.images.dtype == torch.float32 and targets.phrase_class.dtype == torch.int64


def test_parts_are_no_rivals_of_whole_objects(tmp_path: Path) -> None:
    """Regions of a picture that make up a circle are its parts, unless another source has them as things."""
    data = tiny_data(tmp_path)
    (source,) = data.config.sources
    parts = open_source(replace(source, whole="circle"), tmp_path)
    rivals = dict(zip(data.config.model.categories, replace(data, sources=[parts])._rivals, strict=True))
    assert rivals == {"circle": True, "square": False, "triangle": False}
    assert replace(data, sources=[parts, *data.sources])._rivals.all()
    assert torch.equal(data[0].targets.rivals, torch.ones(1, 3, dtype=torch.bool))


def test_a_phrase_has_words_exactly_where_it_is_valid(data: TrainingData) -> None:
    for index in range(8):
        batch = data[index]
        assert torch.equal((batch.vectors != 0).flatten(2).any(-1), batch.targets.phrase_valid)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 10, 30), (1.0, 40, 40)])
def test_clothes_are_recoloured_before_phrases_are_made(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch, share: float, least: int, most: int
) -> None:
    def emptied(scene: Scene, _: np.random.Generator) -> Scene:
        return replace(scene, objects=(), labelled=frozenset())

    monkeypatch.setattr("deixis.train.loader.recolour", emptied)
    changed = replace(data, config=replace(data.config, augment=replace(data.config.augment, recolour=share)))
    silent = [index for index in range(40) if not changed.phrases(index)]
    assert least <= len(silent) <= most
    assert all(not changed[index].targets.phrase_valid.any() for index in silent)


@pytest.mark.parametrize(
    ("share", "held_out", "some", "every"),
    [(0.0, "", False, False), (0.5, "", True, False), (1.0, "", True, True), (1.0, "hat", False, False)],
)
def test_phrases_go_on_with_words_of_captions(
    tmp_path: Path, share: float, held_out: str, some: bool, every: bool
) -> None:
    data = tiny_data(tmp_path)
    (source,) = data.sources
    assert isinstance(source, SceneSource)
    source.captions = {source.images[0].id: ("A man in a hat walking a dog", "Shapes")}
    config = replace(data.config, augment=replace(data.config.augment, lengthen=share))
    options = SynthesisOptions(held_out_names=frozenset({held_out} - {""}))
    changed = TrainingData(config, data.sources, data.vectors, options)
    found = [phrase for index in range(20) for phrase in changed.phrases(index)]
    lengthened = [phrase for phrase in found if phrase.kind == "caption"]
    assert bool(lengthened) == some and all("hat walking" in phrase.text for phrase in lengthened)
    assert all(phrase.kind not in LENGTHENED for phrase in found) == every


def test_given_sentences_with_a_held_out_word_are_left_out(tmp_path: Path) -> None:
    write_refer(tmp_path)
    sources = (SourceConfig(expressions="refcoco:train", images=str(tmp_path), phrases="given"),)
    data = tiny_data(tmp_path)

    def said(held_out: frozenset[str]) -> set[str]:
        options = SynthesisOptions(held_out_names=held_out)
        opened = [open_source(source, tmp_path) for source in sources]
        given = TrainingData(data.config, opened, data.vectors, options)
        return {phrase.text for index in range(20) for phrase in given.phrases(index)}

    everything = said(frozenset())
    assert said(frozenset({"square"})) == everything - {"the square"} != everything


def test_phrases_without_a_known_word_are_left_out(tmp_path: Path) -> None:
    data = tiny_data(tmp_path)
    foreign = WordVectors.from_float(["qwertz"], np.ones((1, data.vectors.dim), dtype=np.float32))
    silent = TrainingData(data.config, data.sources, foreign, SynthesisOptions(noise=0.0))
    batch = silent[0]
    assert not batch.targets.phrase_valid.any() and not batch.targets.masks.any()


def test_hints_are_at_the_centres_half_the_time(data: TrainingData) -> None:
    given = 0
    for index in range(40):
        batch = data[index]
        if batch.hints.any():
            given += 1
            cells = batch.cells[batch.targets.object_valid].unique()
            assert torch.equal(batch.hints.flatten().nonzero().flatten(), cells)
    assert 10 < given < 30


def test_a_mosaic_of_given_sentences(tmp_path: Path) -> None:
    data = tiny_data(tmp_path, augment=AugmentConfig(mosaic=1.0))
    scene, exhaustive, _ = data._draw(np.random.default_rng(0))
    assert " + " in scene.source and exhaustive
    assert scene.size[1] > scene.size[0]


CAPTIONS = ("A man on a horse", "A woman with a hat", "A boy", "A man and a woman")


def captioned(folder: Path, **augment: float) -> TrainingData:
    """Pictures of one person each, with a caption each."""
    (folder / "people").mkdir()
    images, annotations, captions = [], [], []
    for number, caption in enumerate(CAPTIONS, 1):
        Image.new("RGB", (64, 64), (60 * number, 90, 90)).save(folder / "people" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 64})
        outline = [[10, 10, 40, 10, 40, 50, 10, 50]]
        row = {"id": number, "image_id": number, "category_id": 1, "bbox": [10, 10, 30, 40], "segmentation": outline}
        annotations.append(row)
        captions.append({"id": number, "image_id": number, "caption": caption})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (folder / "people.json").write_text(json.dumps(content))
    (folder / "captions.json").write_text(json.dumps({"annotations": captions}))
    source = SourceConfig("people.json", "people", captions="captions.json", labelled="none")
    settings = AugmentConfig(mosaic=0.0, paste=0.0, min_scale=1.0, **augment)
    return tiny_data(folder, sources=(source,), augment=settings)


def test_captions_of_different_people_stand_side_by_side(tmp_path: Path) -> None:
    data = captioned(tmp_path, contrast=1.0)
    for index in range(30):
        scene, _, _ = data._draw(np.random.default_rng(index))
        pictures = [part.split(": ")[1] for part in scene.source.split(" + ")]
        if pictures == ["4.png"]:
            continue  # a man and a woman: nobody is unlike them
        said = {CAPTIONS[int(name[0]) - 1] for name in pictures}
        assert said in ({CAPTIONS[0], CAPTIONS[1]}, {CAPTIONS[1], CAPTIONS[2]}), "a boy may pass for a man"
        assert said <= {phrase.text for phrase in scene.expressions}
        assert {len(phrase.target_ids) for phrase in scene.expressions} == {1}
        assert len({target for phrase in scene.expressions for target in phrase.target_ids}) == 2


def test_contrast_stays_among_sources_of_one_style(tmp_path: Path) -> None:
    data = captioned(tmp_path, contrast=1.0)
    (man,) = data.sources
    woman = SceneSource(replace(man.config, phrases="names"), tmp_path)
    apart = replace(data, sources=(replace_images(man, 0), replace_images(woman, 1)))
    assert not any(" + " in apart._draw(np.random.default_rng(index))[0].source for index in range(20))


def replace_images(source: Source, index: int) -> Source:
    """The source with one of its pictures alone."""
    source.images = source.images[index : index + 1]
    return source


def test_dressed_people_stand_in_a_row(tmp_path: Path) -> None:
    """Pictures with parts, one beside the other: each whole of its own, all labels as complete as before."""
    data = tiny_data(tmp_path)
    (source,) = data.config.sources
    dressed = open_source(replace(source, whole="circle"), tmp_path)
    augment = AugmentConfig(lineup=1.0, mosaic=0.0, paste=0.0)
    rows = replace(data, config=replace(data.config, augment=augment), sources=[dressed])
    scenes = [rows._draw(np.random.default_rng(seed))[0] for seed in range(12)]
    wholes = [[item for item in scene.objects if not item.is_part] for scene in scenes]
    assert {len(group) for group in wholes} == {2, 3, 4}
    for scene, group in zip(scenes, wholes, strict=True):
        assert len({item.id for item in scene.objects}) == len(scene.objects)
        boxes = sorted(item.box_xyxy for item in group)
        assert all(left[2] <= right[0] for left, right in itertools.pairwise(boxes)), "beside one another"
        assert scene.labelled == dressed.scene(0).labelled  # type: ignore[union-attr]
    alone = replace(rows, config=replace(data.config, augment=replace(augment, lineup=0.0)))
    assert sum(not item.is_part for item in alone._draw(np.random.default_rng(0))[0].objects) == 1


def test_without_contrast_they_stand_alone(tmp_path: Path) -> None:
    data = captioned(tmp_path, contrast=0.0)
    assert not any(" + " in data._draw(np.random.default_rng(index))[0].source for index in range(20))


@pytest.mark.parametrize("first", [0, 3])
def test_processes_share_every_step(data: TrainingData, first: int) -> None:
    world = 2
    shares = [list(Steps(data.config, first, rank, world)) for rank in range(world)]
    assert set(shares[0]).isdisjoint(shares[1])
    assert sorted(shares[0] + shares[1]) == list(range(first * 8, 6 * 8))
    assert all(len(Steps(data.config, first, rank, world)) == len(shares[rank]) for rank in range(world))


def test_a_resumed_loader_goes_on_where_the_first_would_have(data: TrainingData) -> None:
    whole, resumed = list(make_loader(data, 0)), list(make_loader(data, 4))
    assert len(whole) == 6 and len(resumed) == 2
    assert all(same(left, right) for left, right in zip(whole[4:], resumed, strict=True))
    assert same(whole[0], join([data[index] for index in range(4)]))


def test_a_worker_process_gives_the_same(tmp_path: Path) -> None:
    data = tiny_data(tmp_path, workers=1, steps=1)
    assert same(next(iter(make_loader(data, 0))), join([data[index] for index in range(4)]))
