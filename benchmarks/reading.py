"""Is what a phrase names read right, in sentences and in short phrases? See method.md.

    python benchmarks/reading.py [--model FILE] [--json FILE]

The likeliest class that the phrase classifier (p_text) gives each phrase of phrases.txt. No picture matters to it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from machine import describe

from deixis import Segmenter

PHRASES = Path(__file__).parent / "phrases.txt"


def groups(text: str) -> dict[str, list[tuple[str, str]]]:
    """Phrases with their classes, by the title of their part: the last comment before them."""
    found: dict[str, list[tuple[str, str]]] = {}
    title = ""
    for line in filter(None, text.splitlines()):
        if line.startswith("#"):
            title = line.strip("#: ").lower()
            continue
        phrase, _, name = line.partition(" | ")
        found.setdefault(title, []).append((phrase, name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    segmenter = Segmenter.load(given.model)
    features = segmenter.encode_image(np.zeros((64, 64, 3), dtype=np.uint8))
    names = (*segmenter.config.categories, "none")
    result: dict[str, object] = {"machine": describe()}
    for title, rows in groups(PHRASES.read_text("utf-8")).items():
        p_text = segmenter.grids(features, [phrase for phrase, _ in rows])["p_text"]
        read = [names[int(row.argmax())] for row in p_text]
        wrong = {phrase: taken for (phrase, name), taken in zip(rows, read, strict=True) if taken != name}
        result[title] = {"n": len(rows), "right": round(1 - len(wrong) / len(rows), 4), "taken for": wrong}
    print(json.dumps(result, indent=1))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
