"""The third term's image side: objects proposed as centre points, each with a box, a mask and a description.

Centre heat map as in "Objects as Points" (Zhou et al. 2019); masks by a small network of each object's own over a
shared pixel embedding and the place relative to the object, as in CondInst (Tian et al. 2020), within a soft window of
the predicted box. All of it is computed once a picture; phrases only choose (see relate.py).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.model.grid import cell_centres, flatten_cells, gather_cells, middle, square_centres, square_side
from deixis.model.image_encoder import FINE_CHANNELS, SeparableConv, upsample

PALETTE_CHANNELS = 24  # soft bins of the picture's colours: the mean of a red shirt and its wall is no red
FILL = 1e-3  # what a cell that is no peak counts, so that it comes after all peaks
MASK_HIDDEN = 4  # hidden units of an object's mask network
LEAST_COARSE = 0.1  # cells at stride 32 that an object may fill before its mean counts less
FAR = 100.0  # largest square of a distance from an object's centre in half sides of its box
BANDS = 3  # upper, middle and lower third of an object: shirt and trousers differ
COLOUR_FEATURES = (1 + BANDS) * (3 + PALETTE_CHANNELS)


class ObjectMaps(NamedTuple):
    """What the head says about every cell at stride 8.

    heat: (B, 1, h, w) logits that an object's centre is here; size: (B, 2, h, w) log width and height as shares of
    the picture; offset: (B, 2, h, w) centre relative to the cell's centre, in cells; hidden: (B, C, h, w) what the
    mask of an object centred here is made from; embedding: (B, E, 2h, 2w) of the pixels.
    """

    heat: Tensor
    size: Tensor
    offset: Tensor
    hidden: Tensor
    embedding: Tensor


class MaskFilters(NamedTuple):
    """What tells the pixels of each of N objects from the others.

    linear: (B, N, E) weights of the pixel embedding; inner: (B, N, R, E + 3) weights of the hidden units for the
    embedding, for the place relative to the object (across, down) and for 1; outer: (B, N, R) what these units count;
    bias: (B, N).
    """

    linear: Tensor
    inner: Tensor
    outer: Tensor
    bias: Tensor


class Candidates(NamedTuple):
    """K proposed objects a picture.

    score: (B, K) centre probability; boxes: (B, K, 4) centre x, y, width, height as shares of the picture;
    masks: (B, K, 2h, 2w) logits; look: (B, K, D) description; classes: (B, K, M) mean p_image inside the mask;
    colours: (B, K, COLOUR_FEATURES), of the whole and of each band; gist: (B, K, G) mean of the backbone's last map
    inside the mask.
    """

    score: Tensor
    boxes: Tensor
    masks: Tensor
    look: Tensor
    classes: Tensor
    colours: Tensor
    gist: Tensor


class PictureMaps(NamedTuple):
    """What candidates are described by.

    visual: (B, C, h, w) at stride 8; fine: (B, 32, 2h, 2w); coarse: (B, G, h / 4, w / 4), the backbone's last map;
    colours: (B, 3, h, w) the picture itself at stride 8; p_image: (B, M, h, w) class probabilities.
    """

    visual: Tensor
    fine: Tensor
    coarse: Tensor
    colours: Tensor
    p_image: Tensor


class ObjectHead(nn.Module):
    """Predict ``ObjectMaps`` and pick candidates from them.

    Args:
        inputs: channels of the map at stride 8.
        appearance: channels that describe what an object looks like.
        embedding: channels of the pixel embedding.
        candidates: K.
        look: length of a candidate's description.
    """

    def __init__(self, inputs: int, appearance: int, embedding: int, candidates: int, look: int) -> None:
        super().__init__()
        self.candidates, self.embedding = candidates, embedding
        self.hidden = nn.Sequential(SeparableConv(inputs, inputs), SeparableConv(inputs, inputs))
        self.heat = nn.Conv2d(inputs, 1, 1)
        self.box = nn.Conv2d(inputs, 4, 1)
        self.filters = nn.Linear(inputs, embedding + 1 + MASK_HIDDEN * (embedding + 4))
        self.embed = nn.Sequential(SeparableConv(FINE_CHANNELS, embedding), nn.Conv2d(embedding, embedding, 1))
        self.context = nn.Conv2d(inputs, embedding, 1, bias=False)  # what says where an object's centre is
        self.window = nn.Parameter(torch.tensor(1.0))
        self.appearance = nn.Conv2d(inputs, appearance, 1)
        self.fine_appearance = nn.Conv2d(FINE_CHANNELS, appearance, 2, stride=2, bias=False)
        self.palette = nn.Sequential(nn.Conv2d(3, PALETTE_CHANNELS, 1), nn.ReLU())
        pooled = (1 + BANDS) * (appearance + 3 + PALETTE_CHANNELS)
        self.describe = nn.Sequential(nn.Linear(pooled + inputs, look), nn.ReLU(), nn.Linear(look, look))
        nn.init.zeros_(self.context.weight)
        nn.init.constant_(self.heat.bias, -4.6)  # type: ignore[arg-type]
        nn.init.constant_(self.box.bias[:2], -1.2)  # type: ignore[index]  # objects of about 0.3 of the side

    def forward(self, visual: Tensor, fine: Tensor) -> ObjectMaps:
        """(B, C, h, w) at stride 8 and (B, 32, 2h, 2w) at stride 4 -> maps."""
        hidden = self.hidden(visual)
        # One convolution for both: on a processor two of so few channels take twice its time.
        weight = torch.cat([self.heat.weight, self.box.weight])
        bias = torch.cat([self.heat.bias, self.box.bias])  # type: ignore[list-item]  # both have one
        heat, size, offset = torch.split(F.conv2d(hidden, weight, bias), [1, 2, 2], dim=1)
        embedding = self.embed(fine) + upsample(self.context(hidden))
        return ObjectMaps(heat, size, offset, hidden, embedding)

    def propose(self, maps: ObjectMaps, seen: PictureMaps, hints: Tensor | None) -> Candidates:
        """The K highest peaks of the heat map as candidates.

        Args:
            maps: from ``forward``.
            seen: what they are described by.
            hints: (B, h, w) added to the heat before peaks are taken (true centres, in training), or None.
        """
        heat = maps.heat.sigmoid()[:, 0]
        ranked = heat.detach() if hints is None else heat.detach() + hints
        is_peak = (F.max_pool2d(ranked[:, None], 3, 1, 1)[:, 0] == ranked).to(ranked.dtype)
        # Where peaks are too few, the highest other cells fill up: an order that does not depend on the runtime.
        _, cells = (ranked * (is_peak + FILL)).flatten(1).topk(self.candidates, dim=1)
        score = heat.flatten(1).gather(1, cells)
        boxes, filters = self.at_cells(maps, cells)
        masks = self.masks(maps.embedding, boxes, filters)
        return Candidates(score, boxes, masks, *self._describe(masks, boxes, cells, seen))

    def at_cells(self, maps: ObjectMaps, cells: Tensor) -> tuple[Tensor, MaskFilters]:
        """Boxes (B, N, 4) and masks' filters predicted at flat cell indices (B, N)."""
        width, side = maps.heat.shape[-1], square_side(maps.heat)
        across, down = cell_centres(maps.heat)
        size, offset = gather_cells(maps.size, cells), gather_cells(maps.offset, cells)
        centres = torch.stack([across[cells % width], down[torch.div(cells, width, rounding_mode="trunc")]], dim=-1)
        boxes = torch.cat([centres + offset / side, size.clamp(-5, 0.3).exp()], dim=-1)
        return boxes, self._filters(gather_cells(maps.hidden, cells))

    def _filters(self, hidden: Tensor) -> MaskFilters:
        """(B, N, C) -> filters of N objects."""
        inputs = self.embedding + 3
        lengths = [self.embedding, 1, MASK_HIDDEN * inputs, MASK_HIDDEN]
        linear, bias, inner, outer = torch.split(self.filters(hidden), lengths, dim=-1)
        return MaskFilters(linear, inner.reshape(*inner.shape[:-1], MASK_HIDDEN, inputs), outer, bias[..., 0])

    def masks(self, embedding: Tensor, boxes: Tensor, filters: MaskFilters) -> Tensor:
        """Mask logits (B, N, H, W) of objects with these boxes and filters over an embedding (B, E, H, W)."""
        batch, count, units = (int(size) for size in filters.outer.shape)
        centre, half = torch.split(boxes.detach()[:, :, None], 2, dim=-1)  # the box has its own loss
        half = half / 2
        # Places relative to each object are linear in those of the picture: one product for all objects and units.
        of_pixels, of_place, constant = torch.split(filters.inner, [self.embedding, 2, 1], dim=-1)
        of_place = of_place / half
        constant = constant - (of_place * centre).sum(dim=-1, keepdim=True)
        inner = torch.cat([of_pixels, of_place, constant], dim=-1).reshape(batch, count * units, -1)
        hidden = F.relu(inner @ _with_places(embedding)).reshape(batch, count, units, -1)
        counted = filters.linear @ flatten_cells(embedding) + (filters.outer[:, :, None] @ hidden)[:, :, 0]

        window = self.window.abs()
        x, y = cell_centres(embedding)
        across = window * ((x - centre[..., :1]) / half[..., :1]).square().clamp(max=FAR)  # (B, N, 1, W)
        down = window * ((y[:, None] - centre[..., 1:]) / half[..., 1:]).square().clamp(max=FAR)  # (B, N, H, 1)
        down = down - filters.bias[..., None, None]
        logits: Tensor = counted.reshape(batch, count, -1, embedding.shape[-1]) - (across + down)
        return logits

    def _describe(
        self, masks: Tensor, boxes: Tensor, cells: Tensor, seen: PictureMaps
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Look, classes, colours and gist of the candidates (see there)."""
        batch, count = (int(size) for size in cells.shape)
        parts = count * (1 + BANDS)
        appearance = self.appearance(seen.visual) + self.fine_appearance(seen.fine)
        appearance = torch.cat([appearance, seen.colours, self.palette(seen.colours)], dim=1)
        weights = F.avg_pool2d(masks.detach().sigmoid(), 2)
        of_parts = (weights[:, :, None] * _in_parts(boxes.detach(), weights)[..., None]).reshape(batch, parts, -1)
        pooled = _mean_inside(of_parts, appearance).reshape(batch, count, 1 + BANDS, -1)  # all parts at once
        described = torch.cat([pooled.flatten(2), gather_cells(seen.visual, cells)], dim=-1)
        shown = pooled[..., self.appearance.out_channels :].flatten(2)
        classes = _mean_inside(flatten_cells(weights), seen.p_image)
        gist = _mean_inside(flatten_cells(F.avg_pool2d(weights, 4)), seen.coarse, LEAST_COARSE)
        return self.describe(described), classes, shown, gist


def _in_parts(boxes: Tensor, grid: Tensor) -> Tensor:
    """(B, K, 1 + BANDS, h): 1 where a row of a grid (..., h, w) belongs to the whole object, and to each band of it."""
    _, y = cell_centres(grid)
    top, height = boxes[..., 1:2] - boxes[..., 3:] / 2, boxes[..., 3:]
    depth = ((y - top) / height * BANDS)[:, :, None]  # 0 at the object's top, BANDS at its bottom
    # The first band, for the whole, has no ends.
    first = torch.tensor([-torch.inf, *range(BANDS)], dtype=depth.dtype, device=depth.device)[:, None]
    last = torch.tensor([torch.inf, *range(1, BANDS + 1)], dtype=depth.dtype, device=depth.device)[:, None]
    return ((depth >= first) & (depth < last)).to(depth.dtype)


def _with_places(embedding: Tensor) -> Tensor:
    """A pixel embedding (B, E, H, W) with x, y in [0, 1] and 1 for each pixel: (B, E + 3, H * W)."""
    centres = square_centres(embedding)
    x, y = torch.meshgrid(centres, centres, indexing="xy")
    places = middle(torch.stack([x, y, torch.ones_like(x)]), embedding)
    return flatten_cells(torch.cat([embedding, places.repeat(int(embedding.shape[0]), 1, 1, 1)], dim=1))


def _mean_inside(weights: Tensor, values: Tensor, least: float = 1.0) -> Tensor:
    """Means of values (B, C, h, w) under weights (B, K, h * w): (B, K, C), smaller where the weights' sum is small."""
    return (weights @ flatten_cells(values).transpose(1, 2)) / (weights.sum(dim=-1, keepdim=True) + least)
