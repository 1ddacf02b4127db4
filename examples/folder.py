"""A folder of photos: a manifest, COCO results and overlays; run it again after an interruption and it goes on.

python examples/folder.py FOLDER OUT PHRASE [PHRASE ...]      (the same as deixis batch FOLDER --out OUT --phrase ...)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deixis.batch import run_batch
from deixis.config import BatchConfig
from deixis.data.requests import find_requests


def main(folder: str, out: Path, phrases: list[str]) -> None:
    """Ask every phrase of every photo and print the surest answer to each phrase."""
    summary = run_batch(find_requests(folder, phrases), out, BatchConfig(masks="rle", overlays=True))
    print(summary)
    rows = json.loads((out / "results.json").read_text("utf-8"))
    for phrase in phrases:
        best = max((row for row in rows if row["phrase"] == phrase), key=lambda row: float(row["score"]))
        print(f"{phrase}: image {best['image_id']}, box {best['bbox']}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
