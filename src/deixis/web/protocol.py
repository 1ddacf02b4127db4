"""HTTP/1.1 with the patience that uvicorn has no setting for: for a request's head, and for who takes an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from deixis.config import ServeConfig

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def protocol(limits: ServeConfig) -> type[H11Protocol]:
    """A protocol for ``uvicorn.Config(http=...)`` that cuts off connections after these limits' seconds."""

    class Impatient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._head = _Alarm(self.loop, limits.head_seconds, self._refuse)
            self._answer = _Alarm(self.loop, limits.answer_seconds, transport.abort)
            self._head.start()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE:  # the head of a request has not come in whole
                self._head.start()
            else:
                self._head.stop()

        def pause_writing(self) -> None:
            """More of the answer is left than the client takes at once."""
            super().pause_writing()
            self._answer.start()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._answer.stop()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head.stop()
            self._answer.stop()
            super().connection_lost(exc)

        def _refuse(self) -> None:
            if not self.transport.is_closing():
                self.transport.write(TOO_SLOW)
                self.transport.close()

    return Impatient


class _Alarm:
    """Calls after some seconds from ``start``, unless ``stop`` comes first; a second start changes nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, call: Callable[[], object]) -> None:
        self._loop, self._seconds, self._call = loop, seconds, call
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._call)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
