"""How fast is training, and is the time in the network? See method.md.

    python benchmarks/training.py [--json FILE] [--seconds 18]

Needs torch, accelerate and safetensors. Takes about five times --seconds and one and a half minutes. Drawn scenes of
640 px, 80 classes, 8 pictures of 320 px a step with 8 phrases each, random weights: speed does not depend on what they
are. For each ``frozen_stride``, in a process of its own, steps of the real trainer alternate with forward and backward
passes of its backbone alone, with the same frozen layers and pictures. Data come from one worker process beside.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from machine import describe
from record import MACHINE, QUARTILES, write
from timing import Stages, once, peak_memory_mb, quartiles

STRIDES = {"frozen": 32, "partly, to stride 16": 16, "partly, to stride 8": 8, "partly, to stride 4": 4, "full": 0}
PICTURES, CLASSES, SIZE = 24, 80, 640
WARM_UP, MOST_STEPS = 2, 12
WORKERS_MEMORY = "workers' peak memory, MB"
CACHED = {32: (4, 8, 16, 32), 16: (4, 8, 16), 8: (4, 8), 4: (4,), 0: ()}  # maps that the rest of the network reads
ROW = {
    "step, ms": QUARTILES,  # without the wait
    "wait for data, ms": QUARTILES,
    "forward, ms": QUARTILES, "backward, ms": QUARTILES,
    "share in the network": float,
    "images a second": float,
    "bare backbone, ms": QUARTILES,
    "frozen layers forward, ms": QUARTILES,
    "peak memory, MB": int, WORKERS_MEMORY: int,
    "parameters": int, "trained parameters": int,
    "GFLOP a step": float,
    "bytes of a picture in a feature cache": int,
    "steps": int,
}  # fmt: skip
SHAPE = {
    "machine": MACHINE, "images a step": int, "phrases": int, "side": int, "threads": int,
    "rows": {name: ROW for name in STRIDES},
    "picture prepared by a worker, ms": QUARTILES,
}  # fmt: skip


def make_trainer(folder: Path, stride: int) -> Any:
    from accelerate import Accelerator

    from deixis.config import ModelConfig
    from deixis.data.shapes import SHAPES, write_coco
    from deixis.train.loop import Trainer
    from deixis.trainconfig import SourceConfig, TrainConfig

    write_coco(folder, PICTURES, size=SIZE)
    source = SourceConfig("instances.json", "images")
    classes = (*SHAPES, *(f"class {number}" for number in range(CLASSES - len(SHAPES))))
    config = TrainConfig(ModelConfig(classes), (source,), source, backbone_weights=None, frozen_stride=stride)
    return Trainer(config, folder / "run", folder, Accelerator(cpu=True))


def measure(stride: int, seconds: float) -> dict[str, Any]:
    """One row; the numbers are of the steps after WARM_UP."""
    import torch

    from deixis.model.build import parameter_count
    from deixis.train.loader import make_loader

    with tempfile.TemporaryDirectory() as name:
        trainer = make_trainer(Path(name), stride)
        loader = iter(make_loader(trainer.data, 0))
        flops = _flops(trainer, next(loader))
        times: dict[str, list[float]] = {}
        for _ in _rounds(seconds):
            start = time.perf_counter()
            batch = next(loader)
            wait = 1000 * (time.perf_counter() - start)
            stages = Stages({"forward": (trainer.prepared, "forward"), "backward": (trainer.accelerator, "backward")})
            with stages.watched():
                step = once(partial(trainer._train_step, batch))
            images = batch.images.contiguous(memory_format=torch.channels_last)
            parts = {"step": step, "wait": wait, **stages.milliseconds, **_backbone(trainer.network, images, stride)}
            for part, value in parts.items():
                times.setdefault(part, []).append(value)
        del loader  # its worker ends, and its memory is known
    kept = {part: values[WARM_UP:] for part, values in times.items()}
    whole = sum(kept["step"]) + sum(kept["wait"])
    network = trainer.network
    return {
        **{f"{part}, ms": quartiles(kept[part]) for part in ("step", "forward", "backward")},
        "wait for data, ms": quartiles(kept["wait"]),
        "share in the network": round((sum(kept["forward"]) + sum(kept["backward"])) / whole, 3),
        "images a second": round(1000 * trainer.config.images * len(kept["step"]) / whole, 2),
        "bare backbone, ms": quartiles(kept["bare"]),
        "frozen layers forward, ms": quartiles(kept["frozen"]),
        "peak memory, MB": peak_memory_mb(),
        WORKERS_MEMORY: resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "parameters": parameter_count(network),
        "trained parameters": sum(value.numel() for value in trainer.trained),
        "GFLOP a step": round(flops / 1e9, 1),
        "bytes of a picture in a feature cache": _cache_bytes(network, images[:1], stride),
        "steps": len(kept["step"]),
    }


def _rounds(seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    for round in range(WARM_UP + MOST_STEPS):
        if round > WARM_UP + 2 and time.monotonic() > end:
            return
        yield round


def _backbone(network: Any, images: Any, stride: int) -> dict[str, float]:
    """Milliseconds of the bare backbone, there and back, and of its frozen layers, there only."""
    import torch

    backbone = network.image_encoder.backbone

    def there_and_back() -> None:
        loss = sum(part.mean() for part in backbone(images))
        if loss.requires_grad:
            loss.backward()
        for parameter in backbone.parameters():
            parameter.grad = None

    def there() -> None:
        with torch.no_grad():
            if stride:
                _up_to(backbone, images, stride)

    return {"bare": once(there_and_back), "frozen": once(there)}


def _up_to(backbone: Any, images: Any, stride: int) -> Any:
    """Maps of the backbone's layers up to the one at ``stride``, by stride."""
    from torch.nn import functional as F

    from deixis.model.backbone import STRIDES as ALL
    from deixis.model.efficientnet import TAPS

    ends = dict(zip(TAPS, ALL, strict=True))
    x, maps = F.relu6(backbone._bn0(backbone._conv_stem(images))), {}
    for index, block in enumerate(backbone._blocks):
        x = block(x)
        if index in ends:
            maps[ends[index]] = x
            if ends[index] == stride:
                break
    return maps


