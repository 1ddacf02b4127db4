"""What the tests of the server share."""

from __future__ import annotations

import contextlib
import io
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deixis.config import ServeConfig
from deixis.segmenter import Segmenter
from deixis.types import FloatArray
from fakes import ColourBackend, scene

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
RED_LEFT = scene(60, 100, (0, 0, 50, 60))


def png(pixels: np.ndarray = RED_LEFT) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class HeldBackend(ColourBackend):
    """Waits before it encodes a picture, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.started = threading.Event(), threading.Event()

    def encode(self, images: FloatArray) -> dict[str, FloatArray]:
        self.started.set()
        assert self.go.wait(30)
        return super().encode(images)


class BrokenBackend(ColourBackend):
    def answer(self, features: Mapping[str, FloatArray], vectors: FloatArray, names: Sequence[str]) -> list[FloatArray]:
        raise RuntimeError("the graph is broken")


def until(condition: Any, seconds: float = 20) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@contextlib.contextmanager
def serving(segmenter: Segmenter, token: str = "", **limits: Any) -> Iterator[tuple[str, int, Any]]:
    """A server in a thread: its host, port and the uvicorn server."""
    from deixis.web.app import create_app
    from deixis.web.server import listen, make_server

    config = ServeConfig(**limits)
    with listen("127.0.0.1", 0) as sock:
        server = make_server(create_app(segmenter, config, token), config)
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            yield (*sock.getsockname()[:2], server)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@contextlib.contextmanager
def browser_page(**options: Any) -> Iterator[Any]:
    """A page in a headless Chromium, with its console errors gathered in ``page.problems``; skips without one."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(**options)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda item: page.problems.append(item.text) if item.type == "error" else None)
        yield page
        browser.close()
