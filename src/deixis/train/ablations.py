"""The rows of the paper's tables as changes of one configuration (Hu et al. 2016, section 4), and their stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deixis.errors import ConfigError
from deixis.runs import run_folder
from deixis.train.loop import BEST
from deixis.trainconfig import TrainConfig

BASELINE_WORD_DIM = 1000  # of the paper's learned embedding


def lstm_cnn(full: TrainConfig) -> TrainConfig:
    """The baseline: p1 alone, an embedding learned from the sentences alone, no data without sentences."""
    row = replace(word_embedding(full), embedding="learned")
    paper = row.model.network == "paper"
    return replace(row, model=replace(row.model, word_dim=BASELINE_WORD_DIM)) if paper else row


def word_embedding(full: TrainConfig) -> TrainConfig:
    """Fixed word vectors, learned from text alone, instead."""
    with_sentences = tuple(source for source in full.sources if source.phrases != "names")
    if not with_sentences:
        raise ConfigError("sources: expected one with sentences (phrases other than 'names') for the first rows")
    return replace(synthesized(full), sources=with_sentences)


def synthesized(full: TrainConfig) -> TrainConfig:
    """And the regions of the vision-only sources with their class names as expressions."""
    return replace(full, model=replace(full.model, p2=False, objects=False))


def category(full: TrainConfig) -> TrainConfig:
    """p2 alone: category segmenter and expression classifier."""
    return replace(full, model=replace(full.model, p1=False, objects=False))


def combined(full: TrainConfig) -> TrainConfig:
    """Both terms: alpha p1 + (1 - alpha) p2, alpha learned with the rest."""
    return replace(full, model=replace(full.model, objects=False))


def with_objects(full: TrainConfig) -> TrainConfig:
    """The third term besides, which the paper does not have."""
    return replace(full, model=replace(full.model, objects=True))


ROWS: Mapping[str, Callable[[TrainConfig], TrainConfig]] = {
    "lstm-cnn": lstm_cnn,
    "+embedding": word_embedding,
    "+embedding+synthesized": synthesized,
    "category": category,
    "full": combined,
    "full+objects": with_objects,
}
# What the paper's full model starts from; ``compact`` trains each row from the backbone's weights.
STARTS_FROM = ("+embedding+synthesized", "category")


@dataclass(frozen=True)
class Stage:
    """One training run of a row.

    Attributes:
        run: its folder.
        config: its settings; paths in ``initial`` are those of earlier stages.
    """

    run: Path
    config: TrainConfig


def stages(row: str, full: TrainConfig, runs: Path) -> list[Stage]:
    """The training runs of a row, in order; the last one is the row's result.

    ``compact`` has one. ``paper`` has low then high resolution for p1, FCN-32s, -16s and -8s for p2, and for both
    together one that starts from what the rows for p1 and p2 ended with. ``full.steps`` and ``full.drop_every`` are
    those of the high-resolution stage; the low-resolution one is 5/3 as long, as in the 2016 baseline. The lengths of
    the FCN's and of the joint stage are ours; the papers do not give them.

    Args:
        row: a name from ``ROWS``.
        full: the configuration that rows are changes of.
        runs: folder of the results; a row's are in runs/row/seedN.
    """
    config = ROWS[row](full)
    folder = run_folder(runs, row, config.seed)
    model = config.model
    if model.network == "compact":
        return [Stage(folder, config)]
    if model.p1 and model.p2:
        ends = tuple(str(run_folder(runs, name, config.seed).absolute() / BEST) for name in STARTS_FROM)
        return [Stage(folder, replace(config, initial=ends))]
    if model.p1:
        low = replace(
            config,
            model=replace(model, high_resolution=False),
            loss=replace(config.loss, background=1.0),
            steps=config.steps * 5 // 3,
            drop_every=config.drop_every * 5 // 3,
        )
        return _chain(folder, {"low": low, "high": config})
    by_stride = {f"fcn-{stride}s": replace(config, model=replace(model, fcn_stride=stride)) for stride in (32, 16, 8)}
    return _chain(folder, by_stride)


def _chain(folder: Path, configs: Mapping[str, TrainConfig]) -> list[Stage]:
    """Stages that each start from the one before; all but the last are in a folder of their own below."""
    chain: list[Stage] = []
    for name, config in configs.items():
        initial = (str(chain[-1].run.absolute() / BEST),) if chain else ()
        run = folder if len(chain) == len(configs) - 1 else folder / name
        chain.append(Stage(run, replace(config, initial=initial)))
    return chain
