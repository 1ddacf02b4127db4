"""The page's files, read once: a request names one of these and nothing else, so no path of it reaches the disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}


def page_files() -> dict[str, bytes]:
    """All files of the page by name, such as "index.html" and "examples/coffee.jpg"."""
    paths = sorted(path for path in STATIC.rglob("*") if path.suffix in MEDIA_TYPES)
    return {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in paths}


def add_routes(app: FastAPI) -> None:
    """Serve the page at /; to be added after all other routes."""
    files = page_files()
    tags = {name: f'"{hashlib.sha256(content).hexdigest()[:16]}"' for name, content in files.items()}

    @app.get("/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        name = name or "index.html"
        if name not in files:
            raise HTTPException(404, "there is no such page")
        headers = {"ETag": tags[name], "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(files[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)
