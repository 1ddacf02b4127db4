"""A bulk run on a local Ray of two workers, one of which is killed: ``python tests/ray_run.py PHOTOS OUT MARKER``."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import ray

from deixis.batch import Model, run_batch
from deixis.data.requests import find_requests
from deixis.segmenter import Segmenter
from deixis.types import FloatArray
from fakes import ColourBackend, colour_segmenter

PHRASES = ["red", "green thing"]
LIFE = 5  # photos that the first worker to get there does before it dies


class MortalBackend(ColourBackend):
    """Kills its own process at its sixth photo, once in the run and never the driver's."""

    def __init__(self, marker: Path, driver: int) -> None:
        super().__init__()
        self.marker, self.driver = marker, driver

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        if self.encoded == LIFE and os.getpid() != self.driver:
            try:
                self.marker.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(images)


@dataclass(frozen=True)
class MortalModel(Model):
    marker: Path = Path()
    driver: int = 0

    def load(self) -> Segmenter:
        return colour_segmenter(MortalBackend(self.marker, self.driver))


if __name__ == "__main__":
    photos, out, marker = (Path(argument) for argument in sys.argv[1:])
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    model = MortalModel(marker=marker, driver=os.getpid())
    print(run_batch(find_requests(str(photos), PHRASES), out, model=model, engine="ray", workers=2))
