"""``deixis export``: a training checkpoint as the one file that ``Segmenter`` loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deixis.cli.console import command, needs_extra


@command
def run(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="best.safetensors of a run.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.deixis", help="The file to write.", show_default=False)
    ],
    input_size: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", help="Side of the square that pictures are fitted to.", show_default="as trained"
        ),
    ] = None,
) -> None:
    """Export a checkpoint to ONNX and check that it computes the same."""
    with needs_extra("train"):
        from deixis.export import export
    typer.echo(str(export(checkpoint, output, input_size)))
