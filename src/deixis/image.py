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
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from deixis.errors import ImageError
from deixis.types import FloatArray, ImageArray, Picture

MAX_PIXELS = 120_000_000  # About 13,000 x 9,200; refused before decoding, so that no file can fill the memory.
PNG_LEVEL = 3  # half the time of Pillow's own 6 for a few percent of size
PNG_LEVEL_LARGE, PNG_LARGE = 1, 32_000_000  # from so many bytes of pixels on, a second of waiting counts more
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")  # of files that are taken for pictures
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")  # no others: some of Pillow's readers call programs
STRIP_PIXELS = 1_000_000  # of a large picture are worked on at once: there is no room for several copies
MAP_STRIPS = 4  # of a map, or more: a mask is looked for only in those that can have some of it
DRAFT_MARGIN = 2  # a JPEG decoded at a reduced scale still has this many times the pixels a side that are asked for
TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width
PIXEL_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # ImageNet, RGB in [0, 1]
PIXEL_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture opened for a network that sees less of it.

    Attributes:
        pixels: (h, w, 3) uint8 RGB, upright; perhaps at a reduced scale.
        height, width: ORIGINAL size of the upright picture in pixels.
    """

    pixels: ImageArray
    height: int
    width: int


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

    def frame(self, stride: int) -> tuple[int, int]:
        """Height and width of the middle of the square that holds the scaled picture, multiples of ``stride``.

        At least half of the side, so that there are few of them and the thinnest picture has cells for its objects.
        """
        half = -(-self.side // 2 // stride) * stride
        height, width = (max(half, -(-size // stride) * stride) for size in (self.new_height, self.new_width))
        return height, width

    def apply(self, image: ImageArray, frame: tuple[int, int] | None = None) -> ImageArray:
        """Scale a picture into the square, or into a frame in the middle of that.

        Args:
            image: (H, W, 3) uint8, at any scale.
            frame: (h, w) of ``frame``, by default the whole square.

        Returns:
            (h, w, 3) uint8, bilinear, padded with the ImageNet mean colour.
        """
        height, width = frame or (self.side, self.side)
        content = Image.fromarray(image).resize(
            (self.new_width, self.new_height), Image.Resampling.BILINEAR, reducing_gap=1.0
        )
        padding = np.tile(np.round(PIXEL_MEAN * 255).astype(np.uint8), width)  # whole rows are filled fastest
        framed = np.tile(padding, height).reshape(height, width, 3)
        top, left = self.top - (self.side - height) // 2, self.left - (self.side - width) // 2
        framed[top : top + self.new_height, left : left + self.new_width] = np.asarray(content)
        return framed

    def invert(self, grid: NDArray[np.floating]) -> FloatArray:
        """Take a map (h, w) over the square, or over a frame, back to the picture, (H, W) float32.

        The longer side of the map is the square's; padding is cropped.
        """
        strips = [strip for _, _, strip in self.regions(grid)]
        return strips[0] if len(strips) == 1 else np.concatenate(strips)

    def regions(
        self, grid: NDArray[np.floating], least: float | None = None
    ) -> Iterator[tuple[slice, slice, FloatArray]]:
        """``invert`` strip by strip, each with its rows and columns: a large picture's map need not be held.

        With ``least``, what cannot have a value as large as that is left out: whole strips, and columns before the
        first and after the last that can.
        """
        down = _Axis.of(grid.shape[0], max(grid.shape) / self.side, self.side, self.top, self.new_height, self.height)
        across = _Axis.of(grid.shape[1], max(grid.shape) / self.side, self.side, self.left, self.new_width, self.width)
        content = np.ascontiguousarray(grid[down.cells, across.cells], dtype=np.float32)
        whole = Image.fromarray(content)
        for rows in _strips(self.height, self.width, MAP_STRIPS):
            top, bottom = down.edges(rows)
            columns = slice(0, self.width)
            if least is not None:
                seen = content[max(0, math.floor(top) - down.reach) : math.ceil(bottom) + down.reach] >= least
                likely = np.flatnonzero(seen.any(axis=0))
                if not len(likely):
                    continue
                columns = across.pixels(int(likely[0]), int(likely[-1]) + 1)
            left, right = across.edges(columns)
            size = (columns.stop - columns.start, rows.stop - rows.start)
            resized = whole.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
            yield rows, columns, np.asarray(resized)  # np.array would copy it twice


@dataclass(frozen=True)
class _Axis:
    """One direction of a map: which of its cells the picture has, and where pixels lie in these.

    Attributes:
        cells: of the map. Those that lie wholly in the padding go first: bilinear would mix them into the border.
        start: of the first pixel, in cells from the first of ``cells``.
        scale: cells a pixel.
        size: pixels of the picture.
    """

    cells: slice
    start: float
    scale: float
    size: int

    @classmethod
    def of(cls, count: int, per_pixel: float, side: int, first: int, length: int, size: int) -> _Axis:
        """Of ``count`` cells in the middle of a square, where the picture has ``length`` pixels from ``first`` on."""
        padding = (side * per_pixel - count) / 2  # cells of the square that the map leaves out
        start, stop = first * per_pixel - padding, (first + length) * per_pixel - padding
        cells = slice(math.floor(start), math.ceil(stop))
        return cls(cells, start - cells.start, (stop - start) / size, size)

    @property
    def reach(self) -> int:
        """Cells on each side that bilinear scaling looks at."""
        return math.ceil(max(1.0, self.scale))

    def edges(self, pixels: slice) -> tuple[float, float]:
        """Where pixels begin and end, in cells."""
        last = float(self.cells.stop - self.cells.start)
        return self.start + pixels.start * self.scale, min(self.start + pixels.stop * self.scale, last)

    def pixels(self, first: int, stop: int) -> slice:
        """Those that look at one of these cells."""
        start = math.floor((first - self.reach - self.start) / self.scale)
        return slice(max(0, start), min(self.size, math.ceil((stop + self.reach - self.start) / self.scale)))


def open_image(source: Picture) -> ImageArray:
    """Read a picture as (H, W, 3) uint8 RGB, upright (EXIF orientation applied).

    Grey is tiled to three channels, 16-bit is scaled to 8, transparency is laid on white.

    Args:
        source: path, PIL image, or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8 (or (H, W) uint16).

    Raises:
        ImageError: no such file, not an image, damaged, empty or larger than ``MAX_PIXELS``.
    """
    return open_photo(source, 0).pixels


def open_photo(source: Picture, side: int) -> Photo:
    """``open_image`` for a square of ``side``: a JPEG file that is much larger is decoded at 1/2, 1/4 or 1/8 scale.

    That is several times as fast and takes a fraction of the memory. Its longer side then still has ``DRAFT_MARGIN``
    times the pixels of the square's. 0 stands for all pixels.

    Raises:
        ImageError: as ``open_image``.
    """
    if isinstance(source, np.ndarray):
        return _whole(_from_array(source))
    if isinstance(source, Image.Image):
        with _named("the given PIL image"):
            return _from_pil(source, "the given PIL image", MAX_PIXELS, 0)
    path = Path(source)
    with _named(str(path)):
        if not path.is_file():
            found = "a folder" if path.is_dir() else "nothing"
            raise ImageError(f"{path}: expected an image file, found {found} there")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked below
            with Image.open(path, formats=FORMATS) as image:
                return _from_pil(image, str(path), MAX_PIXELS, side)


def decode_photo(data: bytes, max_pixels: int, side: int) -> Photo:
    """``open_photo`` for the bytes of a file that somebody sent; only ``FORMATS`` are tried.

    Raises:
        ImageError: not such an image, damaged, empty, or of more than ``max_pixels`` (seen before it is decoded).
    """
    with _named("the picture", max_pixels), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _from_pil(image, "the picture", max_pixels, side)


def network_input(photo: Photo, side: int, stride: int) -> FloatArray:
    """What a network sees of a picture: its frame (see ``Letterbox.frame``), normalised, (1, 3, h, w) float32."""
    box = Letterbox.fit(photo.height, photo.width, side)
    return normalise(box.apply(photo.pixels, box.frame(stride)))[None]


def normalise(pixels: ImageArray) -> FloatArray:
    """(..., h, w, 3) uint8 -> (..., 3, h, w) float32 with ImageNet mean and deviation."""
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, -3)).astype(np.float32)  # bytes are moved fastest
    planes *= (np.float32(1 / 255) / PIXEL_STD)[:, None, None]
    planes -= (PIXEL_MEAN / PIXEL_STD)[:, None, None]
    return planes


def png_level(pixels: NDArray[np.uint8]) -> int:
    """How hard a PNG of these pixels is packed: Pillow's ``compress_level``."""
    return PNG_LEVEL if pixels.nbytes < PNG_LARGE else PNG_LEVEL_LARGE


