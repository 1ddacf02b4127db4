"""What the server counts, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # upper edges of the histogram
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Requests by route and status, their duration, and gauges that are read when asked for.

    Args:
        gauges: by name without prefix, a help text and a function that reads the value.
    """

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._gauges = gauges
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self.in_flight = 0

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one finished request."""
        with self._lock:
            self._requests[route, status] += 1
            buckets = self._buckets.setdefault(route, [0] * (len(SECONDS) + 1))
            buckets[next((k for k, edge in enumerate(SECONDS) if seconds <= edge), len(SECONDS))] += 1
            self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds floats too

    def text(self) -> str:
        """All of it."""
        with self._lock:
            return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("requests_total", "counter", "Requests answered.")
        for (route, status), count in sorted(self._requests.items()):
            yield f'deixis_requests_total{{route="{route}",status="{status}"}} {count}'
        yield from _head("request_seconds", "histogram", "Time from a request's first line to its answer's last byte.")
        for route, buckets in sorted(self._buckets.items()):
            total = 0
            for edge, count in zip((*SECONDS, "+Inf"), buckets, strict=True):
                total += count
                yield f'deixis_request_seconds_bucket{{route="{route}",le="{edge}"}} {total}'
            yield f'deixis_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'deixis_request_seconds_count{{route="{route}"}} {total}'
        yield from _head("in_flight_requests", "gauge", "Requests being received or answered.")
        yield f"deixis_in_flight_requests {self.in_flight}"
        for name, (text, read) in self._gauges.items():
            yield from _head(name, "counter" if name.endswith("_total") else "gauge", text)
            yield f"deixis_{name} {read():g}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP deixis_{name} {text}", f"# TYPE deixis_{name} {kind}"
