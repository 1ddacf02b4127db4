"""``deixis web-export``: the page with the network inside, for any static host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command


@command
def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write.", show_default=False)],
    ort: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.tgz",
            help="The npm package onnxruntime-web.",
            show_default="fetched from the npm registry",
        ),
    ] = None,
    model: options.Model = None,
    vectors: options.Vectors = None,
) -> None:
    """Write a page that segments in the visitor's browser; the photo never leaves it."""
    from deixis.embeddings import WordVectors
    from deixis.modelfile import ModelFile
    from deixis.segmenter import DEFAULT_MODEL, DEFAULT_VECTORS
    from deixis.web.export import export_page

    network, words = ModelFile.read(model or DEFAULT_MODEL), WordVectors.load(vectors or DEFAULT_VECTORS)
    typer.echo(export_page(network, words, folder, ort))
