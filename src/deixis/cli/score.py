"""``deixis score``: any system's masks against the truth, under a named protocol."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command, counter
from deixis.errors import InputError

if TYPE_CHECKING:
    from deixis.protocols import Protocol
    from deixis.score import Report


@command
def run(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Folder of <sent_id>.png, COCO results .json with sent_id, or .jsonl of sent_id and segmentation.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        str, typer.Option(metavar="DATASET:SPLIT", help="One split, for example refcoco:val.", show_default=False)
    ],
    data: options.Data,
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="strict, text-objseg-2016, rmi-320, lavt-480, cris or gres.")
    ] = "strict",
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write numbers and records as JSON.", show_default=False)
    ] = None,
) -> None:
    """Score the masks of any system: the protocol's IoU numbers and prec@X with 95 % intervals over pictures."""
    from deixis.cli.datasets import open_with_masks
    from deixis.data.predictions import read_predictions
    from deixis.protocols import protocol_named
    from deixis.score import report, score, write_report

    chosen = protocol_named(protocol)
    samples = open_with_masks(data, _one_split(truth))
    found = read_predictions(predictions)
    with counter("expressions") as count:
        records = score(samples, found, chosen, count)
    result = report(records, chosen)
    typer.echo(_lines(result, chosen))
    if json is not None:
        write_report(json, result, records)


def _one_split(spec: str) -> str:
    if "+" in spec.rpartition(":")[2]:
        raise InputError(f"expected one DATASET:SPLIT such as refcoco:val, got {spec!r}; score each split on its own")
    return spec


def _lines(result: Report, protocol: Protocol) -> str:
    """What was scored and how, then one line a number, in percent."""
    lines = [
        f"protocol {result.protocol}, {result.dataset} {result.split}, n {result.n} expressions of {result.images} "
        "pictures",
        f"assumed: {protocol.assumed}",
        "in percent, with 95 % intervals, bootstrap over pictures:",
    ]
    for name, value in result.values.items():
        low, high = result.intervals[name]
        shown = "undefined" if math.isnan(value) else f"{100 * value:.2f} ({100 * low:.2f} to {100 * high:.2f})"
        lines.append(f"{name} {shown}")
    return "\n".join(lines)
