"""Draw the README's picture: one phrase on each of the example photographs.

python examples/real_results.py [OUTPUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deixis import Segmenter
from deixis.image import open_image
from deixis.report.overlay import PALETTE, draw_outline, overlay

HERE = Path(__file__).resolve().parent
ASKED = [("astronaut.jpg", "woman in orange"), ("chelsea.jpg", "the cat"), ("coffee.jpg", "cup")]
HEIGHT, CAPTION = 320, 34
COLOUR = PALETTE[1]


def main(output: Path) -> None:
    """Segment, draw, and write the picture."""
    segmenter = Segmenter.load()
    panels = []
    for name, phrase in ASKED:
        image = open_image(HERE / "photos" / name)
        result = segmenter.segment(image, phrase)
        drawn = Image.fromarray(draw_outline(overlay(image, result.mask, COLOUR), result.mask, COLOUR))
        drawn = drawn.resize((round(drawn.width * HEIGHT / drawn.height), HEIGHT), Image.Resampling.LANCZOS)
        panel = Image.new("RGB", (drawn.width, HEIGHT + CAPTION), "white")
        panel.paste(drawn)
        font = ImageFont.load_default(size=20)
        ImageDraw.Draw(panel).text((drawn.width / 2, HEIGHT + CAPTION / 2), f"“{phrase}”", "black", font, anchor="mm")
        panels.append(np.asarray(panel))
        print(f"{name}: {phrase!r} covers {100 * result.share:.1f} %, score {result.score:.2f}")
    Image.fromarray(np.concatenate(panels, axis=1)).save(output)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "docs" / "real-results.png")
