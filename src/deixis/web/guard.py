"""What stands before the routes: the token, the limits on bodies, security headers and the metrics."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deixis.config import ServeConfig
from deixis.web.metrics import Metrics
from deixis.web.problems import Problem, busy

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ROUTES = frozenset({"/", "/v1/segment", "/health", "/metrics", "/openapi.json"})  # others are counted as one
PROTECTED = ("/v1/", "/metrics")


class Observed:
    """Adds the security headers to each answer, and counts it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        self.metrics.in_flight += 1
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            if not status:
                failed = Problem(500, "failed", "the server failed at this request; its log tells more")
                await failed.response()(scope, receive, send_with_headers)
            raise
        finally:
            self.metrics.in_flight -= 1
            route = scope["path"] if scope["path"] in ROUTES else "other"
            self.metrics.observe(route, status, time.perf_counter() - start)


class Guard:
    """Refuses who has no token, and bodies that are too large or too slow, before a route sees them.

    Args:
        app: what comes after.
        limits: of bodies.
        token: that ``Authorization: Bearer`` must carry, empty for none.
    """

    def __init__(self, app: ASGIApp, limits: ServeConfig, token: str = "") -> None:
        self.app, self.limits, self.token = app, limits, token.encode()
        self._receiving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            if "content-length" in headers and "transfer-encoding" in headers:  # a proxy might believe the other one
                raise Problem(400, "two_lengths", "expected Content-Length or Transfer-Encoding, got both")
            if scope["path"].startswith(PROTECTED):
                self._check_token(headers)
            body = await self._body(headers, receive) if scope["method"] not in ("GET", "HEAD") else b""
        except Problem as problem:
            # What is left of the body will not be read, so nothing else can follow on this connection.
            problem.headers.setdefault("Connection", "close")
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    def _check_token(self, headers: Headers) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        right = secrets.compare_digest(given.strip().encode(), self.token)
        if self.token and not (scheme.lower() == "bearer" and right):
            raise Problem(
                401,
                "token_needed",
                "this server asks for its token: send the header 'Authorization: Bearer TOKEN'",
                headers={"WWW-Authenticate": "Bearer"},
            )

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body, which is at most ``max_bytes`` and comes within ``body_seconds``."""
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise Problem(400, "bad_length", "the header Content-Length is not a number", "a number", length[:40])
        if int(length) > self.limits.max_bytes:
            raise self._too_large(f"{int(length):,} bytes")
        if self._receiving >= self.limits.uploads:
            raise busy(f"{self.limits.uploads} uploads are coming in already; send again in a moment")
        self._receiving += 1
        try:
            return await asyncio.wait_for(self._read(receive), self.limits.body_seconds)
        except asyncio.TimeoutError:
            raise Problem(
                408,
                "body_too_slow",
                f"the body did not come in within {self.limits.body_seconds:g} s; send a smaller picture",
                f"{self.limits.body_seconds:g} s",
            ) from None
        finally:
            self._receiving -= 1

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "incomplete", "the connection was closed before the body was complete")
            body += message.get("body", b"")
            if len(body) > self.limits.max_bytes:
                raise self._too_large(f"more than {self.limits.max_bytes:,} bytes")
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self, got: str) -> Problem:
        expected = f"at most {self.limits.max_bytes:,} bytes"
        return Problem(413, "body_too_large", f"expected {expected}, got {got}; send a smaller picture", expected, got)


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """A ``receive`` that gives the body at once, and after it what really comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
