"""One photo: the mask of a phrase, the objects in it, a drawn picture and a cut-out.

python examples/one_photo.py [PHOTO PHRASE FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from deixis import Segmenter

PHOTO = Path(__file__).resolve().parent / "photos" / "astronaut.jpg"


def main(photo: Path = PHOTO, phrase: str = "woman", folder: Path = Path()) -> None:
    """Segment, print, and write overlay.png and cutout.png."""
    result = Segmenter.load().segment(photo, phrase)
    print(f"{phrase!r} covers {100 * result.share:.1f} % of {photo.name}, score {result.score:.2f}")
    for number, thing in enumerate(result.instances, 1):
        row = thing.to_coco(image_id=1, category_id=1)
        print(f"object {number}: box {row['bbox']}, {row['area']} pixels, {len(thing.to_polygons(1.0))} outlines")
    Image.fromarray(result.overlay(photo)).save(folder / "overlay.png")
    Image.fromarray(result.cutout(photo)).save(folder / "cutout.png")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), given[1], Path(given[2])) if len(given) == 3 else main()
