"""Fewer channels in a trained network's heads, whose answers stay what they were.

The channels of p1's layers meet again in linear layers, as those of a backbone's block do, and go in the same way (see
train/prune.py). What describes the look of an object is linear from the maps to the first layer that mixes it, so there
no channels are chosen: the fewest mixtures of all of them that this layer can tell are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from deixis.model.compact import CompactNetwork
from deixis.model.lstm_cnn import LstmCnn
from deixis.model.objects import BANDS, ObjectHead
from deixis.train.prune import PLACES, RIDGE, Elimination, Fit, reshaped


class Seen(NamedTuple):
    """What a layer got, (N, inputs), and what it gave for that, (N, outputs), at N places of pictures."""

    inputs: Tensor
    outputs: Tensor


@torch.no_grad()
def prune_heads(
    network: CompactNetwork, batches: Sequence[tuple[Tensor, Tensor]], p1: tuple[int, int], appearance: int
) -> tuple[CompactNetwork, dict[str, float]]:
    """A network whose heads have fewer channels; everything else is the same.

    Args:
        network: trained, with all three terms.
        batches: pictures like those that it is for, some 150 in all, (B, 3, S, S), and word vectors (B, P, T, D) of
            phrases that may be asked about them.
        p1: ``ModelConfig.p1_width`` and ``p1_hidden``, neither larger than it was.
        appearance: ``appearance_width``, not larger than it was.

    Returns:
        The network, and of each pruned layer the squared error of what it leads to beside the variance of that.
    """
    smaller = reshaped(network, p1_width=p1[0], p1_hidden=p1[1], appearance_width=appearance)
    (whole_p1, whole_objects), (slim_p1, slim_objects) = _heads(network), _heads(smaller)
    seen = _look(network.eval(), batches)
    errors = _prune_p1(whole_p1, slim_p1, seen) | _prune_appearance(whole_objects, slim_objects, seen["appearance"])
    return smaller.eval(), errors


def _heads(network: CompactNetwork) -> tuple[LstmCnn, ObjectHead]:
    assert network.lstm_cnn is not None and network.objects is not None
    return network.lstm_cnn, network.objects


def _look(network: CompactNetwork, batches: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Seen]:
    """What the layers that lose inputs see of pictures under phrases, of maps at ``PLACES``."""
    p1, objects = _heads(network)
    layers = {"p1": _layers(p1.hidden).pointwise, "p1 hidden": p1.classify, "appearance": objects.describe[0]}
    parts: dict[str, list[Seen]] = {name: [] for name in layers}
    places = torch.Generator().manual_seed(0)
    for images, vectors in batches:
        with _recorded(layers) as recorded:
            network.answer(network.encode_image(images), vectors)
        for name, (given, made) in recorded.items():
            if given.ndim == 4:
                cells = torch.randperm(given.shape[2] * given.shape[3], generator=places)[:PLACES]
                given, made = (x.flatten(2)[..., cells].transpose(1, 2) for x in (given, made))
            parts[name].append(Seen(given.flatten(0, 1), made.flatten(0, 1)))
    return {name: Seen(*(torch.cat(rows) for rows in zip(*some, strict=True))) for name, some in parts.items()}


@contextmanager
def _recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Seen]]:
    """What each layer gets and gives meanwhile."""
    recorded: dict[str, Seen] = {}

    def remember(name: str, _: nn.Module, given: tuple[Tensor], made: Tensor) -> None:
        recorded[name] = Seen(given[0], made)

    handles = [layer.register_forward_hook(partial(remember, name)) for name, layer in layers.items()]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def _prune_p1(whole: LstmCnn, slim: LstmCnn, seen: Mapping[str, Seen]) -> dict[str, float]:
    """Channels of the layer where phrase and picture meet, and of the one before the last."""
    first = Elimination(*seen["p1"]).reduce(slim.visual.out_channels)
    last = Elimination(*seen["p1 hidden"]).reduce(slim.classify.in_channels)
    for name in ("visual", "fine", "spatial", "text"):
        _keep_outputs(getattr(slim, name), getattr(whole, name), first.kept)
    _take(slim.hidden, whole.hidden, first, last.kept)
    slim.classify.weight.copy_(last.weight[..., None, None])
    _bias(slim.classify).copy_(last.bias)
    return {"p1": first.error, "p1 hidden": last.error}


def _prune_appearance(whole: ObjectHead, slim: ObjectHead, seen: Seen) -> dict[str, float]:
    """As many mixtures of the channels as are wanted: those that the describing layer tells apart best."""
    before, after = whole.appearance.out_channels, slim.appearance.out_channels
    describe, described = (head.describe[0].get_parameter("weight") for head in (whole, slim))
    pooled = describe.shape[1] - whole.appearance.in_channels
    of_parts = describe[:, :pooled].reshape(len(describe), 1 + BANDS, -1)
    weights = of_parts[..., :before]  # (outputs, parts, channels)
    values = seen.inputs[:, :pooled].reshape(-1, 1 + BANDS, of_parts.shape[-1])[..., :before]
    flat = values.flatten(0, 1)
    second = flat.T @ flat / len(flat)
    root = torch.linalg.cholesky(second + RIDGE * second.diagonal().mean() * torch.eye(before))
    directions = torch.linalg.svd(weights.flatten(0, 1) @ root, full_matrices=False).Vh[:after]
    mix, unmix = directions @ torch.linalg.inv(root), root @ directions.T  # (after, before), (before, after)
    for into, source in ((slim.appearance, whole.appearance), (slim.fine_appearance, whole.fine_appearance)):
        into.weight.copy_(torch.einsum("mc,cihw->mihw", mix, source.weight))
    _bias(slim.appearance).copy_(mix @ _bias(whole.appearance))
    mixed = torch.cat([weights @ unmix, of_parts[..., before:]], dim=-1).flatten(1)
    described.copy_(torch.cat([mixed, describe[:, pooled:]], dim=1))
    lost = torch.einsum("opc,npc->no", weights, values - values @ (unmix @ mix).T)
    made = seen.outputs
    return {"appearance": float(lost.square().sum() / (made - made.mean(dim=0)).square().sum())}


class _Layers(NamedTuple):
    """Of a SeparableConv."""

    depthwise: nn.Conv2d
    pointwise: nn.Conv2d
    norm: nn.BatchNorm2d


def _layers(separable: nn.Module) -> _Layers:
    depthwise, pointwise, norm, _ = separable.children()
    assert isinstance(norm, nn.BatchNorm2d)
    return _Layers(_conv(depthwise), _conv(pointwise), norm)


def _bias(layer: nn.Module) -> Tensor:
    return layer.get_parameter("bias")


def _conv(layer: nn.Module) -> nn.Conv2d:
    assert isinstance(layer, nn.Conv2d)
    return layer


def _take(into: nn.Module, source: nn.Module, inputs: Fit, outputs: Tensor) -> None:
    """Some of a SeparableConv's inputs, with what was fitted to them, and some of its outputs."""
    ours, theirs = _layers(into), _layers(source)
    ours.depthwise.weight.copy_(theirs.depthwise.weight[inputs.kept])
    ours.pointwise.weight.copy_(inputs.weight[outputs][..., None, None])
    norm = theirs.norm.state_dict()
    norm["running_mean"] = norm["running_mean"] - inputs.bias  # the pointwise convolution has no bias
    ours.norm.load_state_dict({name: value[outputs] if value.ndim else value for name, value in norm.items()})


def _keep_outputs(into: nn.Module, source: nn.Module, kept: Tensor) -> None:
    into.load_state_dict({name: value[kept] for name, value in source.state_dict().items()})
