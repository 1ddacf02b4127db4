"""Config dataclasses from and to TOML and JSON: the names are the same, an unknown key or a wrong type is an error."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from deixis.errors import ConfigError

T = TypeVar("T")


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
    except (ValueError, RecursionError) as error:
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
