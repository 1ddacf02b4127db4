"""AdamW or SGD with learning rates of their own for the backbone and for alpha, and the rates' schedule."""

from __future__ import annotations

import math

import torch
from torch import nn

from deixis.model.build import Network
from deixis.trainconfig import TrainConfig


def schedule(step: int, config: TrainConfig) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine to zero or steps down."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    if config.drop_every:
        return float(0.1 ** (step // config.drop_every))
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def make_optimiser(network: Network, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser without decay of biases, norms and scalars; each group knows its ``peak`` rate."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((_peak(name, config), parameter.ndim > 1), []).append(parameter)
    settings = [
        {"params": parameters, "peak": peak, "weight_decay": config.weight_decay if matrix else 0.0}
        for (peak, matrix), parameters in groups.items()
    ]
    if config.optimiser == "sgd":
        return torch.optim.SGD(settings, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(settings, lr=config.learning_rate)


def _peak(name: str, config: TrainConfig) -> float:
    if name.endswith("combine.alpha_logit"):
        return config.alpha_rate
    return config.backbone_rate if ".backbone." in name else config.learning_rate


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Give each group ``share`` of its peak rate."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
