"""The page's own files."""

from __future__ import annotations

from pathlib import Path

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
