"""All settings and their defaults, as frozen dataclasses: of the network and of what runs it; training's are in
trainconfig.py.

``configfile.py`` reads them from TOML or JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deixis.errors import ConfigError

DEFAULT_THRESHOLD = 0.5
# Score of the bundled model below which a phrase names nothing in the picture and the mask is empty. Chosen on held-out
# photographs with synthesized phrases, by benchmarks/understanding.py; scores of another model mean something else.
DEFAULT_PRESENCE = 0.5
INPUT_STRIDE = 32  # the backbone's coarsest map; the input side is a multiple of it
CELL_STRIDE = 8  # one object can be proposed for each cell of the map at this stride
BACKBONE_BLOCKS = 16  # of EfficientNet-Lite0
TRAIT_VALUES = (12, 2, 2, 2)  # that phrases say of an object: colours, sexes, ages, postures (data.traits.TRAITS)
RELATE_HEADS = 4  # attention heads of the transformer that compares candidates


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network: everything that changes the weights' shapes or the computation.

    The defaults are those of ``compact``; ``train.ablations`` has those of ``paper``.

    Attributes:
        categories: the M class names of p_image and p_text.
        network: "compact", or "paper" (VGG-16, fully convolutional, as in Hu et al. 2016).
        backbone: "efficientnet-lite0" or "timm:NAME" of ``compact``; ``paper`` has "vgg16".
        input_size: side of the square that pictures are letterboxed into, in pixels; what is seen of it is a frame that
            holds the picture.
        word_dim: length of a word vector.
        vocabulary: rows of an embedding that is learned with the rest; 0 for fixed vectors that come from outside.
        p1: whether the LSTM-CNN is there.
        p2: whether the category segmenter and the expression classifier are there.
        width: channels of the merged feature maps (``compact``), or of VGG's first block (``paper``).
        text_width: units of the expression LSTM (p1) and of the expression classifier (p2).
        p1_width: channels of the per-pixel classifier's first layer, where the phrase meets the picture.
        p1_hidden: channels of its layer before the last one (``compact``); 0 for ``p1_width``.
        objects: whether the third term (proposed objects, chosen by the phrase) is there (``compact``).
        candidates: objects proposed per picture.
        embedding_dim: channels of the pixel embedding that shapes the objects' masks.
        appearance_width: channels that describe what an object looks like.
        relate_width, relate_layers: the transformer that compares candidate objects under the phrase.
        fcn_stride: finest map that the category segmenter reads: FCN-32s, -16s or -8s (``paper``).
        high_resolution: whether p1 is brought from the coarse grid to every pixel (``paper``'s second stage).
        dropout: on word vectors' encodings, training only.
        image_dropout: on the channels that p_image is told from, training only.
        backbone_widths: hidden channels of each of EfficientNet-Lite0's 16 blocks where it was pruned (see
            train/prune.py); none for the published ones. p1 and the appearance are pruned, too (train/prune_heads.py).
    """

    categories: tuple[str, ...]
    network: str = "compact"
    backbone: str = "efficientnet-lite0"
    input_size: int = 320
    word_dim: int = 50
    vocabulary: int = 0
    p1: bool = True
    p2: bool = True
    width: int = 96
    text_width: int = 192
    p1_width: int = 96
    p1_hidden: int = 0
    objects: bool = True
    candidates: int = 16
    embedding_dim: int = 32
    appearance_width: int = 48
    relate_width: int = 128
    relate_layers: int = 2
    fcn_stride: int = 8
    high_resolution: bool = True
    dropout: float = 0.1
    image_dropout: float = 0.2
    backbone_widths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.input_size <= 0 or self.input_size % INPUT_STRIDE:
            raise ConfigError(f"input_size: expected a positive multiple of {INPUT_STRIDE}, got {self.input_size}")
        if not self.categories or len(set(self.categories)) != len(self.categories):
            raise ConfigError("categories: expected at least one class name, each once")
        for name, value in vars(self).items():
            if type(value) is int and value < (0 if name in ("vocabulary", "p1_hidden") else 1):
                raise ConfigError(f"{name}: expected at least 1, got {value}")
        if self.candidates > (self.input_size // CELL_STRIDE) ** 2 // 2:  # the narrowest frame is half of the square
            raise ConfigError(
                f"candidates: expected at most one for two cells of stride {CELL_STRIDE}, got {self.candidates}"
            )
        if self.relate_width % RELATE_HEADS:
            raise ConfigError(f"relate_width: expected a multiple of {RELATE_HEADS}, got {self.relate_width}")
        if self.fcn_stride not in (8, 16, 32):
            raise ConfigError(f"fcn_stride: expected 8, 16 or 32, got {self.fcn_stride}")
        for name in ("dropout", "image_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected a number from 0 to below 1, got {getattr(self, name)}")
        self._check_parts()

    def _check_parts(self) -> None:
        if self.network not in ("compact", "paper"):
            raise ConfigError(f"network: expected 'compact' or 'paper', got {self.network!r}")
        known = self.backbone == "vgg16" if self.network == "paper" else self.backbone.startswith("timm:")
        if not known and (self.network, self.backbone) != ("compact", "efficientnet-lite0"):
            raise ConfigError(
                f"backbone: expected 'vgg16' for the network 'paper', 'efficientnet-lite0' or 'timm:NAME' for "
                f"'compact', got {self.backbone!r} for {self.network!r}"
            )
        if self.backbone_widths and self.backbone != "efficientnet-lite0":
            raise ConfigError(f"backbone_widths: expected none for the backbone {self.backbone!r}")
        if len(self.backbone_widths) not in (0, BACKBONE_BLOCKS) or min(self.backbone_widths, default=1) < 1:
            raise ConfigError(
                f"backbone_widths: expected {BACKBONE_BLOCKS} numbers of at least 1, got {list(self.backbone_widths)}"
            )
        if not (self.p1 or self.p2):
            raise ConfigError("p1, p2: expected at least one of the two terms")
        if not self.high_resolution and (self.p2 or self.network == "compact"):
            raise ConfigError("high_resolution: only p1 alone, of the network 'paper', has a low-resolution stage")
        if self.objects and not (self.p1 and self.p2 and self.network == "compact"):
            raise ConfigError("objects: the third term needs p1, p2 and the network 'compact'; set it to false")

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms that the answer is made of."""
        there = {"p1": self.p1, "p2": self.p2, "p3": self.objects}
        return tuple(name for name, on in there.items() if on)

    @property
    def frame_stride(self) -> int:
        """What a picture's frame in the square is a multiple of, in pixels; the square itself where that is all."""
        return INPUT_STRIDE if self.network == "compact" else self.input_size

    @property
    def mask_stride(self) -> int:
        """Pixels of the input square to one of the answer's grid."""
        if self.network == "compact":
            return 4
        return INPUT_STRIDE if self.p1 and not self.p2 and not self.high_resolution else 1

    @property
    def class_stride(self) -> int:
        """Pixels of the input square to one cell of p_image."""
        return 8 if self.network == "compact" else 1


@dataclass(frozen=True)
class BatchConfig:
    """What a bulk run writes; all of it is part of the run's identity.

    Attributes:
        threshold: probability from which on a pixel belongs to the mask.
        masks: "png" for a file a phrase, "rle" for COCO's RLE in the manifest and a results file, or "none".
        overlays: whether a picture a phrase is drawn, too.
    """

    threshold: float = DEFAULT_THRESHOLD
    masks: str = "png"
    overlays: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"threshold: expected a number from 0 to 1, got {self.threshold}")
        if self.masks not in ("png", "rle", "none"):
            raise ConfigError(f"masks: expected png, rle or none, got {self.masks!r}")


@dataclass(frozen=True)
class ServeConfig:
    """Limits of ``deixis serve``.

    Attributes:
        host, port: where it listens; port 0 for any free one.
        workers: threads that decode and compute.
        waiting: requests that may wait for one of them; the next is told to come back.
        uploads: request bodies that are received at once.
        head_seconds, body_seconds: in which a request's head and its body must have come in.
        answer_seconds: in which a client must have taken an answer.
        finish_seconds: that running requests get when the server is stopped.
        max_bytes: of a request's body.
        max_pixels: of a picture, seen before it is decoded.
        max_phrases: in a request.
        max_phrase_length: in characters.
        pictures, picture_seconds: encoded pictures that are kept, and for how long after they were last used.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    waiting: int = 64
    uploads: int = 32
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 60.0
    finish_seconds: float = 20.0
    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_phrases: int = 16
    max_phrase_length: int = 200
    pictures: int = 64
    picture_seconds: float = 900.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in ("host", "port") and not 0 < value < math.inf:
                raise ConfigError(f"{name}: expected a number above 0, got {value}")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port: expected 0 to 65535, got {self.port}")