@contextlib.contextmanager
def _named(name: str, max_pixels: int = MAX_PIXELS) -> Iterator[None]:
    """Turn whatever Pillow raises into an ImageError that names the picture."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: not an image that can be read; JPEG, PNG, WebP, BMP, GIF and TIFF can") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: expected at most {max_pixels:,} pixels: {error}") from error
    except Exception as error:  # damaged files make Pillow's readers raise struct.error, KeyError, TypeError, ...
        raise ImageError(f"{name}: the image file is damaged or incomplete ({error})") from error


def _from_pil(image: Image.Image, name: str, max_pixels: int, side: int) -> Photo:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(f"{name}: expected at most {max_pixels:,} pixels, got {width} x {height}; make it smaller")
    if width * height == 0:
        raise ImageError(f"{name}: expected at least one pixel, got {width} x {height}")
    if side:
        scale = DRAFT_MARGIN * side / max(width, height)
        image.draft(None, (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale))))  # JPEG alone can
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    pixels = _rgb(image if orientation == 1 else ImageOps.exif_transpose(image))  # the latter copies in any case
    return Photo(pixels, width, height) if orientation in TURNED else Photo(pixels, height, width)


def _rgb(upright: Image.Image) -> ImageArray:
    if upright.mode.startswith(("I", "F")):
        return _from_array(np.asarray(upright))
    if upright.mode == "La":  # which Pillow turns into nothing but LA
        upright = upright.convert("LA")
    if upright.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in upright.info:
        return _on_white(upright)
    return np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))


def _on_white(image: Image.Image) -> ImageArray:
    """A few rows at a time, since four pictures of 100 megapixels would be gigabytes."""
    result = np.empty((image.height, image.width, 3), np.uint8)
    for rows in _strips(image.height, image.width):
        rgba = image.crop((0, rows.start, image.width, rows.stop)).convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        result[rows] = np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    return result


def _strips(height: int, width: int, least: int = 1) -> Iterator[slice]:
    """Rows of at most about ``STRIP_PIXELS``, in no fewer than about ``least`` strips where there are rows enough."""
    step = max(1, min(STRIP_PIXELS // width, math.ceil(height / least)))
    return (slice(start, min(start + step, height)) for start in range(0, height, step))


def _whole(pixels: ImageArray) -> Photo:
    return Photo(pixels, *pixels.shape[:2])


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
        return _rgb(Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)))
    if array.ndim == 2:
        array = array[:, :, None]
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)), dtype=np.uint8)


def _deep_grey(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey of more than 8 bits to 8: integers as 16-bit unless they fit 8, floats as [0, 1] unless larger."""
    strips = list(_strips(*array.shape))  # doubles of 100 megapixels would be gigabytes
    integers = np.issubdtype(array.dtype, np.integer)
    peak = max(float(_finite(array[rows]).max(initial=0.0)) for rows in strips)
    full = next((limit for limit in ((255, 65535) if integers else (1, 255, 65535)) if peak <= limit), peak)
    if integers and array.dtype.itemsize == 2:
        full = 65535
    result = np.empty(array.shape, np.uint8)
    for rows in strips:
        result[rows] = np.clip(_finite(array[rows]) * (255.0 / full), 0, 255).round()
    return result


def _finite(array: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.nan_to_num(array.astype(np.float64))
