"""The bounded queue: threads that encode pictures and answer phrases, those of one picture together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from deixis.errors import InputError
from deixis.segmenter import PHRASES_AT_ONCE, Segmenter
from deixis.types import Features, FloatArray
from deixis.web.problems import busy

Finish = Callable[[Features, Mapping[str, FloatArray]], Any]


@dataclass(eq=False)
class Job:
    """One request's work.

    Attributes:
        features: gives the encoded picture; where it must be encoded first, a worker does that here.
        phrases: asked of it, may be none.
        finish: makes the result of the picture and of ``Segmenter.grids`` of these phrases (empty without phrases).
        picture: name of a picture that is encoded already; waiting jobs on one picture are answered together.
        milliseconds: filled in: "wait", "image" and "phrases".
        future: the result of ``finish``.
    """

    features: Callable[[], Features]
    phrases: Sequence[str]
    finish: Finish
    picture: str | None = None
    milliseconds: dict[str, float] = field(default_factory=dict)
    future: Future[Any] = field(default_factory=Future)
    since: float = field(default_factory=time.perf_counter)


class WorkQueue:
    """First come, first served; a job may take others of its picture along, never more than one batch.

    Args:
        segmenter: answers.
        workers: threads.
        waiting: jobs that may wait.
    """

    def __init__(self, segmenter: Segmenter, workers: int, waiting: int) -> None:
        self._segmenter, self._waiting = segmenter, waiting
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name=f"deixis-{n}", daemon=True) for n in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> Future[Any]:
        """Queue a job.

        Raises:
            Problem: 503, the queue is full or the server is being stopped.
        """
        with self._changed:
            if self._closed:
                raise busy("the server is being stopped; ask again when it is back")
            if len(self._jobs) >= self._waiting:
                raise busy(f"{self._waiting} requests are waiting already; ask again in a moment")
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Finish what was queued, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def __len__(self) -> int:
        return len(self._jobs)

    def _work(self) -> None:
        while batch := self._take():
            running = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if running:
                self._run(running)

    def _take(self) -> list[Job]:
        """The job that waits longest and those that can go with it; none when the queue is closed and empty."""
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            if not self._jobs:
                return []
            batch = [self._jobs.popleft()]
            room = PHRASES_AT_ONCE - len(batch[0].phrases)
            for job in list(self._jobs) if batch[0].picture else ():
                if job.picture == batch[0].picture and len(job.phrases) <= room:
                    self._jobs.remove(job)
                    batch.append(job)
                    room -= len(job.phrases)
            return batch

    def _run(self, batch: Sequence[Job]) -> None:
        try:
            self._answer(batch)
        except InputError as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for job in batch:  # one job's bad phrase is no fault of the others
                self._run([job])
        except Exception as error:  # handed to the one who waits; the thread must live on
            for job in batch:
                if not job.future.done():
                    job.future.set_exception(error)

    def _answer(self, batch: Sequence[Job]) -> None:
        start = time.perf_counter()
        features = batch[0].features()
        encoded = time.perf_counter()
        phrases = [phrase for job in batch for phrase in job.phrases]
        grids = self._segmenter.grids(features, phrases) if phrases else {}
        answered = time.perf_counter()
        first = 0
        for job in batch:
            part = slice(first, first + len(job.phrases))
            first = part.stop
            job.milliseconds["wait"] = 1000 * (start - job.since)
            job.milliseconds["image"] = 1000 * (encoded - start)
            job.milliseconds["phrases"] = 1000 * (answered - encoded)
            job.future.set_result(job.finish(features, {name: grid[part] for name, grid in grids.items()}))
