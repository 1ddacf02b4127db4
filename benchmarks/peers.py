"""How fast and small is deixis beside CLIPSeg, the paper's own network, and a bare backbone? See method.md.

    python benchmarks/peers.py [--json FILE] [--seconds 150] [--threads N] [--compile]

Needs torch, transformers and onnx. Takes about --seconds for its rounds and two minutes before them, more with
--compile (CLIPSeg under torch.compile, which compiles for one or two minutes).

Each contestant lives in a process of its own and waits while another is asked. Rounds: each is asked one phrase and
eight phrases on the same 640 x 480 photograph, picture included and decode excluded; ratios are taken within a round.
The paper's network, which takes longer than all others together, takes part in the first rounds only.
CLIPSeg has its default configuration with random weights and, because the tokenizer's files are not in the package,
random token ids of a usual length: neither changes the time. Settings of it that are slower than float32 on this
machine are tried once and then left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from machine import describe
from record import MACHINE, QUARTILES, write
from timing import PHRASES, cold, once, peak_memory_mb, quartiles

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "examples" / "photos" / "coffee.jpg"
HEIGHT, WIDTH = 480, 640
CLIPSEG_SIDE, TOKENS = 352, 7  # start, five of a phrase such as "the woman in red", end
OURS, PAPER = "deixis", "paper's network, VGG-16 at 512 px"
BACKBONE, FRAMED = "bare EfficientNet-Lite0", "bare EfficientNet-Lite0, of the photograph's frame"
BARE = {BACKBONE: "backbone.onnx", FRAMED: "framed.onnx"}
CLIPSEG = "CLIPSeg, float32"
ONE_ENCODING = "CLIPSeg, float32, picture encoded once"  # not what transformers' documentation does
SETTINGS = ("CLIPSeg, float32, channels_last", "CLIPSeg, bfloat16 weights", "CLIPSeg, bfloat16 autocast")
COMPILED = "CLIPSeg, float32, channels_last, torch.compile"  # its best setting otherwise
COUNTS = (1, 8)
ROUNDS = 12
FAST_REPEATS = 15  # in a round, of what takes a twentieth of the others: after a pause the first ones are slower
LEAST_ROUNDS = 3  # whatever time is left, and of the paper's network
PAUSE = 0.5  # seconds before a contestant's turn: threads of the one before may still wait for work by spinning
COLD_STARTS = {OURS: 7, CLIPSEG: 2, PAPER: 1}

NUMBERS = {
    "1": QUARTILES, "8": QUARTILES, "further": QUARTILES,
    "images a second": {"1": float, "8": float}, "peak memory, MB": int, "bytes of weights": int,
}  # fmt: skip
SHAPE = {
    "machine": MACHINE, "threads": int, "rounds": int, "photo": [int], "deixis side": int,
    "contestants": {str: NUMBERS},
    "settings tried, ms": {str: float},
    "first mask": {str: {"seconds": QUARTILES, "peak memory, MB": int}},
    "times deixis": {str: {"first": QUARTILES, "further": QUARTILES}},
    "whole path / bare backbone": {str: QUARTILES},
    "wheel, bytes": int,
}  # fmt: skip

Ask = Callable[[int], object]


@dataclass(frozen=True)
class Bench:
    """What the contestants share: a folder with photo.png and the graphs of ``BARE``, and the number of threads."""

    folder: Path
    threads: int

    def pixels(self) -> Any:
        from deixis.image import open_image

        return open_image(self.folder / "photo.png")


# --- contestants: each gives what answers ``count`` phrases, and the bytes of its weights -----------------------------


def deixis(bench: Bench) -> tuple[Ask, int]:
    from deixis import Segmenter
    from deixis.segmenter import DEFAULT_MODEL, DEFAULT_VECTORS

    segmenter, pixels = Segmenter.load(threads=bench.threads), bench.pixels()
    files = [DEFAULT_MODEL, *(path for path in DEFAULT_VECTORS.rglob("*") if path.is_file())]
    return lambda count: segmenter.segment_many(pixels, PHRASES[:count]), sum(path.stat().st_size for path in files)


def backbone(bench: Bench, name: str) -> tuple[Ask, int]:
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = bench.threads
    path = bench.folder / BARE[name]
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return lambda count: session.run(None, {"images": images}), path.stat().st_size


def paper(bench: Bench) -> tuple[Ask, int]:
    from dataclasses import replace

    import torch

    from deixis.embeddings import WordVectors
    from deixis.model.build import build, parameter_count
    from deixis.segmenter import DEFAULT_VECTORS, Segmenter
    from deixis.train.presets import dataset, preset
    from deixis.train.validate import TorchBackend

    torch.set_num_threads(bench.threads)
    config = preset("paper", dataset("unc-ref")).model
    config = replace(config, categories=tuple(f"class {number}" for number in range(80)))
    network, pixels = build(config), bench.pixels()
    segmenter = Segmenter(TorchBackend(network), config, WordVectors.load(DEFAULT_VECTORS))
    return lambda count: segmenter.segment_many(pixels, PHRASES[:count]), 4 * parameter_count(network)


def clipseg(bench: Bench, name: str) -> tuple[Ask, int]:
    import torch
    from PIL import Image
    from torch.nn import functional as F
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    torch.set_num_threads(bench.threads)
    model = CLIPSegForImageSegmentation(CLIPSegConfig()).eval()
    size = sum(4 * parameter.numel() for parameter in model.parameters())
    if "channels_last" in name:
        model = model.to(memory_format=torch.channels_last)
    dtype = torch.bfloat16 if "bfloat16 weights" in name else torch.float32
    model = model.to(dtype)
    if name == COMPILED:
        model = torch.compile(model, dynamic=False)
    photo = Image.fromarray(bench.pixels())
    mean, deviation = torch.full((3, 1, 1), 0.45), torch.full((3, 1, 1), 0.27)
    generator = torch.Generator().manual_seed(0)

    def ask(count: int) -> torch.Tensor:
        small = torch.from_numpy(_array(photo.resize((CLIPSEG_SIDE, CLIPSEG_SIDE), Image.Resampling.BICUBIC)))
        images = ((small.permute(2, 0, 1) / 255 - mean) / deviation).to(dtype)[None]
        ids = torch.randint(1000, 40_000, (count, TOKENS), generator=generator)
        ids[:, 0], ids[:, -1] = 49_406, 49_407
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled="autocast" in name):
            if name == ONE_ENCODING:
                logits = _with_one_encoding(model, images, ids)
            else:
                logits = model(input_ids=ids, pixel_values=images.repeat(count, 1, 1, 1)).logits
        logits = logits.float().reshape(count, 1, CLIPSEG_SIDE, CLIPSEG_SIDE)
        return F.interpolate(logits.sigmoid(), size=(HEIGHT, WIDTH), mode="bilinear") >= 0.5

    return ask, size


def _array(photo: Any) -> Any:
    import numpy as np

    return np.array(photo)


def _with_one_encoding(model: Any, images: Any, ids: Any) -> Any:
    """What CLIPSeg's own forward does, with the picture's activations repeated in place of the picture."""
    hidden = model.clip.get_image_features(
        pixel_values=images, interpolate_pos_encoding=True, output_hidden_states=True
    ).hidden_states
    activations = [hidden[layer + 1].expand(len(ids), -1, -1) for layer in model.extract_layers]
    words = model.get_conditional_embeddings(batch_size=len(ids), input_ids=ids)
    return model.decoder(activations, words).logits


def contestant(name: str, bench: Bench) -> tuple[Ask, int]:
    if name in BARE:
        return backbone(bench, name)
    makers = {OURS: deixis, PAPER: paper}
    return makers[name](bench) if name in makers else clipseg(bench, name)


# --- one process each -------------------------------------------------------------------------------------------------


def wait_for_questions(name: str, bench: Bench) -> None:
    """Answer each line of the input, a number of phrases, with the milliseconds; at its end, memory and bytes."""
    ask, size = contestant(name, bench)
    print("ready", flush=True)
    for line in sys.stdin:
        print(once(partial(ask, int(line))), flush=True)
    print(json.dumps({"peak memory, MB": peak_memory_mb(), "bytes of weights": size}), flush=True)


@dataclass
class Process:
    """A contestant that waits; and what it took, in each round the median milliseconds by number of phrases."""

    name: str
    process: subprocess.Popen[str]
    rounds: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in COUNTS})

    @classmethod
    def start(cls, name: str, bench: Bench) -> Process:
        command = _command("--contestant", name, bench)
        environment = {**os.environ, "OMP_NUM_THREADS": str(bench.threads)}
        made = cls(name, subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment))
        made.read()
        return made

    def read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: its process ended; its message is above")
        return line

    def ask(self, count: int) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.read())

    def round(self) -> None:
        time.sleep(PAUSE)
        for count in COUNTS:
            times = [self.ask(count) for _ in range(FAST_REPEATS if self.name in (OURS, *BARE) else 1)]
            self.rounds[count].append(sorted(times)[len(times) // 2])

    @property
    def further(self) -> list[float]:
        """Milliseconds of each phrase beyond the first, by round."""
        return [(eight - one) / 7 for one, eight in zip(self.rounds[1], self.rounds[8], strict=True)]

    def end(self) -> dict[str, int]:
        assert self.process.stdin is not None
        self.process.stdin.close()
        numbers: dict[str, int] = json.loads(self.read())
        self.process.wait()
        return numbers


def _command(kind: str, name: str, bench: Bench) -> list[str]:
    return [sys.executable, __file__, kind, name, "--folder", str(bench.folder), "--threads", str(bench.threads)]


def prepare(folder: Path) -> None:
    """Write the photograph and the bare backbone as ONNX, for the square of deixis's model and for what it sees of it.

    Prints the square's side.
    """
    import torch
    from PIL import Image

    from deixis.image import Letterbox
    from deixis.model.efficientnet import EfficientNetLite0
    from deixis.segmenter import Segmenter

    Image.open(PHOTO).convert("RGB").resize((WIDTH, HEIGHT)).save(folder / "photo.png")
    Image.open(folder / "photo.png").save(folder / "photo.jpg", quality=90)
    config = Segmenter.load().config
    side, network = config.input_size, EfficientNetLite0().eval()
    shapes = {BACKBONE: (side, side), FRAMED: Letterbox.fit(HEIGHT, WIDTH, side).frame(config.frame_stride)}
    for name, shape in shapes.items():
        images = torch.zeros(1, 3, *shape)
        torch.onnx.export(network, (images,), str(folder / BARE[name]), input_names=["images"], dynamo=False)
    print(side)


# --- the run ----------------------------------------------------------------------------------------------------------


def cold_starts(bench: Bench) -> dict[str, Any]:
    """From the start of the process to the first mask: deixis's command line; the others build and answer once."""
    photo, mask = bench.folder / "photo.jpg", bench.folder / "mask.png"
    ours = [sys.executable, "-m", "deixis", "segment", str(photo), PHRASES[0], "--format", "mask", "-o", str(mask)]
    found: dict[str, Any] = {}
    for name, count in COLD_STARTS.items():
        command = [*ours, "--threads", str(bench.threads)] if name == OURS else _command("--once", name, bench)
        runs = [cold(command) for _ in range(count)]
        found[name] = {
            "seconds": quartiles([seconds for seconds, _ in runs]),
            "peak memory, MB": max(memory for _, memory in runs),
        }
        print(f"{name}: first mask after {found[name]}", flush=True)
    return found


