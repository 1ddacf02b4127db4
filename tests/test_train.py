"""The whole loop on drawn pictures: it learns, it resumes to the bit, it survives being killed, two processes agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch

from deixis.configfile import to_mapping
from deixis.errors import CheckpointError, InputError
from deixis.files import folder_lock
from deixis.train import loop
from deixis.train.checkpoint import AVERAGE, MODEL, load_checkpoint
from deixis.train.loop import BEST, LAST, step_seed, train
from deixis.train.optimise import make_optimiser, schedule, set_rates
from deixis.train.progress import Progress
from deixis.train.validate import Validation
from deixis.trainconfig import TrainConfig
from tiny import tiny_model, tiny_run, tiny_vectors

TESTS = Path(__file__).parent
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)]),
}
EVERY_STEP = 0.0  # minutes between checkpoints


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(loop, "LOG_EVERY", 1)


def nobody(progress: Progress) -> None:
    """A report that goes nowhere."""


def write(config: TrainConfig, path: Path) -> None:
    path.write_text(json.dumps(to_mapping(config)))


def test_the_losses_fall(tmp_path: Path) -> None:
    seen: list[Progress] = []
    config = tiny_run(tmp_path, steps=50, validate_every=25, learning_rate=1e-2)
    best = train(config, tmp_path / "run", tmp_path, seen.append)
    assert [progress.step for progress in seen] == list(range(1, 51))
    first, last = (sum(p.losses["total"] for p in part) / 5 for part in (seen[:5], seen[-5:]))
    assert last < 0.8 * first, "a network from nothing, four pictures a step"
    assert all(progress.images_per_second > 0 and progress.remaining_seconds >= 0 for progress in seen)
    scores = {progress.step: progress.validation.score for progress in seen if progress.validation}
    assert set(scores) == {25, 50}
    kept = load_checkpoint(best)
    assert kept.about["best_score"] == max(scores.values()) and kept.config == config.model
    assert kept.step == max(scores, key=scores.__getitem__)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 50 and "which_right" in lines[-1]["validation"]


def test_the_run_says_what_it_was_trained_on(tmp_path: Path) -> None:
    begun: list[int] = []
    config = tiny_run(tmp_path, steps=1)
    train(config, tmp_path / "run", tmp_path, nobody, lambda sources: begun.extend(item.images for item in sources))
    assert begun == [12, 4], "the source and the held-out pictures"
    pictures, held_out = json.loads((tmp_path / "run" / "sources.json").read_text())
    assert pictures["source"] == str(tmp_path / "train" / "instances.json")
    assert [item["images"] for item in (pictures, held_out)] == [12, 4]
    assert [item["leak_free"] for item in (pictures, held_out)] == [True, True]


def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=7, checkpoint_minutes=EVERY_STEP)
    train(config, tmp_path / "whole", tmp_path, nobody)

    def stop(progress: Progress) -> None:
        if progress.step == 4:  # the checkpoint of step 3 is the last one
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "parts", tmp_path, stop)
    assert load_checkpoint(tmp_path / "parts" / LAST).step == 3
    train(config, tmp_path / "parts", tmp_path, nobody)
    whole, parts = (load_checkpoint(tmp_path / name / LAST) for name in ("whole", "parts"))
    assert whole.step == parts.step == 7
    assert whole.tensors.keys() == parts.tensors.keys()
    for name, value in whole.tensors.items():
        assert torch.equal(value, parts.tensors[name]), name
    assert not torch.equal(whole.part(MODEL)["lstm_cnn.visual.weight"], whole.part(AVERAGE)["lstm_cnn.visual.weight"])


def test_a_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=2)
    train(config, tmp_path / "run", tmp_path, nobody)
    before = (tmp_path / "run" / LAST).read_bytes()
    assert train(config, tmp_path / "run", tmp_path, nobody) == tmp_path / "run" / BEST
    assert (tmp_path / "run" / LAST).read_bytes() == before


def test_killed_at_any_moment_a_run_goes_on(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=100_000, checkpoint_minutes=EVERY_STEP)
    write(config, tmp_path / "config.json")
    program = (
        "import sys; from pathlib import Path; from deixis.trainconfig import TrainConfig\n"
        "from deixis.configfile import read_config; from deixis.train.loop import train\n"
        "here = Path(sys.argv[1])\n"
        "train(read_config(TrainConfig, here / 'config.json'), here / 'run', here, lambda progress: None)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], env=ENVIRONMENT)
    last = tmp_path / "run" / LAST
    try:
        deadline = time.monotonic() + 120
        while not last.exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        with pytest.raises(InputError, match="another training run is at work in this folder"):
            train(config, tmp_path / "run", tmp_path, nobody)
        time.sleep(1.037)
    finally:
        process.kill()
        process.wait()
    step = load_checkpoint(last).step
    assert step >= 1
    leftover = last.with_name(".last.1-aa.tmp.safetensors")
    leftover.write_bytes(b"half a checkpoint")
    train(replace(config, steps=step + 2), tmp_path / "run", tmp_path, nobody)
    assert load_checkpoint(last).step == step + 2
    assert not leftover.exists()


def test_the_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=1)
    train(config, tmp_path / "run", tmp_path, nobody)
    with pytest.raises(CheckpointError, match="expected a checkpoint of this model and these word vectors"):
        train(replace(config, model=tiny_model(width=24)), tmp_path / "run", tmp_path, nobody)
    tiny_vectors(seed=9).save(tmp_path / "other")
    with pytest.raises(CheckpointError, match="choose a new folder with --run"):
        train(replace(config, vectors=str(tmp_path / "other")), tmp_path / "run", tmp_path, nobody)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LAST).write_bytes(b"x" * 50)
    with pytest.raises(CheckpointError, match=r"last\.safetensors: not a safetensors file or damaged"):
        train(config, tmp_path / "run", tmp_path, nobody)


def test_the_best_checkpoint_is_chosen_by_the_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.2, 0.5, 0.3])

    def scored(*_: object) -> Validation:
        return Validation(1, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5, next(scores), {})

    monkeypatch.setattr(loop, "validate", scored)
    best = train(tiny_run(tmp_path, steps=3, validate_every=1), tmp_path / "run", tmp_path, nobody)
    kept = load_checkpoint(best)
    assert (kept.step, kept.about["best_score"]) == (2, 0.5)
    assert load_checkpoint(tmp_path / "run" / LAST).about["best_score"] == 0.5


def test_categories_are_those_of_the_sources(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=1)
    auto = replace(config, model=replace(config.model, categories=("auto",)))
    kept = load_checkpoint(train(auto, tmp_path / "run", tmp_path, nobody))
    assert set(kept.config.categories) == {"circle", "square", "triangle"}
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model"]["categories"] == [
        *kept.config.categories
    ]


TWO = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from deixis.trainconfig import TrainConfig
from deixis.configfile import read_config
from deixis.train import loop

here = Path(sys.argv[1])
fit = loop.Trainer.fit

def keep(trainer, report):
    fit(trainer, report)
    weights = {name: value.detach().clone().contiguous() for name, value in trainer.network.named_parameters()}
    rank, world = trainer.accelerator.process_index, trainer.accelerator.num_processes
    save_file(weights, here / f"rank{rank}of{world}.safetensors")

loop.Trainer.fit = keep
loop.train(read_config(TrainConfig, here / "config.json"), here / "run", here, lambda progress: None)
"""


