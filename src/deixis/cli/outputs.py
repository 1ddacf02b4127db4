"""Names and formats of what ``deixis segment`` and ``deixis synthesize`` write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deixis.errors import InputError
from deixis.files import atomic_write
from deixis.image import png_level
from deixis.text import slug

LOSSLESS = (".png", ".bmp", ".tif", ".tiff")
SUFFIXES = (*LOSSLESS, ".jpg", ".jpeg", ".webp")
MAX_STEM = 120  # a file name has at most 255 bytes, and a temporary one carries more than stem and slug


def result_paths(folder: Path, image: Path, phrases: Sequence[str], suffix: str = ".png") -> list[Path]:
    """``folder/<image-stem>.<phrase-slug>.png`` for each phrase, all different."""
    stem = image.stem.encode("utf-8", "surrogateescape")[:MAX_STEM].decode("utf-8", "ignore") or "image"
    names: dict[str, None] = {}  # a set that keeps its order
    for phrase in phrases:
        name, count = slug(phrase), 1
        while name in names:
            count += 1
            name = f"{slug(phrase)}-{count}"
        names[name] = None
    return [folder / f"{stem}.{name}{suffix}" for name in names]


def is_folder(path: Path) -> bool:
    """Whether an output path means a folder of pictures: it is one, or has no suffix that could name a format."""
    return path.is_dir() or not path.suffix


def check_suffix(path: Path, lossless: bool) -> None:
    """Refuse a file name whose suffix names no format that can be written.

    Raises:
        InputError: it does not, or the format would blur a mask.
    """
    allowed = LOSSLESS if lossless else SUFFIXES
    if path.suffix.lower() not in allowed:
        kind = "a mask" if lossless else "a picture"
        raise InputError(f"{path}: expected a name for {kind} that ends in {', '.join(allowed)}; got {path.suffix!r}")


def save_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write (H, W) grey or (H, W, 3) RGB uint8 in the format of the suffix, all or nothing.

    Raises:
        InputError: the picture is too large for the format.
        DataError: the file cannot be written.
    """
    is_png = path.suffix.lower() == ".png"
    options: dict[str, Any] = {"compress_level": png_level(pixels)} if is_png else {"quality": 92}
    with atomic_write(path) as temporary:
        try:
            Image.fromarray(pixels).save(temporary, **options)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{path}: cannot be written in this format ({error}); choose a .png name") from error
