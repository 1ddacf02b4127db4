"""What a run trains on and is validated on, whichever kind of dataset it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deixis.data.scenes import SceneSource, held_out_samples
from deixis.data.sentences import SentenceSource
from deixis.data.synthesize import SynthesisOptions
from deixis.trainconfig import SourceConfig
from deixis.types import Sample

Source = SceneSource | SentenceSource


def open_source(config: SourceConfig, root: Path) -> Source:
    """Open a source: category masks in COCO's format, or a dataset of referring expressions."""
    return SentenceSource(config, root) if config.expressions else SceneSource(config, root)


def category_names(sources: Iterable[Source]) -> tuple[str, ...]:
    """Class names that some source labels completely, each once, in the order of the first that has them."""
    names: dict[str, None] = {}
    for source in sources:
        if isinstance(source, SceneSource):
            names.update(dict.fromkeys(source.category_names))
    return tuple(names)


def validation_samples(source: Source, per_image: int, seed: int, options: SynthesisOptions) -> list[Sample]:
    """Evaluation rows of held-out pictures: synthesized phrases, or what people said."""
    if isinstance(source, SceneSource):
        return held_out_samples(source, per_image, seed, options)
    return [sample for index in range(len(source)) for sample in source.samples(index)]
