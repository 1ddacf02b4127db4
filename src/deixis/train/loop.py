"""The training loop: one process on a laptop, or as many as `accelerate launch` or torchrun starts."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from deixis.configfile import to_mapping
from deixis.data.leakage import SourceReport
from deixis.data.sources import Source, category_names, open_source, validation_samples
from deixis.data.synthesize import SynthesisOptions
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError, ConfigError
from deixis.files import atomic_write, folder_lock
from deixis.model.build import Network, build
from deixis.model.efficientnet import imagenet_weights
from deixis.model.losses import total_loss
from deixis.runs import all_leak_free
from deixis.segmenter import DEFAULT_VECTORS
from deixis.train.checkpoint import (
    AVERAGE,
    MODEL,
    OPTIMISER,
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
    weights_of,
)
from deixis.train.loader import Batch, TrainingData, make_loader
from deixis.train.optimise import make_optimiser, schedule, set_rates
from deixis.train.progress import Meter, Progress
from deixis.train.validate import Validation, validate
from deixis.trainconfig import TrainConfig
from deixis.types import Sample
from deixis.vocabulary import Lexicon, Vocabulary

LAST, BEST = "last.safetensors", "best.safetensors"
VOCABULARY, VOCABULARY_PICTURES = "vocabulary.txt", 5000
LOG_EVERY = 20  # steps between two progress reports
PRUNED = ("backbone_widths", "p1_width", "p1_hidden", "appearance_width")  # what scripts/prune*.py change
VALIDATION_SEED, VALIDATION_PHRASES = 1234, 6


def train(
    config: TrainConfig,
    run: Path,
    root: Path,
    report: Callable[[Progress], None],
    begun: Callable[[Sequence[SourceReport]], object] | None = None,
) -> Path:
    """Train until ``config.steps``, going on from ``run/last.safetensors`` when there is one.

    Args:
        config: the run; categories left as ("auto",) are taken from the sources.
        run: folder for config, sources, log and checkpoints.
        root: folder that the config's relative paths start from.
        report: called in the main process with the progress.
        begun: called there once, before the first step, with what the sources and the validation are made of.

    Returns:
        Path of the best checkpoint by validation score.

    Raises:
        CheckpointError: the folder belongs to another run, or its checkpoint to another model or other vectors.
    """
    # Without this, torchrun on a machine without a GPU is taken for a run on several GPUs, and fails.
    accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    if config.threads:
        torch.set_num_threads(config.threads)
    with folder_lock(run, "training run", "--run") if accelerator.is_main_process else contextlib.nullcontext():
        trainer = Trainer(config, run, root, accelerator)
        trainer.resume()
        if accelerator.is_main_process and begun is not None:
            begun(trainer.sources)
        trainer.fit(report)
    accelerator.end_training()
    return run / BEST


def complete(config: TrainConfig, sources: Sequence[Source]) -> TrainConfig:
    """Fill in categories ("auto",) with the classes of the sources."""
    if config.model.categories != ("auto",):
        return config
    return replace(config, model=replace(config.model, categories=category_names(sources)))


class Trainer:
    """Everything that one run holds: data, network, averaged network, optimiser."""

    def __init__(self, config: TrainConfig, run: Path, root: Path, accelerator: Accelerator) -> None:
        self.run, self.accelerator = run, accelerator
        sources = [open_source(source, root) for source in config.sources]
        self.sources = [source.about() for source in sources]
        config = complete(config, sources)
        options = SynthesisOptions(
            vocabulary=config.model.categories, held_out_names=frozenset(config.held_out_words)
        )
        fixed = WordVectors.load(root / config.vectors if config.vectors else DEFAULT_VECTORS)
        self.vectors: Lexicon = fixed
        self.data = TrainingData(config, sources, fixed, options)
        if config.embedding == "learned":
            self.vectors = words = self._vocabulary()
            config = replace(config, model=replace(config.model, vocabulary=len(words)))
            self.data = replace(self.data, config=config, vectors=words)
        else:
            fixed.check_dim(config.model.word_dim)
        self.config = config
        self.samples: list[Sample] = []
        if accelerator.is_main_process:
            held_out = open_source(config.validation, root)
            self.sources.append(held_out.about())
            every_word = SynthesisOptions(vocabulary=config.model.categories)
            self.samples = validation_samples(held_out, VALIDATION_PHRASES, VALIDATION_SEED, every_word)
        self.network = build(config.model, config.seed)
        if config.backbone_weights and not config.model.backbone_widths:  # a pruned one comes with config.initial
            given = config.backbone_weights
            weights = imagenet_weights() if given == "imagenet" else root / given
            self.network.load_backbone(weights)
        self.network.freeze(config.frozen_stride)
        for path in config.initial:
            start_from(self.network, load_checkpoint(root / path), path, config.renewed)
        self.average = build(config.model, config.seed)
        self.average.load_state_dict(self.network.state_dict())
        self.step, self.best_score = 0, -1.0
        self.optimiser = make_optimiser(self.network, config)
        self.trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.prepared: nn.Module = accelerator.prepare_model(network)
        self.average.to(accelerator.device)

    def _vocabulary(self) -> Vocabulary:
        """The words of a learned embedding: those of the run's folder, or those of its first training phrases."""
        path = self.run / VOCABULARY
        if not path.exists() and self.accelerator.is_main_process:
            pictures = range(min(self.data.config.steps * self.data.config.images, VOCABULARY_PICTURES))
            phrases = (phrase.text for index in pictures for phrase in self.data.phrases(index))
            self.run.mkdir(parents=True, exist_ok=True)
            Vocabulary.collect(phrases).save(path)
        self.accelerator.wait_for_everyone()
        return Vocabulary.load(path)

    def resume(self) -> None:
        """Go on from the last checkpoint of the run's folder, if there is one."""
        path = self.run / LAST
        if not path.exists():
            return
        self._remove_leftovers()
        checkpoint = load_checkpoint(path)
        if checkpoint.config != self.config.model or checkpoint.vectors != self.vectors.fingerprint:
            raise CheckpointError(
                f"{path}: expected a checkpoint of this model and these word vectors, got another; "
                "choose a new folder with --run, or take the old config"
            )
        self.network.load_state_dict(checkpoint.part(MODEL))
        self.average.load_state_dict(checkpoint.part(AVERAGE))
        restore_optimiser(self.optimiser, checkpoint.part(OPTIMISER))
        self.step, self.best_score = checkpoint.step, float(checkpoint.about["best_score"])

    def fit(self, report: Callable[[Progress], None]) -> None:
        """Train to the end, with checkpoints and validations on the way."""
        config, accelerator = self.config, self.accelerator
        self._write_config()
        loader = make_loader(self.data, self.step, accelerator.process_index, accelerator.num_processes)
        meter = Meter(config)
        saved = time.monotonic()
        for batch in loader:
            meter.add(self._train_step(batch))
            self.step += 1
            validation = None
            if self.step % config.validate_every == 0 or self.step == config.steps:
                with meter.paused():
                    validation = self._validate()
            if self.step % LOG_EVERY == 0 or self.step == config.steps or validation is not None:
                self._log(meter.progress(self.step, validation), report)
            due = time.monotonic() - saved > 60 * config.checkpoint_minutes
            if due or validation is not None:
                self._save(LAST, self._full_state())
                saved = time.monotonic()
        accelerator.wait_for_everyone()  # the others must not end the process group while the first one validates

    def _train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        config = self.config
        torch.manual_seed(step_seed(config.seed, self.step, self.accelerator.process_index))
        batch = batch.to(self.accelerator.device)
        images = batch.images.contiguous(memory_format=torch.channels_last)
        set_rates(self.optimiser, schedule(self.step, config))
        self.prepared.train()
        output = self.prepared(images, batch.vectors, batch.hints, batch.cells)
        loss, terms = total_loss(output, batch.targets, config.loss)
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.trained, config.clip)
        if norm.isfinite():  # one bad batch must not spoil days of weights; the loss shows it in the log
            self.optimiser.step()
        self._update_average()
        return terms

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
        for averaged, current in pairs:
            if averaged.dtype.is_floating_point:
                averaged.lerp_(current, 1 - decay)
            else:
                averaged.copy_(current)

    def _validate(self) -> Validation | None:
        """Score the averaged weights on the held-out pictures; keep them when they are the best so far."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return None
        result = validate(self.average, self.vectors, self.samples)
        if result.score > self.best_score:
            self.best_score = result.score
            about = {
                "validation": result.to_mapping(),
                "best_score": self.best_score,
                "leak_free": all_leak_free([source.leak_free for source in self.sources]),
            }
            self._save(BEST, self._checkpoint(weights_of(self.average, MODEL), about))
        return result

    def _full_state(self) -> Checkpoint:
        tensors = {
            **weights_of(self.network, MODEL),
            **weights_of(self.average, AVERAGE),
            **optimiser_tensors(self.optimiser),
        }
        return self._checkpoint(tensors, {"best_score": self.best_score})

    def _checkpoint(self, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> Checkpoint:
        return Checkpoint(self.config.model, self.vectors.fingerprint, self.step, tensors, about)

    def _save(self, name: str, checkpoint: Checkpoint) -> None:
        if self.accelerator.is_main_process:
            save_checkpoint(self.run / name, checkpoint)

    def _remove_leftovers(self) -> None:
        """Remove what a run that was killed while it wrote a checkpoint left behind."""
        if self.accelerator.is_main_process:
            for name in (LAST, BEST):
                for path in self.run.glob(f".{Path(name).stem}.*.tmp.safetensors"):
                    path.unlink(missing_ok=True)

    def _write_config(self) -> None:
        if self.accelerator.is_main_process:
            with atomic_write(self.run / "config.json") as temporary:
                temporary.write_text(json.dumps(to_mapping(self.config), indent=1))
            with atomic_write(self.run / "sources.json") as temporary:
                temporary.write_text(json.dumps([asdict(source) for source in self.sources], indent=1))

    def _log(self, progress: Progress, report: Callable[[Progress], None]) -> None:
        if not self.accelerator.is_main_process:
            return
        entry: dict[str, Any] = {
            "step": progress.step,
            "seconds": round(time.time()),
            "images_per_second": round(progress.images_per_second, 2),
            "losses": {name: round(value, 4) for name, value in progress.losses.items()},
        }
        if self.network.combine.alpha is not None:
            entry["alpha"] = round(float(self.network.combine.alpha.detach()), 4)
        if progress.validation is not None:
            entry["validation"] = progress.validation.to_mapping()
        with (self.run / "log.jsonl").open("a") as handle:
            handle.write(json.dumps(entry) + "\n")
        report(progress)


def start_from(network: Network, checkpoint: Checkpoint, where: str, renewed: Sequence[str] = ()) -> None:
    """Take the weights of another run wherever name and shape agree; the rest keeps its first values.

    Args:
        network: gets them.
        checkpoint: has them.
        where: its path, for errors.
        renewed: parts of the network that keep their first values all the same.

    Raises:
        CheckpointError: nothing agrees, or it was pruned and this network was not.
        ConfigError: the network has no such part.
    """
    ours, theirs = network.config, checkpoint.config
    if ours.backbone == theirs.backbone:
        for name in PRUNED:
            got, expected = (_shown(getattr(config, name)) for config in (ours, theirs))
            if got != expected:
                raise CheckpointError(
                    f"initial: {where}: it has other channels: expected model.{name} = {expected}, got {got}"
                )
    own = network.state_dict()
    parts = sorted({name.split(".")[0] for name in own})
    if unknown := [part for part in renewed if part not in parts]:
        raise ConfigError(f"renewed: expected parts of the network, {', '.join(parts)}, got {unknown[0]!r}")
    given = {name: value for name, value in checkpoint.part(MODEL).items() if name.split(".")[0] not in renewed}
    fitting = {name: value for name, value in given.items() if name in own and value.shape == own[name].shape}
    if not fitting:
        raise CheckpointError(f"initial: {where}: expected weights of this network, none of them fits")
    network.load_state_dict(fitting, strict=False)


def _shown(value: int | tuple[int, ...]) -> int | list[int]:
    """As a configuration file has it."""
    return list(value) if isinstance(value, tuple) else value


def step_seed(seed: int, step: int, rank: int) -> int:
    """Seed of one step's dropout in one process, so that a resumed run draws what an uninterrupted one would have."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
