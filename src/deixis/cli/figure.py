"""``deixis figure``: the paper's figures, of one's own pictures or of a dataset."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command, needs_extra
from deixis.errors import InputError

if TYPE_CHECKING:
    from deixis.panels import Panel
    from deixis.segmenter import Segmenter


class Pick(str, Enum):
    """Which expressions of a dataset are drawn."""

    best = "best"
    worst = "worst"
    random = "random"


@command
def run(
    number: Annotated[
        int,
        typer.Argument(
            metavar="4|5|6", help="4: heat maps; 5: the terms side by side; 6: a gallery.", show_default=False
        ),
    ],
    images: Annotated[list[Path] | None, typer.Argument(metavar="IMAGE", help="Pictures.", show_default=False)] = None,
    phrase: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="One a picture, or several for one picture.", show_default=False),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATASET:SPLIT",
            help="Instead of pictures; the truth is drawn too. Of several, one choice is made.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="ROOT", help="As for evaluate.", show_default=False)] = None,
    count: Annotated[int, typer.Option(min=1, help="Expressions of the dataset.")] = 4,
    pick: Annotated[Pick, typer.Option(help="By IoU, or at random.")] = Pick.random,
    seed: Annotated[int, typer.Option(help="Of the random choice.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .png or .pdf name.", show_default="figure4.png"),
    ] = None,
    dpi: Annotated[int, typer.Option(min=1, help="Pixels an inch; the figure is 7 inches wide.")] = 200,
    model: options.Model = None,
    vectors: options.Vectors = None,
    threads: options.Threads = 0,
    device: options.OnDevice = options.Device.cpu,
) -> None:
    """Draw the paper's figures; needs matplotlib (extra "figures")."""
    with needs_extra("figures"):
        from deixis.report import figures
    path = output or Path(f"figure{number}.png")
    draw = figures.figure_named(number)
    figures.check_suffix(path)
    asked = bool(images) or bool(phrase)
    if asked == bool(dataset) or bool(dataset) != (data is not None):
        raise InputError(
            "expected pictures with --phrase, or --dataset DATASET:SPLIT with --data ROOT; give one of them"
        )
    from deixis.segmenter import Segmenter

    segmenter = Segmenter.load(model, vectors=vectors, threads=threads, device=device.value)
    if dataset and data is not None:
        panels = _of_datasets(segmenter, data, dataset, pick, count, seed)
    else:
        from deixis.panels import ask

        panels = ask(segmenter, images or [], phrase or [])
    figures.save(draw(panels), path, dpi)
    typer.echo(str(path))


def _of_datasets(
    segmenter: Segmenter, data: Path, datasets: list[str], pick: Pick, count: int, seed: int
) -> list[Panel]:
    from itertools import chain

    from deixis.cli.datasets import open_with_masks
    from deixis.panels import of_dataset

    opened = [open_with_masks(data, name) for name in datasets]
    return of_dataset(segmenter, lambda: chain.from_iterable(opened), pick.value, count, seed)
