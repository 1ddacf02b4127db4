"""From a configuration to a network."""

from __future__ import annotations

import torch
from torch import nn

from deixis.config import ModelConfig
from deixis.model.compact import CompactNetwork
from deixis.model.paper.network import PaperNetwork

Network = CompactNetwork | PaperNetwork


def parameter_count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def build(config: ModelConfig, seed: int = 0) -> Network:
    """A network with random weights, the same for the same seed; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PaperNetwork(config) if config.network == "paper" else CompactNetwork(config)
