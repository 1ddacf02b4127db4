"""The page's files, read once: a request names one of these and nothing else, so no path of it reaches the disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from deixis.web.static_files import MEDIA_TYPES, page_files


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
