"""Train and measure the rows of an ablation: one folder a row and seed, with config, log, checkpoints and records.

``runs.py`` says where they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from deixis.data.sources import category_names, open_source, validation_samples
from deixis.data.synthesize import SynthesisOptions
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError
from deixis.evaluate import evaluate, write_records
from deixis.model.build import build
from deixis.runs import records_path
from deixis.segmenter import DEFAULT_VECTORS, Segmenter
from deixis.slices import tag_unknown_words
from deixis.text import tokenize
from deixis.train.ablations import stages
from deixis.train.checkpoint import MODEL, load_checkpoint
from deixis.train.loop import VOCABULARY, train
from deixis.train.progress import Progress
from deixis.train.torch_backend import place
from deixis.trainconfig import TrainConfig
from deixis.types import Sample
from deixis.vocabulary import Lexicon, Vocabulary

HELD_OUT = "heldout-synthesized"  # records of phrases made from the validation's pictures
HELD_OUT_PHRASES, HELD_OUT_SEED = 12, 99  # other phrases than the validation's, which chose the checkpoint

Tests = Mapping[str, Callable[[], Iterable[Sample]]]  # what to measure on: a name and its rows


def ablate(
    full: TrainConfig,
    rows: Sequence[str],
    seeds: Sequence[int],
    tests: Tests,
    runs: Path,
    root: Path,
    report: Callable[[str, Progress], None],
) -> None:
    """Train and measure rows; what is there already is left as it is, a row that was stopped goes on.

    Args:
        full: the configuration that the rows are changes of.
        rows: names from ``ablations.ROWS``, in an order in which a row comes after those that it starts from.
        seeds: each row is trained once for each.
        tests: datasets to measure on, besides the held-out pictures.
        runs: folder of the results.
        root: folder that the config's relative paths start from.
        report: called with the row's name and its progress.
    """
    for seed in seeds:  # the outer loop, so that a whole table is there early
        for row in rows:
            for stage in stages(row, replace(full, seed=seed), runs):
                best = train(stage.config, stage.run, root, partial(report, str(stage.run.relative_to(runs))))
            measure(best, stage.config, {HELD_OUT: partial(held_out, stage.config, root), **tests}, root)


def measure(checkpoint: Path, config: TrainConfig, tests: Tests, root: Path) -> None:
    """Write the records of a trained row that are not there yet."""
    paths = {name: records_path(checkpoint.parent, name) for name in tests}
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        segmenter = open_run(checkpoint, root / config.vectors if config.vectors else DEFAULT_VECTORS)
        for name in missing:
            write_records(paths[name], evaluate(segmenter, tag_unknown_words(tests[name](), segmenter.vectors)))


def held_out(config: TrainConfig, root: Path) -> list[Sample]:
    """Synthesized phrases on the validation's pictures, tagged where they have a word that no training phrase had."""
    source = open_source(config.validation, root)
    options = SynthesisOptions(vocabulary=category_names([source]))
    hidden = set(config.held_out_words)
    return [
        replace(sample, tags={**sample.tags, "held_out_word": str(not hidden.isdisjoint(tokenize(sample.phrase)))})
        for sample in validation_samples(source, HELD_OUT_PHRASES, HELD_OUT_SEED, options)
    ]


def open_run(
    checkpoint: Path, vectors: Path = DEFAULT_VECTORS, device: str = "cpu", own_threshold: bool = False
) -> Segmenter:
    """The network of a training run, computed by PyTorch. Learned embeddings have no other way out of their folder.

    Args:
        checkpoint: of the run.
        vectors: folder of the word vectors, where they are not learned.
        device: see ``torch_backend.place``.
        own_threshold: as it would be exported; else its mask is where p >= 0.5, as in the paper.

    Raises:
        CheckpointError: the checkpoint cannot be read, or was trained with other words.
    """
    stored = load_checkpoint(checkpoint)
    network = build(stored.config)
    network.load_state_dict(stored.part(MODEL))
    if own_threshold:
        network.combine.threshold = stored.threshold
    learned = stored.config.vocabulary
    words: Lexicon = Vocabulary.load(checkpoint.parent / VOCABULARY) if learned else WordVectors.load(vectors)
    if words.fingerprint != stored.vectors:
        raise CheckpointError(
            f"{checkpoint}: expected the words {stored.vectors} that it was trained with, got {words.fingerprint}; "
            "give the folder of its vectors"
        )
    return Segmenter(place(network, device), stored.config, words, stored.about)
