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

from deixis.model.image_encoder import FINE_CHANNELS, SeparableConv, upsample

APPEARANCE_CHANNELS = 48
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
        embedding: channels of the pixel embedding.
        candidates: K.
        look: length of a candidate's description.
    """

    def __init__(self, inputs: int, embedding: int, candidates: int, look: int) -> None:
        super().__init__()
        self.candidates, self.embedding = candidates, embedding
        self.hidden = nn.Sequential(SeparableConv(inputs, inputs), SeparableConv(inputs, inputs))
        self.heat = nn.Conv2d(inputs, 1, 1)
        self.box = nn.Conv2d(inputs, 4, 1)
        self.filters = nn.Linear(inputs, embedding + 1 + MASK_HIDDEN * (embedding + 4))
        self.embed = nn.Sequential(SeparableConv(FINE_CHANNELS, embedding), nn.Conv2d(embedding, embedding, 1))
        self.context = nn.Conv2d(inputs, embedding, 1, bias=False)  # what says where an object's centre is
        self.window = nn.Parameter(torch.tensor(1.0))
        self.appearance = nn.Conv2d(inputs, APPEARANCE_CHANNELS, 1)
        self.fine_appearance = nn.Conv2d(FINE_CHANNELS, APPEARANCE_CHANNELS, 2, stride=2, bias=False)
        self.palette = nn.Sequential(nn.Conv2d(3, PALETTE_CHANNELS, 1), nn.ReLU())
        pooled = (1 + BANDS) * (APPEARANCE_CHANNELS + 3 + PALETTE_CHANNELS)
        self.describe = nn.Sequential(nn.Linear(pooled + inputs, look), nn.ReLU(), nn.Linear(look, look))
        nn.init.zeros_(self.context.weight)
        nn.init.constant_(self.heat.bias, -4.6)  # type: ignore[arg-type]
        nn.init.constant_(self.box.bias[:2], -1.2)  # type: ignore[index]  # objects of about 0.3 of the side

    def forward(self, visual: Tensor, fine: Tensor) -> ObjectMaps:
        """(B, C, h, w) at stride 8 and (B, 32, 2h, 2w) at stride 4 -> maps."""
        hidden = self.hidden(visual)
        size, offset = self.box(hidden).split(2, dim=1)
        embedding = self.embed(fine) + upsample(self.context(hidden))
        return ObjectMaps(self.heat(hidden), size, offset, hidden, embedding)

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
        height, width = maps.heat.shape[-2:]
        size, offset = gather_cells(maps.size, cells), gather_cells(maps.offset, cells)
        column = (cells % width).to(size.dtype)
        row = torch.div(cells, width, rounding_mode="floor").to(size.dtype)
        centre_x = (column + 0.5 + offset[..., 0]) / width
        centre_y = (row + 0.5 + offset[..., 1]) / height
        size = size.clamp(-5, 0.3).exp()
        boxes = torch.stack([centre_x, centre_y, size[..., 0], size[..., 1]], dim=-1)
        return boxes, self._filters(gather_cells(maps.hidden, cells))

    def _filters(self, hidden: Tensor) -> MaskFilters:
        """(B, N, C) -> filters of N objects."""
        inputs = self.embedding + 3
        lengths = [self.embedding, 1, MASK_HIDDEN * inputs, MASK_HIDDEN]
        linear, bias, inner, outer = torch.split(self.filters(hidden), lengths, dim=-1)
        return MaskFilters(linear, inner.reshape(*inner.shape[:-1], MASK_HIDDEN, inputs), outer, bias[..., 0])

    def masks(self, embedding: Tensor, boxes: Tensor, filters: MaskFilters) -> Tensor:
        """Mask logits (B, N, H, W) of objects with these boxes and filters over an embedding (B, E, H, W)."""
        height, width = embedding.shape[-2:]
        batch, count, units = filters.outer.shape
        boxes = boxes.detach()  # the box has its own loss
        (x, y), (half_width, half_height) = boxes[..., None, :2].unbind(-1), (boxes[..., None, 2:] / 2).unbind(-1)
        # Places relative to each object are linear in those of the picture: one product for all objects and units.
        of_pixels, of_across, of_down, constant = torch.split(filters.inner, [self.embedding, 1, 1, 1], dim=-1)
        of_across, of_down = of_across / half_width[..., None], of_down / half_height[..., None]
        constant = constant - of_across * x[..., None] - of_down * y[..., None]
        inner = torch.cat([of_pixels, of_across, of_down, constant], dim=-1).flatten(1, 2)
        hidden = F.relu(inner @ _with_places(embedding)).reshape(batch, count, units, -1)
        counted = filters.linear @ embedding.flatten(2) + (filters.outer[:, :, None] @ hidden)[:, :, 0]

        window = self.window.abs()
        across = window * ((cell_centres(width, boxes) - x) / half_width).square().clamp(max=FAR)  # (B, N, W)
        down = window * ((cell_centres(height, boxes) - y) / half_height).square().clamp(max=FAR)  # (B, N, H)
        down = down - filters.bias[..., None]
        return counted.reshape(batch, count, height, width) - (across[..., None, :] + down[..., :, None])

    def _describe(
        self, masks: Tensor, boxes: Tensor, cells: Tensor, seen: PictureMaps
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Look, classes, colours and gist of the candidates (see there)."""
        appearance = self.appearance(seen.visual) + self.fine_appearance(seen.fine)
        appearance = torch.cat([appearance, seen.colours, self.palette(seen.colours)], dim=1).flatten(2).transpose(1, 2)
        weights = F.avg_pool2d(masks.detach().sigmoid(), 2)
        height = weights.shape[-2]
        y = cell_centres(height, masks)
        top = boxes[..., 1:2] - boxes[..., 3:4] / 2
        depth = (((y - top) / boxes[..., 3:4]) * BANDS).detach()  # 0 at the object's top, BANDS at its bottom
        inside = [(depth >= band) & (depth < band + 1) for band in range(BANDS)]
        parts = torch.stack([torch.ones_like(depth), *(part.to(depth.dtype) for part in inside)], dim=1)
        pooled = _mean_inside((weights[:, None] * parts[..., None]).flatten(1, 2), appearance)  # all parts at once
        bands = pooled.chunk(1 + BANDS, dim=1)
        described = torch.cat([*bands, gather_cells(seen.visual, cells)], dim=-1)
        shown = torch.cat([band[..., APPEARANCE_CHANNELS:] for band in bands], dim=-1)
        classes = _mean_inside(weights, seen.p_image.flatten(2).transpose(1, 2))
        gist = _mean_inside(F.avg_pool2d(weights, 4), seen.coarse.flatten(2).transpose(1, 2), LEAST_COARSE)
        return self.describe(described), classes, shown, gist


