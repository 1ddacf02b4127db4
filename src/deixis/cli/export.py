"""``deixis export``: a training checkpoint as the one file that ``Segmenter`` loads."""

from __future__ import annotations

import tempfile
from dataclasses import replace
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
    int8: Annotated[
        str | None,
        typer.Option(
            metavar="PHOTOS",
            help="Compute the picture's side in 8-bit integers: a smaller file, and faster where the processor is. "
            "A folder or pattern of training photographs, to take the ranges from.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Export a checkpoint to ONNX and check that it computes the same."""
    with needs_extra("train"):
        from deixis.export import export
        from deixis.precision import quantise
    from deixis.data.requests import pictures
    from deixis.modelfile import ModelFile

    if int8 is None:
        typer.echo(str(export(checkpoint, output, input_size)))
        return
    photos = [Path(name) for name in pictures(int8)]
    with tempfile.TemporaryDirectory() as folder:  # a photo that cannot be read must leave nothing at ``output``
        plain = Path(folder, output.name)
        typer.echo(str(replace(export(checkpoint, plain, input_size), path=output)))
        quantise(ModelFile.read(plain), photos).write(output)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB in int8")
