"""The page's files, read once: a request names one of these and nothing else, so no path of it reaches the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response

from deixis.web.static_files import MEDIA_TYPES, page_files


def add_routes(app: FastAPI) -> None:
    """Serve the page at /."""
    for name, content in page_files().items():
        for path in (f"/{name}", *(["/"] if name == "index.html" else [])):
            app.add_api_route(path, _sender(name, content), include_in_schema=False)


def _sender(name: str, content: bytes) -> Callable[[Request], Awaitable[Response]]:
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Cache-Control": "no-cache"}

    async def send(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)

    return send