def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    write(tiny_run(tmp_path, steps=4, validate_every=2, images=2), tmp_path / "config.json")
    (tmp_path / "two.py").write_text(TWO)
    # Of CPU processes `accelerate launch` starts only one (its docs: several need MPI); torchrun starts two.
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, str(tmp_path / "two.py"), str(tmp_path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=1800,  # a busy machine took more than 200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (load_file(tmp_path / f"rank{rank}of2.safetensors") for rank in (0, 1))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    last = load_checkpoint(tmp_path / "run" / LAST)
    assert last.step == 4
    assert torch.equal(last.part(MODEL)["lstm_cnn.visual.weight"], first["lstm_cnn.visual.weight"])
    assert (tmp_path / "run" / BEST).exists()


def test_a_step_without_a_finite_gradient_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = loop.total_loss

    def broken(*arguments: Any) -> Any:
        total, terms = real(*arguments)
        return total * float("nan"), terms

    monkeypatch.setattr(loop, "total_loss", broken)
    train(tiny_run(tmp_path, steps=2), tmp_path / "run", tmp_path, nobody)
    last = load_checkpoint(tmp_path / "run" / LAST)
    assert all(value.isfinite().all() for value in last.tensors.values())


def test_one_run_a_folder(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    expected = pytest.raises(InputError, match="another training run is at work")
    with folder_lock(tmp_path / "run", "run", "--run"), expected:
        train(config, tmp_path / "run", tmp_path, nobody)


def test_rates_rise_and_fall(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, steps=100, warmup=10)
    shares = [schedule(step, config) for step in range(101)]
    assert shares[0] == pytest.approx(0.1) and shares[9] == shares[10] == 1
    assert shares[55] == pytest.approx(0.5) and shares[100] == pytest.approx(0)
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert schedule(0, replace(config, warmup=0)) == 1
    steps = replace(config, drop_every=40)
    assert [schedule(step, steps) for step in (10, 39, 40, 79, 80)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_the_backbone_has_a_rate_of_its_own_and_biases_do_not_decay(tmp_path: Path) -> None:
    from deixis.model.build import build

    config = tiny_run(tmp_path, learning_rate=1e-3, backbone_rate=1e-4, weight_decay=0.1)
    network = build(config.model)
    network.image_encoder.backbone.freeze(8)
    optimiser = make_optimiser(network, config)
    set_rates(optimiser, 0.5)
    groups = {id(value): group for group in optimiser.param_groups for value in group["params"]}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            assert id(parameter) not in groups
            continue
        group = groups[id(parameter)]
        peak = 1e-2 if name == "combine.alpha_logit" else 1e-4 if ".backbone." in name else 1e-3
        assert group["lr"] == 0.5 * peak
        assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)


def test_seeds_of_steps_differ_and_repeat() -> None:
    seeds = {step_seed(seed, step, rank) for seed in range(3) for step in range(50) for rank in range(4)}
    assert len(seeds) == 600 and min(seeds) >= 0
    assert step_seed(0, 7, 1) == step_seed(0, 7, 1)