def _cache_bytes(network: Any, image: Any, stride: int) -> int:
    """Float16 maps of one picture that would stand in for the frozen layers."""
    maps = _up_to(network.image_encoder.backbone, image, stride) if stride else {}
    return sum(2 * maps[place].numel() for place in CACHED[stride])


def _flops(trainer: Any, batch: Any) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        trainer._train_step(batch)
    return int(counter.get_total_flops())


def prepared_picture() -> dict[str, float]:
    """Milliseconds of a worker for a picture: reading, augmenting, phrases, targets."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        trainer = make_trainer(Path(name), 4)
        return quartiles([once(partial(trainer.data.__getitem__, index)) for index in range(40)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=18, help="of each row's steps")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(json.dumps(prepared_picture() if given.row == "data" else measure(int(given.row), given.seconds)))
        return
    rows = {}
    for name, stride in STRIDES.items():
        rows[name] = _child(str(stride), given.seconds)
        print(f"{name:22} {rows[name]}", flush=True)
    from deixis.config import ModelConfig
    from deixis.trainconfig import TrainConfig

    result = {
        "machine": describe("torch"),
        "images a step": TrainConfig.images,
        "phrases": TrainConfig.phrases,
        "side": ModelConfig.input_size,
        "threads": int(describe()["cores"]),
        "rows": rows,
        "picture prepared by a worker, ms": _child("data", given.seconds),
    }
    if given.json:
        write(given.json, result, SHAPE)


def _child(row: str, seconds: float) -> Any:
    command = [sys.executable, __file__, "--row", row, "--seconds", str(seconds)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    main()
