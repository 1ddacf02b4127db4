"""Options that several commands have."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer


class Device(str, enum.Enum):
    """Where the network runs."""

    cpu = "cpu"
    auto = "auto"
    cuda = "cuda"
    tensorrt = "tensorrt"


Model = Annotated[Path | None, typer.Option(metavar="FILE", help="A .deixis file.", show_default="the bundled model")]
Vectors = Annotated[Path | None, typer.Option(metavar="DIR", help="Word vectors.", show_default="the bundled ones")]
Threads = Annotated[int, typer.Option(min=0, help="Of ONNX Runtime; 0 for one a core.")]
OnDevice = Annotated[
    Device, typer.Option(help="Where the network runs; auto for CUDA where it is. What is not there becomes cpu.")
]
Data = Annotated[
    Path,
    typer.Option(metavar="ROOT", help="Folder of the datasets, laid out as in docs/data.md.", show_default=False),
]
