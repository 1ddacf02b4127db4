"""Kills a training run at random moments and compares its weights, bit by bit, with those of a run left alone.

python benchmarks/kill.py [KILLS]      20 by default; a drawn data set and a tiny network, a few minutes on one core

Every run is a process of its own; one that is killed (SIGKILL) is started again, and saves a checkpoint each step.
"""

from __future__ import annotations

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

from deixis.configfile import to_mapping  # noqa: E402
from deixis.errors import CheckpointError  # noqa: E402
from deixis.train.checkpoint import load_checkpoint  # noqa: E402
from tiny import tiny_run  # noqa: E402

STEPS, SEED, WAIT_SECONDS = 60, 0, 3.0
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


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    chance = random.Random(SEED)
    folder = Path(tempfile.mkdtemp(prefix="deixis-kill-"))
    config = tiny_run(folder, steps=STEPS, checkpoint_minutes=0.0, images=1, phrases=2)
    (folder / "config.json").write_text(json.dumps(to_mapping(config)))
    whole, killed = folder / "whole" / "last.safetensors", folder / "killed" / "last.safetensors"
    if start(folder, "whole").wait():
        sys.exit("the run that is left alone failed")
    done = 0
    while done < kills and step_of(killed) < STEPS:
        process, before = start(folder, "killed"), killed.stat().st_mtime_ns if killed.exists() else 0
        early = chance.random() < 0.2  # perhaps while it starts
        while not early and process.poll() is None and not (killed.exists() and killed.stat().st_mtime_ns > before):
            time.sleep(0.01)  # so that each process gets further than the one before
        time.sleep(chance.uniform(0, WAIT_SECONDS))
        process.kill()
        if process.wait() == -9:
            done += 1
        try:
            print(f"kill {done}: at step {step_of(killed)}", flush=True)
        except CheckpointError as error:
            sys.exit(f"kill {done} damaged the checkpoint: {error}")
    if start(folder, "killed").wait():
        sys.exit("the killed run does not go on")
    left, right = load_checkpoint(whole), load_checkpoint(killed)
    other = [name for name, value in left.tensors.items() if not torch.equal(value, right.tensors[name])]
    print(f"{done} kills, {len(left.tensors)} tensors at step {right.step}, {len(other)} of them differ {other[:3]}")
    sys.exit(1 if other or left.step != right.step or left.tensors.keys() != right.tensors.keys() else 0)


if __name__ == "__main__":
    main()
