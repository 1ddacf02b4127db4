"""``deixis ablate``: train and measure the rows of the paper's tables."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command, needs_extra
from deixis.errors import InputError

if TYPE_CHECKING:
    from deixis.train.progress import Progress
    from deixis.trainconfig import TrainConfig


@command
def run(
    data: options.Data,
    runs: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the results; what is there is kept, what stopped goes on."),
    ],
    preset: Annotated[str, typer.Option(help="'paper' (VGG-16, 512 px) or 'compact'.")] = "compact",
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="g-ref, unc-ref, referit, or a dataset with train and val.")
    ] = "unc-ref",
    base: Annotated[
        Path | None,
        typer.Option(metavar="CONFIG", help="A configuration of the full model, instead of preset and dataset."),
    ] = None,
    rows: Annotated[str, typer.Option(metavar="NAMES", help="'all', or rows joined by commas.")] = "all",
    seeds: Annotated[str, typer.Option(metavar="NUMBERS", help="Each row is trained once for each.")] = "0",
    test: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:SPLIT", help="Measure here too; with a preset, its dataset's splits by default."),
    ] = None,
    test_data: Annotated[
        Path | None, typer.Option(metavar="ROOT", help="Folder of the test datasets, if it is not ROOT.")
    ] = None,
    backbone_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="ImageNet weights, for 'paper' torchvision's vgg16.")
    ] = None,
) -> None:
    """Train and measure the rows of the paper's tables: one folder a row and seed, resumable."""
    with needs_extra("train"):
        from deixis.train.ablate import ablate
    from deixis.cli.datasets import open_with_masks

    full, tests = _configuration(preset, dataset, base)
    if backbone_weights is not None:
        full = dataclasses.replace(full, backbone_weights=str(backbone_weights.absolute()))
    specs = test if test is not None else list(tests)
    opened = {spec.replace(":", "-"): open_with_masks(test_data or data, spec) for spec in specs}
    samples = {name: partial(iter, found) for name, found in opened.items()}
    ablate(full, _rows(rows), _seeds(seeds), samples, runs, data, _report)
    typer.echo(f"{runs}  (deixis report {runs})")


def _configuration(preset: str, dataset: str, base: Path | None) -> tuple[TrainConfig, tuple[str, ...]]:
    """The full model's configuration, and what is measured on unless the user says otherwise."""
    from deixis.configfile import read_config
    from deixis.train import presets
    from deixis.trainconfig import TrainConfig

    if base is not None:
        return read_config(TrainConfig, base), ()
    found = presets.dataset(dataset)
    return presets.preset(preset, found), found.tests


def _rows(given: str) -> list[str]:
    from deixis.train.ablations import ROWS

    names = list(ROWS) if given == "all" else [name.strip() for name in given.split(",")]
    for name in names:
        if name not in ROWS:
            raise InputError(f"--rows: expected names of {', '.join(ROWS)}, got {name!r}")
    return names


def _seeds(given: str) -> list[int]:
    try:
        return [int(number) for number in given.split(",")]
    except ValueError as error:
        raise InputError(f"--seeds: expected whole numbers joined by commas, got {given!r}") from error


def _report(row: str, progress: Progress) -> None:
    from deixis.cli.train import describe

    typer.echo("\n".join(f"{row}  {line}" for line in describe(progress)))
