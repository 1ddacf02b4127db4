"""VGG-16 (Simonyan & Zisserman 2015), its fully connected layers run as convolutions (Long et al. 2015).

State-dict keys and shapes are torchvision's, so its ImageNet weights load unchanged.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from deixis.errors import CheckpointError
from deixis.model.weights import read_weights

# Convolutions of each block, and its channels as multiples of the first block's; each block ends in a 2x2 pooling.
BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
WIDTH = 64  # channels of the first block
CLASSES = 1000  # of ImageNet
FC6_SIDE = 7
DROPOUT = 0.5


class VggMaps(NamedTuple):
    """Maps of an image batch (B, 3, H, W).

    pool3: (B, 4w, H/8, W/8); pool4: (B, 8w, H/16, W/16); fc7: (B, 64w, H/32, W/32), w being the first block's
    channels (64): 256, 512 and 4096.
    """

    pool3: Tensor
    pool4: Tensor
    fc7: Tensor


class Vgg16(nn.Module):
    """VGG-16 up to fc7, and fc8 on demand.

    Args:
        width: channels of the first block; 64 is VGG-16, fewer are for tests.
        fc8: whether the ImageNet classifier is kept.
    """

    def __init__(self, width: int = WIDTH, fc8: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for repeats, factor in BLOCKS:
            for _ in range(repeats):
                layers += [nn.Conv2d(inputs, width * factor, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = width * factor
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        hidden = 64 * width
        self.classifier = nn.Sequential(
            nn.Linear(inputs * FC6_SIDE**2, hidden),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
        )
        if fc8:
            self.classifier.append(nn.Linear(hidden, CLASSES))
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # both have one

    def forward(self, images: Tensor) -> VggMaps:
        """(B, 3, H, W), H and W multiples of 32 -> maps."""
        pools: list[Tensor] = []
        x = images
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(x)
        x = F.relu(self._convolve(x, 0))
        x = self.classifier[2](x)
        x = F.relu(self._convolve(x, 3))
        return VggMaps(pools[2], pools[3], self.classifier[5](x))

    def fc8(self, fc7: Tensor) -> Tensor:
        """(B, 4096, h, w) -> (B, 1000, h, w) scores of the ImageNet classes."""
        return self._convolve(fc7, 6)

    def _convolve(self, x: Tensor, layer: int) -> Tensor:
        """A fully connected layer as a convolution with padding that keeps the size ("SAME")."""
        linear = self.classifier[layer]
        assert isinstance(linear, nn.Linear)
        side = FC6_SIDE if layer == 0 else 1
        weight = linear.weight.view(linear.out_features, -1, side, side)
        return F.conv2d(x, weight, linear.bias, padding=side // 2)

    def freeze(self) -> None:
        """Fix conv1 to conv5; fc6 to fc8 stay free, as in the 2016 baseline."""
        self.features.requires_grad_(False)

    def load_weights(self, path: Path) -> None:
        """Load a state dict of torchvision's vgg16.

        Raises:
            CheckpointError: the file does not fit.
        """
        state = read_weights(path)
        own = self.state_dict()
        state = {name: value for name, value in state.items() if name in own or not name.startswith("classifier.6.")}
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            raise CheckpointError(f"{path}: expected torchvision's vgg16 weights: {error}") from error
