"""Every dataset of referring expressions by name: ``open_dataset(root, "refcoco:testA+testB")``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from deixis.data.flickr30k_entities import load_flickr30k_entities
from deixis.data.google_refexp import load_google_refexp
from deixis.data.refer import load_refer
from deixis.data.references import ExpressionDataset
from deixis.data.referit import load_referit
from deixis.data.visual_genome import load_visual_genome
from deixis.errors import InputError

__all__ = ["DATASETS", "ExpressionDataset", "open_dataset", "parse_spec"]


def _refer(folder: str, split_by: str | None = None) -> Callable[[Path, str], ExpressionDataset]:
    return lambda root, split: load_refer(root, folder, split, split_by)


DATASETS: Mapping[str, Callable[[Path, str], ExpressionDataset]] = MappingProxyType(
    {
        "refcoco": _refer("refcoco"),
        "refcoco-google": _refer("refcoco", "google"),
        "refcoco+": _refer("refcoco+"),
        "refcocog": _refer("refcocog"),
        "refcocog-google": _refer("refcocog", "google"),
        "refclef": _refer("refclef"),
        "refclef-berkeley": _refer("refclef", "berkeley"),
        "grefcoco": _refer("grefcoco"),
        "google_refexp": load_google_refexp,
        "referit": load_referit,
        "visual_genome": load_visual_genome,
        "flickr30k_entities": load_flickr30k_entities,
    }
)


def open_dataset(root: Path, spec: str) -> ExpressionDataset:
    """Open one or several splits of a dataset; pictures and masks are not touched yet.

    Args:
        root: the folder that holds all datasets; docs/data.md shows the layout of each.
        spec: "NAME:SPLIT", for example "refcoco:val"; splits may be joined, "refcoco:testA+testB".

    Raises:
        InputError: the spec is of another form, or of an unknown name.
        DataError: a file is missing or malformed, or the split does not exist; names file and record.
    """
    name, split = parse_spec(spec)
    return DATASETS[name](root, split)


def parse_spec(spec: str) -> tuple[str, str]:
    """Name and split of "NAME:SPLIT".

    Raises:
        InputError: the spec is of another form, or of an unknown name; the message lists the known ones.
    """
    name, _, split = spec.rpartition(":")
    if not name or not split:
        raise InputError(f"expected DATASET:SPLIT such as refcoco:val, got {spec!r}; datasets: {', '.join(DATASETS)}")
    if name not in DATASETS:
        raise InputError(f"expected a dataset of {', '.join(DATASETS)}; got {name!r}")
    return name, split
