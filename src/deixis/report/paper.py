"""The numbers of Hu et al. 2016, "Utilizing Large Scale Vision and Text Datasets for Image Segmentation from
Referring Expressions", tables 1 to 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deixis.runs import PAPER_ROWS

TITLES: Mapping[str, str] = dict(
    zip(
        PAPER_ROWS,
        (
            "baseline LSTM-CNN",
            "word embedding",
            "word embedding + synthesized",
            "category-based",
            "full model",
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper.

    Attributes:
        title: the dataset as the paper calls it.
        split: what the paper says of the split.
        parts: our records to put beside, by "dataset-split"; a plus sign joins splits of one dataset.
        numbers: by row: prec@.5, .6, .7, .8, .9 and overall IoU, in percent.
    """

    title: str
    split: str
    parts: tuple[str, ...]
    numbers: Mapping[str, tuple[float, ...]]


TABLES: Mapping[int, PaperTable] = {
    1: PaperTable(
        "G-Ref",
        "val",
        ("google_refexp-val", "refcocog-google-val"),  # the same expressions in two formats
        {
            "lstm-cnn": (15.25, 8.37, 3.75, 1.29, 0.06, 28.14),
            "+embedding": (16.44, 9.25, 4.35, 1.39, 0.04, 30.72),
            "+embedding+synthesized": (17.38, 10.40, 4.72, 1.48, 0.07, 31.52),
            "category": (20.89, 13.07, 6.65, 2.73, 0.36, 33.53),
            "full": (21.08, 13.34, 7.47, 2.98, 0.44, 34.06),
        },
    ),
    2: PaperTable(
        "UNC-Ref",
        "not stated",
        ("refcoco-val", "refcoco-testA", "refcoco-testB", "refcoco-testA+testB"),
        {
            "lstm-cnn": (26.82, 16.04, 7.58, 1.83, 0.06, 35.34),
            "+embedding": (26.80, 16.26, 7.52, 1.91, 0.05, 35.24),
            "+embedding+synthesized": (26.92, 16.57, 8.14, 2.04, 0.01, 35.53),
            "category": (10.38, 5.27, 2.21, 0.72, 0.05, 26.10),
            "full": (27.56, 17.06, 8.18, 2.23, 0.13, 36.05),
        },
    ),
    3: PaperTable(
        "ReferIt",
        "test",
        ("referit-test",),
        {
            "lstm-cnn": (34.02, 26.71, 19.32, 11.63, 3.92, 48.03),
            "+embedding": (35.86, 28.37, 20.49, 12.47, 4.48, 49.91),
        },
    ),
}
