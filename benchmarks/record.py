"""Results as JSON, checked against their shape both when they are written and when they are read.

A shape is ``float`` (any finite number), ``int``, ``str`` or ``bool``; {"name": shape, ...} for exactly these names;
{str: shape} for any names, at least one; [shape] for a list of at least one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

Shape = Any
QUARTILES = {"median": float, "low": float, "high": float}
MACHINE = {str: object}


def write(path: Path, result: Any, shape: Shape) -> None:
    check(result, shape, path.name)
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def read(path: Path, shape: Shape) -> Any:
    result = json.loads(path.read_text("utf-8"))
    check(result, shape, path.name)
    return result


def check(value: Any, shape: Shape, where: str) -> None:
    """Raise ValueError, which names the place, where a value is not of its shape."""
    if isinstance(shape, dict):
        _check_names(value, shape, where)
        for name, part in value.items():
            check(part, shape.get(name, shape.get(str)), f"{where}: {name}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            raise ValueError(f"{where}: expected a list of at least one, got {value!r}")
        for index, part in enumerate(value):
            check(part, shape[0], f"{where}[{index}]")
    elif shape is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{where}: expected a finite number, got {value!r}")
    elif (shape is int and isinstance(value, bool)) or not isinstance(value, shape):
        raise ValueError(f"{where}: expected {shape.__name__}, got {value!r}")


def _check_names(value: Any, shape: dict[Any, Shape], where: str) -> None:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{where}: expected an object, got {value!r}")
    if str not in shape and value.keys() != shape.keys():
        raise ValueError(f"{where}: expected {', '.join(shape)}; got {', '.join(value)}; run the benchmark again")
