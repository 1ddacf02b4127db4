"""Encoded pictures, kept for a bounded time and number under names that cannot be guessed."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from deixis.types import Features


class FeaturesCache:
    """The pictures used last; each is forgotten ``seconds`` after it was last asked for.

    Args:
        pictures: how many are kept.
        seconds: how long.
        clock: tells the time in seconds.
    """

    def __init__(self, pictures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pictures, self._seconds, self._clock = pictures, seconds, clock
        self._kept: OrderedDict[str, tuple[float, Features]] = OrderedDict()  # the one used last comes last
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def put(self, features: Features) -> str:
        """Keep a picture.

        Returns:
            Its name: 128 random bits.
        """
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = (self._clock(), features)
            while len(self._kept) > self._pictures:
                self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> Features | None:
        """The picture of this name, None when it is unknown or was forgotten."""
        with self._lock:
            self._forget()
            entry = self._kept.pop(name, None)
            if entry is None:
                self.misses += 1
                return None
            self.hits += 1
            self._kept[name] = (self._clock(), entry[1])
            return entry[1]

    def __len__(self) -> int:
        with self._lock:
            self._forget()
            return len(self._kept)

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept and next(iter(self._kept.values()))[0] < oldest:
            self._kept.popitem(last=False)