def qualify(processes: Sequence[Process], float32: Process) -> tuple[Process | None, dict[str, float]]:
    """The fastest setting of CLIPSeg beside float32, if it is faster, and the milliseconds of all."""
    tried = {process.name: min(process.ask(1) for _ in range(3)) for process in (float32, *processes)}
    best = min(tried, key=lambda name: tried[name])
    print("settings of CLIPSeg, ms:", {name: round(time) for name, time in tried.items()}, flush=True)
    return next((process for process in processes if process.name == best), None), tried


def wheel_bytes(folder: Path) -> int:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "wheel")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "wheel").iterdir()
    return wheel.stat().st_size


def measure(bench: Bench, seconds: float, compile: bool) -> dict[str, Any]:
    side = int(subprocess.run(_command("--prepare", "-", bench), check=True, capture_output=True, text=True).stdout)
    first_mask = cold_starts(bench)
    float32 = Process.start(CLIPSEG, bench)
    others = [Process.start(name, bench) for name in (*SETTINGS, *([COMPILED] if compile else []))]
    best, tried = qualify(others, float32)
    for process in others:
        if process is not best:
            process.end()
    names = (OURS, *BARE, PAPER, ONE_ENCODING)
    processes = [float32, *([best] if best else []), *(Process.start(name, bench) for name in names)]
    ours = next(process for process in processes if process.name == OURS)
    bare = {process.name: process for process in processes if process.name in BARE}
    for process in processes:  # warm-up
        for count in COUNTS:
            process.ask(count)
    done, end = 0, time.monotonic() + seconds
    while done < ROUNDS and (done < LEAST_ROUNDS or time.monotonic() < end):
        asked = [process for process in processes if process.name != PAPER or done < LEAST_ROUNDS]
        for process in asked:
            process.round()
        done += 1
        print(f"round {done}: { ({process.name: round(process.rounds[1][-1], 1) for process in asked}) }", flush=True)
    ratios = {
        process.name: {  # of the rounds in which it took part
            "first": quartiles([a / b for a, b in zip(process.rounds[1], ours.rounds[1], strict=False)]),
            "further": quartiles([a / b for a, b in zip(process.further, ours.further, strict=False)]),
        }
        for process in processes
        if process is not ours and process.name not in BARE
    }
    whole = {
        name: quartiles([a / b for a, b in zip(ours.rounds[1], process.rounds[1], strict=True)])
        for name, process in bare.items()
    }
    return {
        "machine": describe("torch", "transformers"),
        "threads": bench.threads,
        "rounds": done,
        "photo": [HEIGHT, WIDTH],
        "deixis side": side,
        "contestants": {process.name: numbers(process) for process in processes},
        "settings tried, ms": {name: round(time, 1) for name, time in tried.items()},
        "first mask": first_mask,
        "times deixis": ratios,
        "whole path / bare backbone": whole,
        "wheel, bytes": wheel_bytes(bench.folder),
    }


def numbers(process: Process) -> dict[str, Any]:
    times = {str(count): quartiles(process.rounds[count]) for count in COUNTS}
    rates = {count: round(1000 / row["median"], 2) for count, row in times.items()}
    return {**times, "further": quartiles(process.further), "images a second": rates, **process.end()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=150, help="of the rounds")
    parser.add_argument("--threads", type=int, default=int(describe()["cores"]))
    parser.add_argument("--compile", action="store_true", help="also CLIPSeg under torch.compile")
    for hidden in ("--contestant", "--once", "--prepare", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        bench = Bench(Path(given.folder), given.threads)
        if given.prepare:
            prepare(bench.folder)
        elif given.once:
            contestant(given.once, bench)[0](1)
        else:
            wait_for_questions(given.contestant, bench)
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Bench(Path(folder), given.threads), given.seconds, given.compile)
    for name, row in result["contestants"].items():
        print(f"{name:42} {row['1']['median']:8.1f} ms, further {row['further']['median']:7.1f} ms")
    print(json.dumps({name: result[name] for name in ("times deixis", "whole path / bare backbone", "wheel, bytes")}))
    if given.json:
        write(given.json, result, SHAPE)


if __name__ == "__main__":
    main()
