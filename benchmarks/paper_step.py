"""What does one full-size training step of the paper's rows cost (VGG-16, 512 px)? See method.md.

    python benchmarks/paper_step.py [--images N] [--json FILE]

Drawn scenes, 80 classes, random weights: time and memory do not depend on what is in them. Each row runs in a process
of its own, because peak memory is a process's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from machine import describe

STEPS = 3  # the first one allocates; the fastest of the others is reported


def measure(row: str, images: int, folder: Path) -> dict[str, float]:
    """One row's last stage: seconds a step, peak memory, parameters."""
    import torch

    from deixis.data.shapes import SHAPES, write_coco
    from deixis.data.sources import open_source
    from deixis.data.synthesize import SynthesisOptions
    from deixis.embeddings import WordVectors
    from deixis.model.build import build, parameter_count
    from deixis.model.losses import total_loss
    from deixis.segmenter import DEFAULT_VECTORS
    from deixis.train.ablations import ROWS
    from deixis.train.loader import TrainingData, join
    from deixis.train.optimise import make_optimiser
    from deixis.train.presets import dataset, preset
    from deixis.trainconfig import SourceConfig
    from deixis.vocabulary import Vocabulary

    write_coco(folder, 2, size=512)
    config = ROWS[row](preset("paper", dataset("unc-ref")))
    learned = config.embedding == "learned"
    words = Vocabulary([f"word{number}" for number in range(8801)]) if learned else WordVectors.load(DEFAULT_VECTORS)
    categories = (*SHAPES, *(f"class {number}" for number in range(77)))
    model = replace(config.model, categories=categories, vocabulary=len(words) if learned else 0)
    sources = (SourceConfig("instances.json", "images"),)
    config = replace(config, model=model, sources=sources)
    data = TrainingData(config, [open_source(source, folder) for source in sources], words, SynthesisOptions())
    batch = join([data[index] for index in range(images)])
    network = build(model)
    network.freeze(config.frozen_stride)
    network.train()
    optimiser = make_optimiser(network, config)
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        output = network(batch.images, batch.vectors, batch.hints, batch.cells)
        loss, _ = total_loss(output, batch.targets, config.loss)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
        assert torch.isfinite(loss)
    return {
        "seconds": round(min(times[1:]), 2),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "parameters": parameter_count(network),
        "trained parameters": sum(value.numel() for value in network.parameters() if value.requires_grad),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1, help="a step; the paper has 10")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(arguments.row, arguments.images, Path(folder))))
        return
    rows = {}
    for row in ("lstm-cnn", "+embedding", "+embedding+synthesized", "category", "full"):
        command = [sys.executable, __file__, "--row", row, "--images", str(arguments.images)]
        rows[row] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"{row:24} {rows[row]['seconds']:7.2f} s a step of {arguments.images}, {rows[row]}", flush=True)
    if arguments.json:
        result = {"machine": describe(), "images a step": arguments.images, "rows": rows}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
