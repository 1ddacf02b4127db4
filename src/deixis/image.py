"""Opening pictures, letterboxing them, and taking maps back to the original size: the ONLY preprocessing.

Training, evaluation, ONNX, command line and web all pass through here.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from deixis.errors import ImageError
from deixis.types import FloatArray, ImageArray, Picture

MAX_PIXELS = 178_000_000  # About 13,000 x 13,700; refused before decoding, so that no small file can fill the memory.
PNG_LEVEL = 3  # half the time of Pillow's own 6 for a few percent of size
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")  # of files that are taken for pictures
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")  # no others: some of Pillow's readers call programs
PIXEL_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # ImageNet, RGB in [0, 1]
PIXEL_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


@dataclass(frozen=True)
class Letterbox:
    """How a picture sits in the network's square: scaled by one factor, centred, padded.

    Attributes:
        height, width: original size in pixels.
        side: side of the square in pixels.
        top, left, new_height, new_width: where the scaled picture lies in the square, in pixels.
    """

    height: int
    width: int
    side: int
    top: int
    left: int
    new_height: int
    new_width: int

    @classmethod
    def fit(cls, height: int, width: int, side: int) -> Letterbox:
        """Place a picture of ``height`` x ``width`` in a square of ``side``; each new side is at least 1 pixel."""
        scale = side / max(height, width)
        new_height = min(side, max(1, round(height * scale)))
        new_width = min(side, max(1, round(width * scale)))
        return cls(height, width, side, (side - new_height) // 2, (side - new_width) // 2, new_height, new_width)

    def apply(self, image: ImageArray) -> ImageArray:
        """(H, W, 3) uint8 -> (side, side, 3) uint8, bilinear, padded with the ImageNet mean colour."""
        content = Image.fromarray(image).resize(
            (self.new_width, self.new_height), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
        square = np.empty((self.side, self.side, 3), dtype=np.uint8)
        square[:] = np.round(PIXEL_MEAN * 255).astype(np.uint8)
        square[self.top : self.top + self.new_height, self.left : self.left + self.new_width] = np.asarray(content)
        return square

    def invert(self, grid: NDArray[np.floating]) -> FloatArray:
        """Take a map (h, w) over the whole square back to the picture: crop the padding, scale to (H, W) float32."""
        y0, y1 = (edge * grid.shape[0] / self.side for edge in (self.top, self.top + self.new_height))
        x0, x1 = (edge * grid.shape[1] / self.side for edge in (self.left, self.left + self.new_width))
        # Cells that lie wholly in the padding go first: bilinear would mix them into the picture's border.
        row, column = math.floor(y0), math.floor(x0)
        content = np.ascontiguousarray(grid[row : math.ceil(y1), column : math.ceil(x1)], dtype=np.float32)
        box = (x0 - column, y0 - row, x1 - column, y1 - row)
        resized = Image.fromarray(content).resize((self.width, self.height), Image.Resampling.BILINEAR, box=box)
        return np.array(resized)


def open_image(source: Picture) -> ImageArray:
    """Read a picture as (H, W, 3) uint8 RGB, upright (EXIF orientation applied).

    Grey is tiled to three channels, 16-bit is scaled to 8, transparency is laid on white.

    Args:
        source: path, PIL image, or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8 (or (H, W) uint16).

    Raises:
        ImageError: no such file, not an image, damaged, empty or larger than ``MAX_PIXELS``.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with _named("the given PIL image"):
            return _from_pil(source, "the given PIL image")
    path = Path(source)
    with _named(str(path)):
        if not path.is_file():
            found = "a folder" if path.is_dir() else "nothing"
            raise ImageError(f"{path}: expected an image file, found {found} there")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked below
            with Image.open(path, formats=FORMATS) as image:
                return _from_pil(image, str(path))


def decode_image(data: bytes, max_pixels: int) -> ImageArray:
    """``open_image`` for the bytes of a file that somebody sent; only ``FORMATS`` are tried.

    Raises:
        ImageError: not such an image, damaged, empty, or of more than ``max_pixels`` (seen before it is decoded).
    """
    with _named("the picture", max_pixels), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _from_pil(image, "the picture", max_pixels)


def normalise(squares: ImageArray) -> FloatArray:
    """(..., side, side, 3) uint8 -> (..., 3, side, side) float32 with ImageNet mean and deviation."""
    scaled = (squares.astype(np.float32) * np.float32(1 / 255) - PIXEL_MEAN) / PIXEL_STD
    return np.ascontiguousarray(np.moveaxis(scaled, -1, -3))


@contextlib.contextmanager
def _named(name: str, max_pixels: int = 0) -> Iterator[None]:
    """Turn whatever Pillow raises into an ImageError that names the picture."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: not an image that can be read; JPEG, PNG, WebP, BMP, GIF and TIFF can") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: expected at most {max_pixels or MAX_PIXELS:,} pixels: {error}") from error
    except Exception as error:  # damaged files make Pillow's readers raise struct.error, KeyError, TypeError, ...
        raise ImageError(f"{name}: the image file is damaged or incomplete ({error})") from error


def _from_pil(image: Image.Image, name: str, max_pixels: int = 0) -> ImageArray:
    width, height = image.size
    max_pixels = max_pixels or MAX_PIXELS
    if width * height > max_pixels:
        raise ImageError(f"{name}: expected at most {max_pixels:,} pixels, got {width} x {height}; make it smaller")
    if width * height == 0:
        raise ImageError(f"{name}: expected at least one pixel, got {width} x {height}")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        return _from_array(np.asarray(upright))
    if upright.mode == "La":  # which Pillow turns into nothing but LA
        upright = upright.convert("LA")
    if upright.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in upright.info:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(upright.convert("RGB"))


def _from_array(array: NDArray[np.generic]) -> ImageArray:
    if array.dtype.kind not in "buif":
        raise ImageError(f"expected an array of numbers, got {array.dtype}")
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(f"expected an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got shape {array.shape}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise ImageError(f"expected at most {MAX_PIXELS:,} pixels, got {array.shape[1]} x {array.shape[0]}")
    if array.ndim == 2 and array.dtype != np.uint8:
        array = _deep_grey(array)
    if array.dtype != np.uint8:
        raise ImageError(f"expected uint8 values 0..255, got {array.dtype}; convert with (255 * x).astype('uint8')")
    if array.ndim == 3 and array.shape[2] == 4:
        return _from_pil(Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)), "the given array")
    if array.ndim == 2:
        array = array[:, :, None]
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)), dtype=np.uint8)


def _deep_grey(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey of more than 8 bits to 8: integers as 16-bit unless they fit 8, floats as [0, 1] unless larger."""
    values = np.nan_to_num(array.astype(np.float64))
    integers = np.issubdtype(array.dtype, np.integer)
    peak = float(values.max(initial=0.0))
    full = next((limit for limit in ((255, 65535) if integers else (1, 255, 65535)) if peak <= limit), peak)
    if integers and array.dtype.itemsize == 2:
        full = 65535
    return np.clip(values * (255.0 / full), 0, 255).round().astype(np.uint8)
