"""uvicorn around the application: a socket of our own, and an end that lets running requests finish."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from deixis.config import ServeConfig
from deixis.errors import InputError
from deixis.web.protocol import protocol

KEEP_ALIVE_SECONDS = 15


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        InputError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise InputError(f"{host}:{port}: cannot listen there ({reason}); choose another --host or --port") from error


def address(sock: socket.socket) -> str:
    """The URL of the page on a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def make_server(app: FastAPI, limits: ServeConfig) -> uvicorn.Server:
    """A server that, when told to exit, refuses new requests and gives running ones ``finish_seconds``."""
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        ws="none",
        log_config=None,  # uvicorn's own would log each request
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(limits.finish_seconds),
    )
    return uvicorn.Server(config)


def serve(app: FastAPI, limits: ServeConfig, started: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM; to be called in the main thread.

    Args:
        app: of ``create_app``.
        limits: with host and port.
        started: is told the address of the page, once it is open.
    """
    with listen(limits.host, limits.port) as sock:
        # uvicorn has handlers of its own while it serves, and at its end raises the signal again for these.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        started(address(sock))
        make_server(app, limits).run(sockets=[sock])
