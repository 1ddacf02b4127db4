"""Datasets of referring expressions as something to train on and to choose a checkpoint by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from PIL import Image

from deixis.data.leakage import SourceReport
from deixis.data.scenes import SceneSource
from deixis.data.sentences import SentenceSource
from deixis.data.shapes import SHAPES
from deixis.data.sources import category_names, open_source, validation_samples
from deixis.data.synthesize import SynthesisOptions
from deixis.errors import ConfigError
from deixis.trainconfig import SourceConfig
from tiny import write_refer

REFCOCO = SourceConfig(expressions="refcoco:train", images=".", phrases="given")


def test_what_people_said_becomes_a_scene(tmp_path: Path) -> None:
    write_refer(tmp_path)
    source = open_source(REFCOCO, tmp_path)
    assert isinstance(source, SentenceSource) and len(source) == 5
    scene, samples = source.scene(0), source.samples(0)
    assert scene.labelled == frozenset(), "what nobody speaks of may be there all the same"
    assert [expression.text for expression in scene.expressions] == [sample.phrase for sample in samples]
    by_id = {item.id: item for item in scene.objects}
    for expression, sample in zip(scene.expressions, samples, strict=True):
        (target,) = expression.target_ids
        mask = by_id[target].mask
        assert mask is not None and (mask == sample.mask).all()
        assert (expression.category, expression.kind) == (by_id[target].category, "human")
    assert validation_samples(source, 6, 0, SynthesisOptions())[0].phrase == samples[0].phrase


def test_nothing_is_said_of_leaks(tmp_path: Path) -> None:
    write_refer(tmp_path)
    assert open_source(REFCOCO, tmp_path).about() == SourceReport("refcoco:train", 5, leak_free=None)


def test_a_part_of_the_pictures(tmp_path: Path) -> None:
    write_refer(tmp_path)
    parts = [SentenceSource(SourceConfig(expressions="refcoco:train", images=".", part=part), tmp_path)
             for part in ((0.0, 0.6), (0.6, 1.0))]  # fmt: skip
    ids = [{sample.image_id for index in range(len(part)) for sample in part.samples(index)} for part in parts]
    assert (len(ids[0]), len(ids[1])) == (3, 2) and not ids[0] & ids[1]
    with pytest.raises(ConfigError, match="expected at least one picture"):
        SentenceSource(SourceConfig(expressions="refcoco:train", images=".", part=(0.0, 0.05)), tmp_path)


def test_splits_that_measure_are_not_trained_on(tmp_path: Path) -> None:
    write_refer(tmp_path)
    with pytest.raises(ConfigError, match="expected a split to train on, got refcoco:val"):
        open_source(SourceConfig(expressions="refcoco:val", images="."), tmp_path)


def test_regions_without_masks_are_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "visual_genome"
    (folder / "VG_100K").mkdir(parents=True)
    Image.new("RGB", (20, 10)).save(folder / "VG_100K" / "1.jpg")
    about = {"image_id": 1, "width": 20, "height": 10, "url": "https://x/VG_100K/1.jpg", "coco_id": None}
    region = {"region_id": 7, "image_id": 1, "x": 2, "y": 3, "width": 5, "height": 4, "phrase": "a red kite"}
    (folder / "image_data.json").write_text(json.dumps([about]))
    (folder / "region_descriptions.json").write_text(json.dumps([{"id": 1, "regions": [region]}]))
    source = open_source(SourceConfig(expressions="visual_genome:all", images=".", phrases="given"), tmp_path)
    (item,) = source.scene(0).objects
    assert item.mask is None and item.box_xyxy == (2, 3, 7, 7)
    assert category_names([source]) == ()


def test_class_names_come_from_what_is_labelled_completely(tmp_path: Path) -> None:
    write_refer(tmp_path)
    masks = SceneSource(SourceConfig("refcoco/instances.json", "images"), tmp_path)
    assert set(category_names([open_source(REFCOCO, tmp_path), masks])) <= set(SHAPES)
    assert masks.captions_of(0) == ()


def test_validation_phrases_depend_on_the_seed_alone(tmp_path: Path) -> None:
    write_refer(tmp_path)
    masks = SceneSource(SourceConfig("refcoco/instances.json", "images"), tmp_path)
    first, second, other = (
        [sample.phrase for sample in validation_samples(masks, 6, seed, SynthesisOptions())] for seed in (1, 1, 2)
    )
    assert first == second != other
