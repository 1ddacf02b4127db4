"""Configuration: typos are errors that name the key, and what is written is read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deixis.config import ModelConfig
from deixis.configfile import from_mapping, read_config, to_mapping
from deixis.errors import ConfigError
from deixis.trainconfig import AugmentConfig, GloveConfig, SourceConfig, TrainConfig

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*"))
SMALLEST = {
    "model": {"categories": ["dog"]},
    "sources": [{"annotations": "a.json", "images": "images"}],
    "validation": {"annotations": "b.json", "images": "images"},
}


def test_the_defaults_are_those_of_the_dataclasses() -> None:
    config = from_mapping(TrainConfig, SMALLEST)
    assert config == TrainConfig(
        model=ModelConfig(("dog",)),
        sources=(SourceConfig("a.json", "images"),),
        validation=SourceConfig("b.json", "images"),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 3}, "^step: unknown setting; known ones are .*steps"),
        ({"model": {"categories": ["dog"], "widht": 3}}, r"^model\.widht: unknown setting"),
        ({"sources": [{"annotations": "a", "images": "b", "weigth": 1}]}, r"^sources\[0\]\.weigth: unknown"),
        ({"sources": [{"annotations": "a"}]}, r"^sources\[0\]\.images: expected the folder of the pictures"),
        ({"sources": [{"images": "b"}]}, r"^sources\[0\]\.annotations: .*, got both or neither"),
        ({"sources": [{"annotations": "a", "images": "b", "phrases": "many"}]}, "phrases: .*'given', got 'many'"),
        ({"sources": [{"annotations": "a", "images": "b", "part": [0.5, 0.2]}]}, "part: expected two rising shares"),
        ({"embedding": "fixd"}, "^embedding: expected 'fixed' or 'learned', got 'fixd'"),
        ({"optimiser": "adam"}, "^optimiser: expected 'adamw' or 'sgd', got 'adam'"),
        ({"sources": []}, "^sources: expected at least one"),
        ({"model": {}}, r"^model\.categories: this setting is required"),
        ({"model": {"categories": ["dog", 3]}}, r"^model\.categories\[1\]: expected str, got 3"),
        ({"model": {"categories": "dog"}}, r"^model\.categories: expected a list, got 'dog'"),
        ({"model": {"categories": []}}, r"^model\.categories: expected at least one"),
        ({"model": {"categories": ["dog", "dog"]}}, r"^model\.categories: .*each once"),
        ({"model": {"categories": ["dog"], "input_size": 100}}, r"^model\.input_size: .*multiple of 32, got 100"),
        ({"model": {"categories": ["dog"], "input_size": 32}}, r"^model\.candidates: .*got 16"),
        ({"model": {"categories": ["dog"], "relate_width": 30}}, r"^model\.relate_width: .*multiple of 4"),
        ({"model": {"categories": ["dog"], "dropout": 1}}, r"^model\.dropout: "),
        ({"model": {"categories": ["dog"], "width": 0}}, r"^model\.width: expected at least 1"),
        ({"model": 3}, "^model: expected a table of settings, got int"),
        ({"steps": "many"}, "^steps: expected int, got 'many'"),
        ({"steps": True}, "^steps: expected int, got True"),
        ({"steps": 2.5}, "^steps: expected int"),
        ({"steps": 0}, "^steps: expected at least 1"),
        ({"validate_every": 0}, "^validate_every: expected at least 1"),
        ({"seed": -1}, "^seed: expected at least 0"),
        ({"ema": 1.0}, "^ema: "),
        ({"frozen_stride": 5}, "^frozen_stride: expected 0, 4, 8, 16 or 32, got 5"),
        ({"vectors": 3}, "^vectors: expected str, got 3"),
        ({"augment": {"flip": 2}}, r"^augment\.flip: expected a probability"),
        ({"augment": {"recolour": -0.1}}, r"^augment\.recolour: expected a probability"),
        ({"augment": {"min_scale": 0}}, r"^augment\.min_scale: "),
        ({"augment": {"jitter": 1.5}}, r"^augment\.jitter: "),
        ({"validation": {"annotations": "b", "images": "c", "weight": 0}}, r"^validation\.weight: "),
    ],
)
def test_errors_name_the_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(TrainConfig, {**SMALLEST, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 0}, "dim: expected at least 1"),
        ({"window": -1}, "window: expected at least 1"),
        ({"buffer": 0}, "buffer: expected at least 1"),
        ({"x_max": 0.0}, "x_max: expected a number above 0"),
        ({"x_max": float("nan")}, "x_max: expected a number above 0"),
        ({"exponent": float("inf")}, "exponent: expected a number above 0"),
        ({"learning_rate": 2.0}, "learning_rate: expected a number above 0 and at most 1"),
        ({"seed": -1}, "seed: expected at least 0"),
    ],
)
def test_impossible_settings_of_glove(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(GloveConfig, changes)


def test_whole_numbers_are_floats_where_floats_are_meant() -> None:
    config = from_mapping(TrainConfig, {**SMALLEST, "clip": 3, "vectors": None})
    assert type(config.clip) is float
    assert config.vectors is None


def test_a_union_takes_each_of_its_types() -> None:
    def labelled(value: object) -> object:
        return from_mapping(SourceConfig, {"annotations": "a", "images": "b", "labelled": value}).labelled

    assert labelled("none") == "none"
    assert labelled(["person", "dog"]) == ("person", "dog")
    with pytest.raises(ConfigError, match=r"^labelled: "):
        labelled(3)


def test_round_trip_through_json() -> None:
    config = from_mapping(TrainConfig, SMALLEST)
    config = replace(config, augment=AugmentConfig(flip=0.1), sources=(replace(config.sources[0], labelled=("dog",)),))
    assert from_mapping(TrainConfig, json.loads(json.dumps(to_mapping(config)))) == config


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**SMALLEST, "steps": 7}))
    (tmp_path / "a.toml").write_text(
        'steps = 7\n[model]\ncategories = ["dog"]\n[[sources]]\nannotations = "a.json"\nimages = "images"\n'
        '[validation]\nannotations = "b.json"\nimages = "images"\n'
    )
    assert read_config(TrainConfig, tmp_path / "a.toml") == read_config(TrainConfig, tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"steps = ", "not valid TOML"),
        ("a.json", b"{", "not valid JSON"),
        ("a.json", b"\xff\xfe", "not valid JSON"),
        ("a.json", b"[]", "expected a table of settings, got list"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_config(TrainConfig, tmp_path / name)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a configuration file"):
        read_config(TrainConfig, tmp_path / "nothing.toml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_configuration_parses(path: Path) -> None:
    assert read_config(TrainConfig, path).steps > 0
