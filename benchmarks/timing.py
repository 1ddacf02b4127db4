"""What the benchmarks of time and memory share. Imports nothing heavy: a child's peak memory begins at its parent's."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

PHRASES = ["left man", "woman in red", "the dog", "second car from left", "bus", "girl", "big cup", "man on right"]
WARM_UP, REPEATS = 10, 50


def quartiles(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Median and quartiles; of a single value, that."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else 3 * [values[0]]
    return {"median": round(median, digits), "low": round(low, digits), "high": round(high, digits)}


def once(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def milliseconds(call: Callable[[], object], seconds: float = 60.0) -> dict[str, float]:
    """Quartiles of REPEATS calls after WARM_UP ones, or of as many, at least three, as the seconds allow."""
    end = time.perf_counter() + seconds
    for _ in range(WARM_UP):
        call()
        if time.perf_counter() > end - 0.8 * seconds:
            break
    times: list[float] = []
    while len(times) < REPEATS and (len(times) < 3 or time.perf_counter() < end):
        times.append(once(call))
    return quartiles(times)


def cold(command: Sequence[str]) -> tuple[float, int]:
    """Seconds from the start of a command's process to its end, and its peak memory in MB."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: left with {process.returncode}; its message is above")
    return seconds, usage.ru_maxrss // 1024


def peak_memory_mb() -> int:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Stages:
    """Milliseconds spent in named functions while the context is open; nested ones are counted in the outer one."""

    def __init__(self, functions: Mapping[str, tuple[Any, str]]) -> None:
        self._functions = functions
        self._inside = False
        self.milliseconds = dict.fromkeys(functions, 0.0)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for stage, (owner, name) in self._functions.items():
                original = getattr(owner, name)
                setattr(owner, name, self._timed(stage, original))
                stack.callback(setattr, owner, name, original)
            yield

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside = True
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.milliseconds[stage] += 1000 * (time.perf_counter() - start)
                self._inside = False

        return call
