"""``deixis evaluate``: a model's numbers on datasets of human referring expressions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from deixis.cli import options
from deixis.cli.console import command, counter, needs_extra

if TYPE_CHECKING:
    from deixis.segmenter import Segmenter
    from deixis.summary import Numbers, Results

T = TypeVar("T")
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
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep what is measured there, picture by picture; after a kill the same command goes on.",
            show_default=False,
        ),
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option(
            help="Also blind answers (whole image, centre box), the model's class term alone, and the model asked "
            "another phrase of the picture, or with left and right swapped."
        ),
    ] = True,
    model: options.Model = None,
    vectors: options.Vectors = None,
    threads: options.Threads = 0,
    device: options.OnDevice = options.Device.cpu,
) -> None:
    """Measure a model on human referring expressions: overall and mean IoU, prec@.5 to .9, 95 % intervals."""
    from contextlib import nullcontext
    from itertools import chain

    from deixis.baselines import baselines_of
    from deixis.batch import Model
    from deixis.cli.datasets import open_with_masks
    from deixis.evaluate import compare, write_records
    from deixis.ledger import Ledger
    from deixis.runs import LEAK_FREE
    from deixis.slices import tag_unknown_words
    from deixis.summary import results, write_summary

    opened = [open_with_masks(data, name) for name in datasets]
    segmenter = _open(model, vectors, threads, device.value)
    tagged = tag_unknown_words(chain.from_iterable(opened), segmenter.vectors)
    beside = baselines_of(segmenter) if baselines else {}
    about = {"model": Model(model).digest, "methods": [MODEL, *beside], "datasets": datasets}
    with counter("expressions") as count, Ledger(resume, about) if resume else nullcontext() as ledger:
        ours, others = compare(segmenter, beside, tagged, count, ledger=ledger)
    leak_free = segmenter.about.get("leak_free")
    found = write_summary(json, ours, others, {"leak_free": leak_free}) if json is not None else results(ours, others)
    typer.echo(_report(found))
    typer.echo(f"training pictures without those of RefCOCO, + and g val and test: {LEAK_FREE[leak_free]}")
    if records is not None:
        write_records(records, ours)


def _open(model: Path | None, vectors: Path | None, threads: int, device: str) -> Segmenter:
    """A model file on ONNX Runtime, or a training run's checkpoint on PyTorch."""
    from deixis.segmenter import DEFAULT_VECTORS, Segmenter  # here too, because the command line starts light

    if model is None or model.suffix != ".safetensors":
        return Segmenter.load(model, vectors=vectors, threads=threads, device=device)
    with needs_extra("train"):
        from deixis.train.ablate import open_run
    return open_run(model, vectors or DEFAULT_VECTORS, device, own_threshold=True)


def _report(found: Results) -> str:
    """Protocol and Markdown tables in percent; intervals and differences; the numbers by slice."""
    from deixis.metrics import Summary
    from deixis.report.tables import slice_table, summary_table
    from deixis.summary import ALL, PROTOCOL

    shown = _shown(found.numbers)
    methods = {MODEL: found.numbers} | {name: item.numbers for name, item in found.baselines.items()}
    rows = {
        f"{method}, {part}": Summary(row.n, row.oiou, row.miou, row.precision)
        for method, parts in methods.items()
        for part, row in _shown(parts).items()
    }
    lines = [f"protocol {PROTOCOL}, masks at original size, in percent", "", summary_table(rows)]
    lines += ["95 % intervals, bootstrap over pictures:"]
    for part, row in shown.items():
        lines += [f"{MODEL}, {part}: oIoU {_interval(row.oiou_interval)}, mIoU {_interval(row.miou_interval)}"]
    lines += _differences(found) + _which(shown)
    lines += ["", f"{MODEL} by slice, 95 % intervals; small: below 32 x 32 pixels, large: from 96 x 96 on:", ""]
    lines += [slice_table(found.slices[ALL])]
    return "\n".join(lines)


def _shown(parts: Mapping[str, T]) -> dict[str, T]:
    """Without "all" where it is the only dataset and split again."""
    from deixis.summary import ALL

    return {name: part for name, part in parts.items() if name != ALL or len(parts) > 2}


def _differences(found: Results) -> list[str]:
    """What the model is better by than each baseline, on the expressions that the baseline answers."""
    from deixis.summary import ALL

    lines = []
    for name, item in found.baselines.items():
        row = item.difference[ALL]
        oiou = f"{100 * row.as_said_oiou:.1f}, {100 * row.oiou:+.1f} ({_interval(row.oiou_interval)})"
        miou = f"{100 * row.as_said_miou:.1f}, {100 * row.miou:+.1f} ({_interval(row.miou_interval)})"
        lines += [f"{name}: n {row.n}, oIoU {oiou}, mIoU {miou}"]
    return [f"{MODEL} on the expressions of each baseline, and by how much it is better:", *lines] if lines else []


def _which(parts: Mapping[str, Numbers]) -> list[str]:
    """IoU with the object that is meant and with the largest other of its class, where there is one."""
    lines = []
    for name, row in parts.items():
        if row.which is not None:
            ious = f"{100 * row.which.right_iou:.1f} with the right one, {100 * row.which.distractor_iou:.1f} with the"
            lines += [f"{MODEL}, {name}: n {row.which.n}, IoU {ious} largest other"]
    return ["WHICH, objects with others of their class in the picture:", *lines] if lines else []


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"
