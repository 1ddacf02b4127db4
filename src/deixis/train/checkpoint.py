"""Checkpoints: one safetensors file each, its settings as JSON in the header, replaced in one step.

``last.safetensors`` holds all that is needed to go on (weights, averaged weights, optimiser); ``best.safetensors``
the averaged weights with the best validation score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deixis.config import ModelConfig
from deixis.configfile import from_mapping, to_mapping
from deixis.errors import CheckpointError, DataError
from deixis.files import atomic_write

MODEL, AVERAGE, OPTIMISER = "model.", "average.", "optimiser."
FORMAT = "1"


@dataclass(frozen=True)
class Checkpoint:
    """Weights and what belongs to them.

    Attributes:
        config: shape of the network.
        vectors: fingerprint of the word vectors.
        step: optimiser steps done.
        tensors: by name; prefixes ``MODEL``, ``AVERAGE`` and ``OPTIMISER`` tell what they are.
        about: anything else that is JSON: scores, seconds, command.
    """

    config: ModelConfig
    vectors: str
    step: int
    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]

    @property
    def threshold(self) -> float:
        """What the validation found to serve best (``validate.Validation.threshold``); 0.5 before there was one."""
        return float(self.about.get("validation", {}).get("threshold", 0.5))

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under a prefix, without it."""
        return {name[len(prefix) :]: value for name, value in self.tensors.items() if name.startswith(prefix)}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; killed at any moment, the file is the old one or the new one.

    Raises:
        DataError: the file cannot be written, for example because the disk is full; the old one stays.
    """
    header = {
        "format": FORMAT,
        "config": json.dumps(to_mapping(checkpoint.config)),
        "vectors": checkpoint.vectors,
        "step": str(checkpoint.step),
        "about": json.dumps(dict(checkpoint.about)),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    with atomic_write(path) as temporary:
        try:
            save_file(tensors, str(temporary), metadata=header)
        except SafetensorError as error:  # which it makes of the system's errors
            raise DataError(
                f"{path}: cannot be written ({error}); free the disk or choose another place, what was there before "
                "is unchanged"
            ) from error
        temporary.chmod(0o644)  # safetensors lets only the owner read


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: no such file, or not a checkpoint of this format.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a checkpoint (.safetensors), found nothing there")
    try:
        with safe_open(str(path), framework="pt") as handle:
            header = handle.metadata() or {}
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a safetensors file or damaged: {error}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected a deixis checkpoint of format {FORMAT}, got {header.get('format')}")
    try:
        return Checkpoint(
            config=from_mapping(ModelConfig, json.loads(header["config"])),
            vectors=header["vectors"],
            step=int(header["step"]),
            tensors=tensors,
            about=json.loads(header["about"]),
        )
    except (KeyError, ValueError) as error:  # ConfigError is a ValueError
        raise CheckpointError(f"{path}: the checkpoint's header is damaged or of another version: {error}") from error


def weights_of(module: torch.nn.Module, prefix: str) -> dict[str, Tensor]:
    """A module's state under a prefix."""
    return {prefix + name: value for name, value in module.state_dict().items()}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as flat tensors; its settings come from the config."""
    state = optimiser.state_dict()["state"]
    return {
        f"{OPTIMISER}{index}.{name}": torch.as_tensor(value)
        for index, values in state.items()
        for name, value in values.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put flat tensors (without the prefix) back into an optimiser with the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
