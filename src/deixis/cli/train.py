"""``deixis train``: a configuration to a checkpoint, with progress."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli.console import command, needs_extra

if TYPE_CHECKING:
    from deixis.data.leakage import SourceReport
    from deixis.train.progress import Progress


@command
def run(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A .toml or .json file of settings.", show_default=False)
    ],
    run: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder for checkpoints and log; a run that was stopped goes on.", show_default=False
        ),
    ],
    root: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder that the configuration's relative paths start from.")
    ] = Path(),
    backbone_weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="ImageNet weights of the backbone.", show_default="the configuration's"),
    ] = None,
) -> None:
    """Train a model; the same command works under 'accelerate launch' and torchrun."""
    from deixis.configfile import read_config
    from deixis.trainconfig import TrainConfig

    settings = read_config(TrainConfig, config)
    if backbone_weights is not None:
        settings = replace(settings, backbone_weights=str(backbone_weights.absolute()))
    with needs_extra("train"):
        from deixis.train.loop import train
    with _reporter() as report:
        checkpoint = train(settings, run, root, report, lambda sources: typer.echo("\n".join(map(leakage, sources))))
    if os.environ.get("RANK", "0") == "0":  # set by torchrun; the other processes keep silent
        typer.echo(f"{checkpoint}  (deixis export {checkpoint} --output FILE.deixis)")


@contextlib.contextmanager
def _reporter() -> Iterator[Callable[[Progress], None]]:
    """Gives the function that shows progress: a bar on a terminal, a line each time elsewhere."""
    if not sys.stdout.isatty():
        yield lambda progress: typer.echo("\n".join(describe(progress)))
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
    from rich.progress import Progress as Bar

    columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
    with Bar(*columns) as bar:
        task: list[TaskID] = []

        def show(progress: Progress) -> None:
            line, *validation = describe(progress)
            if not task:  # at the first report, because the processes that do not report should show nothing
                task.append(bar.add_task("", total=progress.steps))
            bar.update(task[0], completed=progress.step, description=line.partition("  ")[2])
            for text in validation:
                bar.console.print(f"step {progress.step}: {text.strip()}", markup=False, highlight=False)

        yield show


def leakage(source: SourceReport) -> str:
    """A line about the pictures of a source, and whether photographs that results are reported on are among them."""
    line = f"{source.source}: {source.images} pictures; "
    if source.compared_with is not None:
        known = f"{source.measured_images} val and test photographs of {', '.join(source.divisions)}"
        return f"{line}leak-free: none of the {known} is among them, {source.left_out} were left out"
    if source.leak_free:
        return f"{line}none has a name of COCO's"
    reason = "unknown, nothing was compared" if source.leak_free is None else "kept on purpose"
    return f"{line}val and test photographs of RefCOCO, RefCOCO+ and RefCOCOg: {reason}"


def describe(progress: Progress) -> list[str]:
    """A line of losses, rate and remaining time, and one of scores where the step was validated."""
    terms = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
    remaining = timedelta(seconds=round(progress.remaining_seconds))
    lines = [
        f"step {progress.step}/{progress.steps}  {terms}  {progress.images_per_second:.1f} images/s  {remaining} left"
    ]
    scores = progress.validation
    if scores is not None:
        lines.append(
            f"  validation on {scores.n}: mIoU {scores.miou:.3f}  oIoU {scores.oiou:.3f}  "
            f"which right {scores.which_right:.3f} wrong {scores.which_wrong:.3f}  "
            f"absent AUC {scores.absent_auc:.3f}"
        )
    return lines
