"""Many phrases about one photo: it is encoded once, and each phrase costs a few milliseconds.

python examples/many_phrases.py PHOTO PHRASE [PHRASE ...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from deixis import Segmenter


def main(photo: Path, phrases: list[str]) -> None:
    """Print what each phrase found, the surest first."""
    segmenter = Segmenter.load()
    start = time.perf_counter()
    features = segmenter.encode_image(photo)
    milliseconds, start = 1000 * (time.perf_counter() - start), time.perf_counter()
    results = segmenter.segment_many(features, phrases)
    print(f"encoded in {milliseconds:.0f} ms, {len(phrases)} answers in {1000 * (time.perf_counter() - start):.0f} ms")
    for result in sorted(results, key=lambda result: -result.score):
        print(f"{result.score:.2f}  {100 * result.share:5.1f} %  {len(result.instances)} objects  {result.phrase}")


if __name__ == "__main__":
    photos = Path(__file__).resolve().parent / "photos"
    given = sys.argv[1:] or [str(photos / "astronaut.jpg"), "woman", "the flag", "orange clothes", "dog"]
    main(Path(given[0]), given[1:])
