"""Pages of the site that are the repository's own files: a line ``--8<-- "FILE"`` is replaced by the file.

pymdownx has snippets too, but links inside of them would stay relative to the file, and lead nowhere on the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "MODEL_CARD.md": "model-card.md"}
PAGES |= {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_SNIPPET = re.compile(r'^--8<-- "([^"]+)"$', re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?://|#|mailto:)([^)\s]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for each page."""
    return _SNIPPET.sub(lambda match: _of_site((ROOT / match[1]).read_text("utf-8")), markdown)


def _of_site(text: str) -> str:
    """Links as they are from docs/; what is not on the site is named without a link."""

    def moved(match: re.Match[str]) -> str:
        target = PAGES.get(match[2], match[2].removeprefix("docs/"))
        return f"[{match[1]}]({target})" if (ROOT / "docs" / target).exists() else f"`{match[2]}`"

    return _LINK.sub(moved, text)
