"""The names and signatures that users may rely on."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main

import deixis
from deixis import cli, errors
from deixis.config import DEFAULT_THRESHOLD, ServeConfig
from deixis.panels import of_dataset
from deixis.report import figures
from deixis.segmenter import Segmenter
from deixis.trainconfig import GloveConfig, SourceConfig, TrainConfig
from fakes import colour_segmenter, scene

EMBED_SETTINGS = {
    "dim", "window", "min_count", "max_words", "x_max", "epochs", "learning_rate", "buffer", "seed"
}  # fmt: skip
PROJECT = Path(__file__).resolve().parent.parent
ERRORS = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DeixisError",
    "ImageError",
    "InputError",
    "MissingExtra",
    "PhraseError",
]


def test_the_public_names() -> None:
    assert sorted(deixis.__all__) == sorted([*ERRORS, "Features", "Segmentation", "Segmenter", "__version__"])
    assert [name for name in dir(errors) if isinstance(getattr(errors, name), type)] == ERRORS


@pytest.mark.parametrize("name", deixis.__all__)
def test_each_public_name_is_there(name: str) -> None:
    value = getattr(deixis, name)
    assert name in dir(deixis)
    if isinstance(value, type):
        assert value is getattr(sys.modules[value.__module__], name)


def test_lazy_names_are_listed_before_they_are_loaded() -> None:
    program = "import deixis; print(*dir(deixis))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(deixis.__all__) <= set(done.stdout.split())


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="module 'deixis' has no attribute 'Segmentor'"):
        deixis.Segmentor  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Segmentor'"):
        exec("from deixis import Segmentor")


def test_the_version_has_one_source() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", deixis.__version__)
    project = (PROJECT / "pyproject.toml").read_text("utf-8")
    assert 'dynamic = ["version"]' in project and 'path = "src/deixis/__init__.py"' in project


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(deixis.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (Segmenter.load, "path=None, *, vectors=None, threads=0, device='cpu'"),
        (Segmenter.encode_image, "self, image"),
        (Segmenter.segment, f"self, image, phrase, *, threshold={DEFAULT_THRESHOLD}, presence=None"),
        (Segmenter.segment_many, f"self, image, phrases, *, threshold={DEFAULT_THRESHOLD}, presence=None"),
        (Segmenter.explain, f"self, image, phrase, *, threshold={DEFAULT_THRESHOLD}, presence=None"),
        (Segmenter.explain_many, f"self, image, phrases, *, threshold={DEFAULT_THRESHOLD}, presence=None"),
        (Segmenter.words, "self, phrase"),
    ],
)
def test_signatures(function: Any, signature: str) -> None:
    parameters = inspect.signature(function).parameters.values()
    bare = inspect.Signature([item.replace(annotation=inspect.Parameter.empty) for item in parameters])
    assert str(bare) == f"({signature})"


def test_value_objects_are_frozen_and_have_these_fields() -> None:
    for kind, names in (
        (deixis.Features, ["arrays", "height", "width", "input_size"]),
        (deixis.Segmentation, ["phrase", "mask", "evidence", "score", "terms", "proposals"]),
    ):
        assert [item.name for item in dataclasses.fields(kind)] == names
    features = colour_segmenter().encode_image(scene(8, 8, (0, 0, 4, 4)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        features.height = 9  # type: ignore[misc]


def test_the_promises_of_the_readme() -> None:
    image = scene(30, 50, (0, 0, 25, 30))
    segmenter = colour_segmenter()
    features = segmenter.encode_image(image)
    result = segmenter.segment(features, "red")
    assert (result.mask.shape, result.mask.dtype) == ((30, 50), np.bool_)
    assert (result.probability.shape, result.probability.dtype) == ((30, 50), np.float32)
    assert 0 <= result.probability.min() <= result.probability.max() <= 1
    assert isinstance(result.score, float) and 0 <= result.score <= 1
    assert result.share == result.mask.mean()
    assert isinstance(segmenter.segment_many(features, ["red", "blue"]), list)


# --- command line ------------------------------------------------------------------------------------------------


RUNS = {"model", "vectors", "threads", "device"}
SERVE_LIMITS = {"workers", "waiting", "max_bytes", "max_pixels"}


def parameters(command: str) -> dict[str, Any]:
    found: Any = typer.main.get_command(cli.make_app())
    for name in command.split():
        found = found.commands[name]
    return {item.name: item for item in found.params}


def defaults(command: str) -> dict[str, Any]:
    return {name: item.default for name, item in parameters(command).items() if name != "help"}


def test_the_commands() -> None:
    group: Any = typer.main.get_command(cli.make_app())
    commands = "segment explain batch evaluate score report figure train ablate export synthesize serve web-export"
    assert list(group.commands) == [*commands.split(), "embed", "data"]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("segment", {"image", "phrases", "output", "format", "threshold", "presence", *RUNS}),
        ("explain", {"image", "phrase", "out", "threshold", *RUNS}),
        (
            "batch",
            {"source", "out", "phrases", "images", "masks", "overlays", "threshold", "workers", "engine", "model"}
            | {"vectors", "device"},
        ),
        ("evaluate", {"datasets", "data", "json", "records", "resume", "baselines", *RUNS}),
        ("score", {"predictions", "truth", "data", "protocol", "json"}),
        ("report", {"runs", "table", "format"}),
        (
            "figure",
            {"number", "images", "phrase", "dataset", "data", "count", "pick", "seed", "output", "dpi", *RUNS},
        ),
        ("train", {"config", "run", "root", "backbone_weights"}),
        (
            "ablate",
            {"data", "runs", "preset", "dataset", "base", "rows", "seeds", "test", "test_data", "backbone_weights"},
        ),
        ("export", {"checkpoint", "output", "input_size", "int8"}),
        ("serve", {"host", "port", "token_file", *SERVE_LIMITS, *RUNS}),
        ("web-export", {"folder", "ort", "model", "vectors"}),
        ("data list", set()),
        ("data info", {"name"}),
        ("data download", {"name", "data", "only"}),
        ("data doctor", {"name", "data", "part", "json"}),
        (
            "synthesize",
            {"annotations", "images", "captions", "labelled", "whole", "crowds", "limit", "phrases", "seed", "draw"},
        ),
        ("embed convert", {"file", "out", "words", "licence"}),
        ("embed train", {"corpus", "out", *EMBED_SETTINGS}),
        ("embed info", {"folder"}),
        ("embed neighbours", {"word", "vectors", "count"}),
    ],
)
def test_the_options_of_each_command(command: str, options: set[str]) -> None:
    assert set(defaults(command)) == options


def test_defaults_are_those_of_the_api() -> None:
    load, ask = inspect.signature(Segmenter.load).parameters, inspect.signature(Segmenter.segment).parameters
    for command in ("segment", "evaluate", "figure"):
        assert defaults(command)["threads"] == load["threads"].default
        assert defaults(command)["model"] is load["path"].default
        assert defaults(command)["vectors"] is load["vectors"].default
    for name in ("threshold", "presence"):
        assert defaults("segment")[name] == ask[name].default
    save = inspect.signature(figures.save).parameters
    assert defaults("figure")["dpi"] == save["dpi"].default
    assert defaults("figure")["seed"] == inspect.signature(of_dataset).parameters["seed"].default


def test_defaults_are_those_of_the_dataclasses() -> None:
    values, source = defaults("synthesize"), SourceConfig("a.json", "images")
    for name in ("captions", "labelled", "whole", "crowds"):
        assert values[name] == getattr(source, name)
    for name, value in defaults("serve").items():
        assert value == getattr(ServeConfig(), name, value)
    fields = {item.name: item.default for item in dataclasses.fields(TrainConfig)}
    assert (values["phrases"], values["seed"]) == (fields["phrases"], fields["seed"])
    values, glove = defaults("embed train"), dataclasses.asdict(GloveConfig())
    assert {name: values[name] for name in EMBED_SETTINGS} == {name: glove[name] for name in EMBED_SETTINGS}
