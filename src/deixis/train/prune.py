"""Fewer hidden channels in a trained backbone: a faster network of the same depth and maps.

The hidden channels of a block meet again in its last convolution, which is linear: leaving some out and fitting the
weights of the others anew, by least squares on real pictures, keeps its output as near as it can be. Channels go one
after the other, each time the one that costs least, as in "Optimal Brain Surgeon" (Hassibi and Stork 1993). Blocks are
done in their order, and each is fitted to what the whole network had there, so that errors do not add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.model.efficientnet import EfficientNetLite0, MobileInvertedBlock

PLACES = 64  # of a picture whose channels are looked at in each block
RIDGE = 1e-4  # of the mean variance, added to every channel's, so that channels that say the same can be told apart


class Fit(NamedTuple):
    """A linear map from some channels.

    kept: (K,) the channels, ascending. weight: (O, K). bias: (O,). error: mean squared error beside the targets'
    variance.
    """

    kept: Tensor
    weight: Tensor
    bias: Tensor
    error: float


class Elimination:
    """Channels taken out of a least-squares fit one by one, each time the one whose loss hurts least.

    Args:
        channels: (N, H) of N places.
        targets: (N, O) what they shall give.
    """

    def __init__(self, channels: Tensor, targets: Tensor) -> None:
        channels, targets = channels.double(), targets.double()
        self._means = channels.mean(0), targets.mean(0)
        x, y = channels - self._means[0], targets - self._means[1]
        gram = x.T @ x / len(x)
        gram += RIDGE * gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(gram), dtype=gram.dtype)
        self._inverse = torch.linalg.inv(gram)
        self._weight = self._inverse @ (x.T @ y / len(x))
        self._x, self._y = x, y
        self._there = torch.ones(len(gram), dtype=torch.bool)

    def cheapest(self) -> int:
        """The channel whose loss adds least to the squared error, summed over the outputs."""
        costs = self._weight.square().sum(1) / self._inverse.diagonal().clamp(min=1e-12)
        return int(costs.masked_fill(~self._there, torch.inf).argmin())

    def remove(self, channel: int) -> None:
        """Take a channel out and fit the others anew."""
        column = self._inverse[:, channel].clone()
        self._weight -= torch.outer(column, self._weight[channel]) / column[channel]
        self._inverse -= torch.outer(column, column) / column[channel]
        self._there[channel] = False
        # What is left of a channel that is gone is rounding.
        self._weight[channel], self._inverse[channel], self._inverse[:, channel] = 0, 0, 0
        self._inverse[channel, channel] = 1

    def reduce(self, count: int) -> Fit:
        """Take channels out until ``count`` are left."""
        while int(self._there.sum()) > count:
            self.remove(self.cheapest())
        kept = self._there.nonzero()[:, 0]
        weight = self._weight[kept]
        bias = self._means[1] - self._means[0][kept] @ weight
        left = self._y - self._x[:, kept] @ weight
        return Fit(kept, weight.T.float(), bias.float(), float(left.square().sum() / self._y.square().sum()))


@torch.no_grad()
def prune(
    network: CompactNetwork, images: Sequence[Tensor], widths: Sequence[int]
) -> tuple[CompactNetwork, list[float]]:
    """A network whose backbone has fewer hidden channels; everything else is the same.

    Args:
        network: trained, with EfficientNet-Lite0.
        images: batches (B, 3, S, S) of pictures like those that it is for; some 150 in all.
        widths: hidden channels of each block; those of the first one are the stem's.

    Returns:
        The network, and of each block the squared error of its output beside the output's variance.
    """
    smaller = reshaped(network, backbone_widths=tuple(widths))
    whole, slim = network.eval().image_encoder.backbone, smaller.eval().image_encoder.backbone
    assert isinstance(whole, EfficientNetLite0) and isinstance(slim, EfficientNetLite0)
    places = torch.Generator().manual_seed(0)
    errors = []
    theirs, ours = list(images), list(images)
    for before, after in zip(_steps(whole), _steps(slim), strict=True):
        pairs = [_seen(before, x, y, places) for x, y in zip(theirs, ours, strict=True)]
        hidden, targets = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        fit = Elimination(hidden, targets).reduce(after.width)
        after.take(before, fit)
        theirs, ours = [before(x) for x in theirs], [after(x) for x in ours]
        errors.append(_error(theirs, ours))
    return smaller, errors


def reshaped(network: CompactNetwork, **changes: Any) -> CompactNetwork:
    """A network with other settings, and the weights that fit it; what has another shape keeps its first values."""
    other = build(replace(network.config, **changes))
    assert isinstance(other, CompactNetwork)
    own = other.state_dict()
    other.load_state_dict({**own, **{k: v for k, v in network.state_dict().items() if own[k].shape == v.shape}})
    return other


class _Step:
    """A block with the convolution that makes its hidden channels: its own, or the stem."""

    def __init__(self, expand: nn.Conv2d, norm: nn.BatchNorm2d, block: MobileInvertedBlock) -> None:
        self._expand, self._norm, self._block = expand, norm, block
        self.residual = block.residual
        self.width = block._depthwise_conv.out_channels

    def hidden(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> what the last convolution gets (B, width, h', w')."""
        expanded = F.relu6(self._norm(self._expand(x)))
        return F.relu6(self._block._bn1(self._block._depthwise_conv(expanded)))

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = self._block._bn2(self._block._project_conv(self.hidden(x)))
        return x + y if self.residual else y

    def take(self, other: _Step, fit: Fit) -> None:
        """The channels of a wider one that a fit kept, and the fit's weights."""
        mine = (self._expand, self._norm, self._block._depthwise_conv, self._block._bn1)
        theirs = (other._expand, other._norm, other._block._depthwise_conv, other._block._bn1)
        for into, source in zip(mine, theirs, strict=True):
            given = source.state_dict()
            into.load_state_dict({name: value[fit.kept] if value.ndim else value for name, value in given.items()})
        self._block._project_conv.weight.copy_(fit.weight[..., None, None])
        norm = self._block._bn2  # the fit has its scale; what is left of the norm is the bias
        norm.running_mean.zero_()  # type: ignore[union-attr]
        norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
        norm.weight.fill_(1)
        norm.bias.copy_(fit.bias)


def _steps(backbone: EfficientNetLite0) -> list[_Step]:
    stem = (backbone._conv_stem, backbone._bn0)
    blocks = [block for block in backbone._blocks if isinstance(block, MobileInvertedBlock)]
    own = [stem, *((block._expand_conv, block._bn0) for block in blocks[1:])]
    return [_Step(*first, block) for first, block in zip(own, blocks, strict=True)]


def _seen(step: _Step, theirs: Tensor, ours: Tensor, places: torch.Generator) -> tuple[Tensor, Tensor]:
    """What a step's last convolution gets from our map, and what it should give there: (N, H) and (N, O)."""
    hidden, wanted = step.hidden(ours), step(theirs)
    if step.residual:
        wanted = wanted - ours
    cells = torch.randperm(hidden.shape[2] * hidden.shape[3], generator=places)[:PLACES]
    return tuple(x.flatten(2)[..., cells].transpose(1, 2).flatten(0, 1) for x in (hidden, wanted))  # type: ignore[return-value]


def _error(theirs: Sequence[Tensor], ours: Sequence[Tensor]) -> float:
    """Squared error beside the variance of each channel."""
    x, y = torch.cat(list(theirs)), torch.cat(list(ours))
    return float((x - y).square().mean() / (x - x.mean(dim=(0, 2, 3), keepdim=True)).square().mean())