def cell_centres(count: int, like: Tensor) -> Tensor:
    """Centres of ``count`` cells that divide [0, 1]: (count,), of the type and on the device of ``like``."""
    return (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / count


def _with_places(embedding: Tensor) -> Tensor:
    """A pixel embedding (B, E, H, W) with x, y in [0, 1] and 1 for each pixel: (B, E + 3, H * W)."""
    batch, _, height, width = embedding.shape
    x = cell_centres(width, embedding).expand(batch, height, -1)
    y = cell_centres(height, embedding)[:, None].expand(batch, -1, width)
    return torch.cat([embedding, torch.stack([x, y, torch.ones_like(x)], dim=1)], dim=1).flatten(2)


def gather_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Columns of a map (B, C, h, w) at flat cell indices (B, N): (B, N, C)."""
    index = cells[:, None].expand(-1, maps.shape[1], -1)
    return maps.flatten(2).gather(2, index).transpose(1, 2)


def _mean_inside(weights: Tensor, values: Tensor, least: float = 1.0) -> Tensor:
    """Means of values (B, h*w, C) under weights (B, K, h, w): (B, K, C), smaller where the weights' sum is small."""
    flat = weights.flatten(2)
    return (flat @ values) / (flat.sum(dim=-1, keepdim=True) + least)
