"""Datasets that commands measure on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deixis.errors import InputError

if TYPE_CHECKING:
    from deixis.data.dataset import ExpressionDataset


def open_with_masks(root: Path, spec: str) -> ExpressionDataset:
    """Open "NAME:SPLIT" for measuring IoU of masks; all its pictures are there.

    Raises:
        InputError: not of that form, an unknown name, or a dataset of boxes.
        DataError: a file is missing or malformed.
    """
    from deixis.data.dataset import open_dataset

    dataset = open_dataset(root, spec)
    if dataset.box_only:
        raise InputError(
            f"{spec}: expected a dataset with masks, {dataset.name} has boxes only; IoU with a filled box is not IoU "
            "with a mask, so measure on another one, for example refcoco:val"
        )
    dataset.check_files()
    return dataset
