"""The published splits of each dataset: how large they are, and which may select a checkpoint.

One place for these numbers. Sources: the REFER toolkit and the papers of the datasets (Kazemzadeh et al. 2014, Yu et
al. 2016, Mao et al. 2016, Nagaraja et al. 2016, Liu et al. 2023, Krishna et al. 2017, Plummer et al. 2017); images of
RefCOCO, RefCOCO+ and RefCOCOg as in TensorFlow Datasets' ``ref_coco``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deixis.errors import DataError


@dataclass(frozen=True)
class Split:
    """One published split; a count is None where none was published.

    Attributes:
        dataset: as ``open_dataset`` names it, for example "refcoco".
        name: for example "val".
        refs: objects or regions that were referred to; of RefCOCO and its like the rows of ``refs(...).p``.
        expressions: sentences.
        images: pictures WITH expressions.
        may_select: whether a checkpoint may be chosen on it. Only a validation split may, and only where results are
            reported on another: the val of Google's division is what papers report, so it chooses nothing.
    """

    dataset: str
    name: str
    refs: int | None = None
    expressions: int | None = None
    images: int | None = None
    may_select: bool = False


_SPLITS = (
    Split("refcoco", "train", 42404, 120624, 16994),
    Split("refcoco", "val", 3811, 10834, 1500, may_select=True),
    Split("refcoco", "testA", 1975, 5657, 750),
    Split("refcoco", "testB", 1810, 5095, 750),
    Split("refcoco-google", "train", 40000, None, 19213),
    Split("refcoco-google", "val", 5000, None, 4559, may_select=True),
    Split("refcoco-google", "test", 5000, None, 4527),
    Split("refcoco+", "train", 42278, 120191, 16992),
    Split("refcoco+", "val", 3805, 10758, 1500, may_select=True),
    Split("refcoco+", "testA", 1975, 5726, 750),
    Split("refcoco+", "testB", 1798, 4889, 750),
    Split("refcocog", "train", 42226, 80512, 21899),
    Split("refcocog", "val", 2573, 4896, 1300, may_select=True),
    Split("refcocog", "test", 5023, 9602, 2600),
    Split("refcocog-google", "train", 44822, 85474, 24698),
    Split("refcocog-google", "val", 5000, 9536, 4650),
    Split("refclef", "train"),
    Split("refclef", "val", may_select=True),
    Split("refclef", "testA"),
    Split("refclef", "testB"),
    Split("refclef", "testC"),
    Split("refclef-berkeley", "train"),
    Split("refclef-berkeley", "val", may_select=True),
    Split("refclef-berkeley", "test"),
    Split("grefcoco", "train", None, 209344, 16994),
    Split("grefcoco", "val", None, 16870, 1500, may_select=True),
    Split("grefcoco", "testA", None, 18712, 750),
    Split("grefcoco", "testB", None, 14933, 750),
    Split("google_refexp", "train", 44822, 85474, 24698),
    Split("google_refexp", "val", 5000, 9536, 4650),
    Split("referit", "train", 44649, 54134, 8995),
    Split("referit", "val", 4866, 5842, 1000, may_select=True),
    Split("referit", "trainval", 49515, 59976, 9995),
    Split("referit", "test", 49730, 60105, 9994),
    Split("visual_genome", "all", None, None, 108077),
    Split("flickr30k_entities", "train", None, None, 29783),
    Split("flickr30k_entities", "val", None, None, 1000, may_select=True),
    Split("flickr30k_entities", "test", None, None, 1000),
)
SPLITS: Mapping[str, tuple[Split, ...]] = MappingProxyType(
    {
        name: tuple(split for split in _SPLITS if split.dataset == name)
        for name in dict.fromkeys(s.dataset for s in _SPLITS)
    }
)


def split_names(dataset: str) -> list[str]:
    """The published splits of a known dataset, in their order."""
    return [split.name for split in SPLITS[dataset]]


def published(dataset: str, split: str) -> Split:
    """The published split of this name.

    Raises:
        DataError: there is none; the message lists those there are.
    """
    if dataset not in SPLITS:
        raise DataError(f"expected a dataset of {', '.join(SPLITS)}; got {dataset!r}")
    for known in SPLITS[dataset]:
        if known.name == split:
            return known
    raise DataError(f"expected a split of {dataset}: {', '.join(split_names(dataset))}; got {split!r}")
