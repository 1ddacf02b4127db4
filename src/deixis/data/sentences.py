"""A dataset of referring expressions as scenes to train on, beside those of ``scenes.py``."""

from __future__ import annotations

from pathlib import Path

from deixis import masks
from deixis.data import nouns
from deixis.data.dataset import open_dataset
from deixis.data.leakage import SourceReport
from deixis.data.splits import published
from deixis.errors import ConfigError
from deixis.image import open_image
from deixis.trainconfig import SourceConfig
from deixis.types import BoolMask, Expression, Sample, Scene, SceneObject


class SentenceSource:
    """The pictures of a dataset with what people said of them, decoded on demand.

    Args:
        config: ``expressions`` names dataset and split, ``images`` is the folder of all datasets.
        root: folder that the config's relative path starts from.

    Raises:
        ConfigError: a published split other than "train" or "all": the others are there to measure.
        DataError: a file is missing or malformed.
    """

    labelled: frozenset[str] = frozenset()  # what is not spoken of may be there all the same

    def __init__(self, config: SourceConfig, root: Path = Path()) -> None:
        self.config = config
        self.dataset = open_dataset(root / config.images, config.expressions or "")
        for name in self.dataset.split.split("+"):
            if published(self.dataset.name, name).name not in ("train", "trainval", "all"):
                raise ConfigError(f"expressions: expected a split to train on, got {config.expressions}")
        first, last = (round(share * len(self.dataset)) for share in config.part)
        self._pictures = range(first, last)
        if not self._pictures:
            raise ConfigError(f"part: expected at least one picture of {config.expressions}, got none")

    def __len__(self) -> int:
        return len(self._pictures)

    def about(self) -> SourceReport:
        """What the source is made of; its photographs are not compared with what other datasets measure on."""
        return SourceReport(str(self.config.expressions), len(self))

    def samples(self, index: int) -> list[Sample]:
        """The sentences about picture ``index`` with their masks."""
        return self.dataset.samples(self._pictures[index])

    def scene(self, index: int) -> Scene:
        """Picture ``index`` with one object for each mask that was spoken of."""
        samples = self.samples(index)
        distinct = {id(sample.mask): sample for sample in samples if sample.mask.any()}
        objects = {key: _object(number, sample) for number, (key, sample) in enumerate(distinct.items(), 1)}
        expressions = tuple(
            Expression(
                text=sample.phrase,
                target_ids=(objects[id(sample.mask)].id,) if id(sample.mask) in objects else (),
                kind="human",
                category=_clean(sample.category),
            )
            for sample in samples
        )
        path = samples[0].image
        where = f"{self.dataset.name}: {path.name}"
        return Scene(open_image(path), tuple(objects.values()), expressions=expressions, source=where)

    def captions_of(self, index: int) -> tuple[str, ...]:
        """None: the sentences are expressions."""
        return ()


def _object(number: int, sample: Sample) -> SceneObject:
    mask: BoolMask | None = None if sample.box_only else sample.mask
    return SceneObject(number, _clean(sample.category) or "", masks.bounding_box(sample.mask), mask)


def _clean(category: str | None) -> str | None:
    return None if category is None else nouns.clean(category)
