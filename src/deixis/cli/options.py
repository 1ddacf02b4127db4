"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[Path | None, typer.Option(metavar="FILE", help="A .deixis file.", show_default="the bundled model")]
Vectors = Annotated[Path | None, typer.Option(metavar="DIR", help="Word vectors.", show_default="the bundled ones")]
Threads = Annotated[int, typer.Option(min=0, help="Of ONNX Runtime; 0 for one a core.")]
Data = Annotated[
    Path,
    typer.Option(metavar="ROOT", help="Folder of the datasets, laid out as in docs/data.md.", show_default=False),
]
