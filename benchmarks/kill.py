"""Kills a training run at random moments and compares its weights, bit by bit, with those of a run left alone.

    python benchmarks/kill.py [--kills 20] [--steps 120] [--seed 0] [--json FILE]

A drawn data set and a tiny network, a few minutes on one core. The moments are spread over the whole run.

Every run is a process of its own; one that is killed (SIGKILL) is started again, and saves a checkpoint each step.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import torch  # noqa: E402
from machine import describe  # noqa: E402

from deixis.configfile import to_mapping  # noqa: E402
from deixis.errors import CheckpointError  # noqa: E402
from deixis.train.checkpoint import load_checkpoint  # noqa: E402
from tiny import tiny_run  # noqa: E402

WAIT_SECONDS = 1.0  # about two steps
LAST_STEPS = 5  # are left to be done, so that there is something to kill
PROGRAM = """
import sys; from pathlib import Path; from deixis.trainconfig import TrainConfig
from deixis.configfile import read_config; from deixis.train.loop import train
import torch; torch.set_num_threads(1)
here = Path(sys.argv[1])
train(read_config(TrainConfig, here / "config.json"), here / sys.argv[2], here, lambda progress: None)
"""


def start(folder: Path, run: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), run], env=environment)


def step_of(path: Path) -> int:
    return load_checkpoint(path).step if path.exists() else 0


def written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def killed_at(folder: Path, moments: list[int], chance: random.Random) -> list[int]:
    """Start the run "killed" again and again and kill it, some time after it has reached each of these steps.

    Gives the step of its checkpoint after each kill.
    """
    path, steps = folder / "killed" / "last.safetensors", list[int]()
    for moment in moments:
        reached, before = step_of(path), written(path)
        process = start(folder, "killed")
        while reached < moment and process.poll() is None:
            time.sleep(0.005)
            if written(path) != before:  # a checkpoint a step
                reached, before = reached + 1, written(path)
        time.sleep(chance.uniform(0, WAIT_SECONDS))
        process.kill()
        if process.wait() != -9:
            sys.exit(f"the run ended by itself (code {process.returncode}) after {len(steps)} kills")
        try:
            steps.append(step_of(path))
        except CheckpointError as error:
            sys.exit(f"kill {len(steps) + 1} damaged the checkpoint: {error}")
        print(f"kill {len(steps)}: at step {steps[-1]}", flush=True)
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=120, help="of the run")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="deixis-kill-"))
    config = tiny_run(folder, steps=arguments.steps, checkpoint_minutes=0.0, images=1, phrases=2)
    (folder / "config.json").write_text(json.dumps(to_mapping(config)))
    if start(folder, "whole").wait():
        sys.exit("the run that is left alone failed")
    chance = random.Random(arguments.seed)
    moments = sorted(chance.sample(range(arguments.steps - LAST_STEPS), arguments.kills))
    steps = killed_at(folder, moments, chance)
    if start(folder, "killed").wait():
        sys.exit("the killed run does not go on")
    left, right = (load_checkpoint(folder / run / "last.safetensors") for run in ("whole", "killed"))
    if left.step != right.step or left.tensors.keys() != right.tensors.keys():
        sys.exit(f"the runs end differently: at steps {left.step} and {right.step}")
    other = [name for name, value in left.tensors.items() if not torch.equal(value, right.tensors[name])]
    told = {
        "machine": describe() | {"torch": torch.__version__},
        "steps": left.step,
        "killed_after_step": steps,
        "tensors": len(left.tensors),
        "tensors_that_differ": other,
    }
    print(f"{len(steps)} kills, {len(left.tensors)} tensors at step {left.step}, {len(other)} differ {other[:3]}")
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    sys.exit(1 if other else 0)


if __name__ == "__main__":
    main()
