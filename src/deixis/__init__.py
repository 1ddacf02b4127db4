"""Point at things in pictures with words: masks from referring expressions, on a CPU, offline.

    from deixis import Segmenter
    result = Segmenter.load().segment("photo.jpg", "left dog")

Importing the package is cheap; NumPy, Pillow and ONNX Runtime are loaded when ``Segmenter`` is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deixis.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    DeixisError,
    ImageError,
    InputError,
    MissingExtra,
    PhraseError,
)

if TYPE_CHECKING:
    from deixis.segmenter import Segmenter
    from deixis.types import Features, Segmentation

__version__ = "0.1.0"  # the only place; pyproject.toml reads it

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DeixisError",
    "Features",
    "ImageError",
    "InputError",
    "MissingExtra",
    "PhraseError",
    "Segmentation",
    "Segmenter",
    "__version__",
]

if not TYPE_CHECKING:  # else a type checker would believe that every name exists
    _LAZY = {"Segmenter": "deixis.segmenter", "Segmentation": "deixis.types", "Features": "deixis.types"}

    def __getattr__(name):
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value  # the next access does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
