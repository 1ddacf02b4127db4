"""Weights from elsewhere: a PyTorch file (.pth) whose pickle may hold tensors and nothing else."""

from __future__ import annotations

import pickletools
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from deixis.errors import CheckpointError

LONGEST_NAME = 1000  # characters; PyTorch needs minutes to say what is wrong with a name of a megabyte
LARGEST_PICKLE = 1 << 26  # bytes of an archive's pickle, which has names and shapes, no numbers
ARCHIVE = b"PK\x03\x04"  # with which a file begins that PyTorch takes for one, whatever its end looks like
PICKLES = 5  # at the head of a file in PyTorch's format before 1.6


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Read a state dict; nothing in the file is run.

    Raises:
        CheckpointError: no such file, damaged, or it holds anything else than tensors by name.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a file of weights (.pth), found nothing there")
    try:
        _check_names(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # UnpicklingError, RuntimeError, EOFError, KeyError, ... of a damaged or hostile file
        raise CheckpointError(
            f"{path}: expected a PyTorch file of weights and nothing else, it is damaged or not to be trusted: "
            f"{(str(error).splitlines() or [type(error).__name__])[0]}"
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise CheckpointError(f"{path}: expected a state dict, tensors by name, got {type(state).__name__}")
    return state


def _check_names(path: Path) -> None:
    """Refuse names that are longer than any name is; nothing is built of them here."""
    with path.open("rb") as file:
        if file.read(len(ARCHIVE)) != ARCHIVE:
            file.seek(0)
            for _ in range(PICKLES):
                _check_pickle(file)
            return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".pkl"):
                if entry.file_size > LARGEST_PICKLE:
                    raise ValueError(f"expected a pickle of at most {LARGEST_PICKLE:,} bytes, got {entry.file_size:,}")
                with archive.open(entry) as file:
                    _check_pickle(file)


def _check_pickle(file: IO[bytes]) -> None:
    for _, argument, _ in pickletools.genops(file):
        if isinstance(argument, str) and len(argument) > LONGEST_NAME:
            raise ValueError(f"expected names of at most {LONGEST_NAME:,} characters, got {len(argument):,}")
