"""``deixis evaluate``: a model's numbers on datasets of human referring expressions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command, counter

if TYPE_CHECKING:
    from deixis.evaluate import Predictor
    from deixis.types import Record, Sample

MODEL = "deixis"


@command
def run(
    datasets: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET:SPLIT",
            help="For example refcoco:val or refcoco:testA+testB; docs/data.md has all names.",
            show_default=False,
        ),
    ],
    data: options.Data,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write numbers and records as JSON.", show_default=False)
    ] = None,
    records: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the records as JSON lines.", show_default=False)
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Also the whole image, a centre box, and the model's class term alone.")
    ] = False,
    model: options.Model = None,
    vectors: options.Vectors = None,
    threads: options.Threads = 0,
) -> None:
    """Measure a model on human referring expressions: overall and mean IoU, prec@.5 to .9, 95 % intervals."""
    from itertools import chain

    from deixis.cli.datasets import open_with_masks
    from deixis.evaluate import CategoryOnly, CentreBox, WholeImage, write_records, write_summary
    from deixis.segmenter import Segmenter

    opened = [open_with_masks(data, name) for name in datasets]
    segmenter = Segmenter.load(model, vectors=vectors, threads=threads)
    predictors: dict[str, Predictor] = {MODEL: segmenter}
    if baselines:
        predictors |= {
            "whole image": WholeImage(),
            "centre box": CentreBox(),
            "category only": CategoryOnly(segmenter),
        }
    results = {name: _measure(name, predictor, chain.from_iterable(opened)) for name, predictor in predictors.items()}
    typer.echo(_table(results, several=len(datasets) > 1))
    ours = results.pop(MODEL)
    if json is not None:
        write_summary(json, ours, results)
    if records is not None:
        write_records(records, ours)


def _measure(name: str, predictor: Predictor, samples: Iterable[Sample]) -> list[Record]:
    from deixis.evaluate import evaluate

    with counter(f"{name}: expressions") as count:
        return evaluate(predictor, samples, count)


def _table(results: dict[str, list[Record]], several: bool) -> str:
    """Protocol, a Markdown table in percent, and the intervals."""
    from deixis.evaluate import PROTOCOL, by_split
    from deixis.metrics import bootstrap_interval, mean_iou, overall_iou, summarize
    from deixis.report.tables import summary_table

    groups: dict[str, list[Record]] = {}
    for name, records in results.items():
        parts = by_split(records)
        groups |= {f"{name}, {split}": group for split, group in parts.items()}
        if several:
            groups[f"{name}, all"] = records
    lines = [f"protocol {PROTOCOL}, masks at original size, in percent", ""]
    lines += [summary_table({name: summarize(group) for name, group in groups.items()})]
    lines += ["95 % intervals, bootstrap over pictures:"]
    for name, group in groups.items():
        overall, mean = bootstrap_interval(group, overall_iou), bootstrap_interval(group, mean_iou)
        lines += [f"{name}: oIoU {_interval(overall)}, mIoU {_interval(mean)}"]
    lines += _which(groups)
    return "\n".join(lines)


def _which(groups: dict[str, list[Record]]) -> list[str]:
    """IoU with the object that is meant and with the largest other of its class, where there is one."""
    from deixis.evaluate import which_report

    lines = []
    for name, group in groups.items():
        if any(record.distractor_iou is not None for record in group):
            which = which_report(group)
            right, wrong = 100 * which.right_iou, 100 * which.distractor_iou
            lines += [f"{name}: n {which.n}, IoU {right:.1f} with the right one, {wrong:.1f} with the largest other"]
    return ["WHICH, objects with others of their class in the picture:", *lines] if lines else []


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"
