"""``deixis batch``: phrases about many photos; a killed run goes on with the same command."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command
from deixis.config import BatchConfig


class Masks(str, Enum):
    """How the masks are written."""

    png = "png"
    rle = "rle"
    none = "none"


DEFAULT_MASKS = Masks(BatchConfig.masks)


class Engine(str, Enum):
    """What runs the photos."""

    local = "local"
    ray = "ray"


@command
def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A folder, a pattern in quotes, a .jsonl of image and phrases, or a COCO .json file.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.", show_default=False)],
    phrases: Annotated[
        list[str] | None,
        typer.Option("--phrase", "-p", metavar="PHRASE", help="Asked of every photo; may be repeated."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the pictures of a .jsonl or .json file.")
    ] = None,
    masks: Annotated[
        Masks, typer.Option(help="A PNG a phrase, COCO's RLE in the manifest and results.json, or none.")
    ] = DEFAULT_MASKS,
    overlays: Annotated[bool, typer.Option("--overlays", help="Also a drawn picture a phrase.")] = BatchConfig.overlays,
    threshold: Annotated[
        float, typer.Option(help="Probability from which on a pixel belongs to the mask.")
    ] = BatchConfig.threshold,
    workers: Annotated[int, typer.Option(min=0, help="Photos at a time; 0 for one a core.")] = 0,
    engine: Annotated[Engine, typer.Option(help="Threads here, or Ray Data (extra ray).")] = Engine.local,
    model: options.Model = None,
    vectors: options.Vectors = None,
    device: options.OnDevice = options.Device.cpu,
) -> None:
    """Segment many photos; one bad photo stops nothing, and a killed run goes on with the same command."""
    from deixis.batch import Model, run_batch
    from deixis.data.requests import find_requests

    config = BatchConfig(threshold, masks.value, overlays)
    requests = find_requests(source, phrases or [], images)
    chosen = Model(model, vectors, device.value)
    with _progress(requests.count) as report:
        summary = run_batch(requests, out, config, chosen, engine=engine.value, workers=workers, report=report)
    typer.echo(f"{out / 'manifest.jsonl'}: {summary}")


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """Gives the function that shows how far the run is: a bar with rate and remaining time, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda photos: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TaskID, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: object) -> Text:
            return Text(f"{getattr(task, 'finished_speed', None) or getattr(task, 'speed', None) or 0:.1f} photos/s")

    columns = (MofNCompleteColumn(), BarColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task: list[TaskID] = []

        def show(photos: int) -> None:
            if not task:  # what an earlier run did is no part of the rate
                task.append(progress.add_task("", total=total, completed=photos))
            progress.update(task[0], completed=photos)

        yield show
