"""``deixis explain``: why an answer is what it is, as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command
from deixis.config import DEFAULT_THRESHOLD


@command
def run(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="JPEG, PNG, WebP, BMP, GIF or TIFF.")],
    phrase: Annotated[str, typer.Argument(metavar="PHRASE", help="What to find, such as 'left dog'.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture to write.")] = Path("why.png"),
    threshold: Annotated[
        float, typer.Option(help="Probability from which on a pixel belongs to the mask.")
    ] = DEFAULT_THRESHOLD,
    model: options.Model = None,
    vectors: options.Vectors = None,
    threads: options.Threads = 0,
    device: options.OnDevice = options.Device.cpu,
) -> None:
    """Draw the terms of an answer, the classes that the phrase was taken for, and which words are known."""
    from deixis.cli.outputs import check_suffix, save_picture
    from deixis.image import open_photo
    from deixis.report.why import why
    from deixis.segmenter import Segmenter
    from deixis.view import for_view, open_view

    check_suffix(out, lossless=False)
    segmenter = Segmenter.load(model, vectors=vectors, threads=threads, device=device.value)
    segmenter.words(phrase)  # an empty one is refused before the picture is read
    photo = open_photo(image, segmenter.config.input_size)
    answer = segmenter.explain(for_view(segmenter.encode_image(photo)), phrase, threshold=threshold)
    save_picture(out, why(open_view(image, photo), answer))
    typer.echo(str(out))
