"""Weights from elsewhere: a PyTorch file (.pth) whose pickle may hold tensors and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from deixis.errors import CheckpointError


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Read a state dict; nothing in the file is run.

    Raises:
        CheckpointError: no such file, damaged, or it holds anything else than tensors by name.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a file of weights (.pth), found nothing there")
    try:
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
