from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deixis import image as image_module
from deixis.errors import ImageError
from deixis.image import (
    PIXEL_MEAN,
    PIXEL_STD,
    PNG_LEVEL,
    PNG_LEVEL_LARGE,
    Letterbox,
    Photo,
    decode_photo,
    network_input,
    normalise,
    open_image,
    open_photo,
    png_level,
)

SIDES = st.integers(1, 150)


def iou(left: np.ndarray, right: np.ndarray) -> float:
    return float((left & right).sum() / max((left | right).sum(), 1))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


# --- letterbox ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "side", "place"),
    [
        ((100, 200), 64, (16, 0, 32, 64)),
        ((300, 100), 60, (0, 20, 60, 20)),
        ((1, 1000), 32, (15, 0, 1, 32)),
        ((1000, 1), 32, (0, 15, 32, 1)),
    ],
)
def test_letterbox_by_hand(size: tuple[int, int], side: int, place: tuple[int, int, int, int]) -> None:
    box = Letterbox.fit(*size, side)
    assert (box.height, box.width, box.side) == (*size, side)
    assert (box.top, box.left, box.new_height, box.new_width) == place


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 1024))
def test_the_picture_always_lies_in_the_square(height: int, width: int, side: int) -> None:
    box = Letterbox.fit(height, width, side)
    assert box.new_height >= 1 and box.new_width >= 1
    assert max(box.new_height, box.new_width) == side
    assert 0 <= box.top <= side - box.new_height
    assert 0 <= box.left <= side - box.new_width
    assert abs(box.top - (side - box.top - box.new_height)) <= 1


@given(SIDES, SIDES, st.integers(1, 96))
def test_apply_and_invert_give_the_promised_shapes(height: int, width: int, side: int) -> None:
    box = Letterbox.fit(height, width, side)
    square = box.apply(noise(height, width))
    assert square.shape == (side, side, 3) and square.dtype == np.uint8
    back = box.invert(square[:, :, 0].astype(np.float32))
    assert back.shape == (height, width) and back.dtype == np.float32


def test_padding_has_the_mean_colour() -> None:
    square = Letterbox.fit(10, 20, 40).apply(np.zeros((10, 20, 3), dtype=np.uint8))
    assert square[0, 0].tolist() == [124, 116, 104]
    assert not square[10:30].any()


def test_both_ways_are_bilinear() -> None:
    steps = [0, 0, 1, 3, 5, 7, 8, 8]  # eighths, where two pixels become eight
    square = Letterbox.fit(1, 2, 8).apply(np.array([[[0] * 3, [255] * 3]], dtype=np.uint8))
    np.testing.assert_allclose(square[2:6], np.broadcast_to(np.array(steps)[:, None] * 255 / 8, (4, 8, 3)), atol=0.51)
    back = Letterbox.fit(8, 8, 2).invert(np.array([[0.0, 1.0]] * 2))
    np.testing.assert_allclose(back, np.broadcast_to(np.array(steps) / 8, (8, 8)), atol=1e-6)


def test_a_picture_of_the_squares_size_is_untouched() -> None:
    picture = noise(33, 33)
    np.testing.assert_array_equal(Letterbox.fit(33, 33, 33).apply(picture), picture)


@settings(max_examples=60)
@given(st.integers(60, 301), st.integers(60, 301), st.integers(128, 257), st.data())
def test_a_mask_goes_in_and_comes_back(height: int, width: int, side: int, data: st.DataObject) -> None:
    y0, x0 = data.draw(st.integers(0, height // 2)), data.draw(st.integers(0, width // 2))
    y1, x1 = data.draw(st.integers(y0 + height // 3, height)), data.draw(st.integers(x0 + width // 3, width))
    mask = np.zeros((height, width), dtype=bool)
    mask[y0:y1, x0:x1] = True
    box = Letterbox.fit(height, width, side)
    square = box.apply(np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255)
    back = box.invert(square[:, :, 0] / np.float32(255)) > 0.5
    pixel = max(1.0, max(height, width) / side)  # one pixel of the square, in pixels of the picture
    border = 2 * pixel * ((y1 - y0) + (x1 - x0))
    assert (back ^ mask).sum() <= 0.5 * border + 4
    assert iou(back, mask) > 0.9


@settings(max_examples=60)
@given(st.integers(21, 211), st.integers(21, 211), st.integers(48, 129), st.sampled_from([1, 2, 4]))
def test_a_linear_ramp_comes_back_as_that_ramp(height: int, width: int, side: int, stride: int) -> None:
    box = Letterbox.fit(height, width, side)
    cells = side // stride
    centres = (np.arange(cells) + 0.5) * side / cells  # in pixels of the square
    ramp = np.broadcast_to(centres[:, None] + 2 * centres[None, :], (cells, cells))
    back = box.invert(ramp)
    y = box.top + (np.arange(height) + 0.5) * box.new_height / height
    x = box.left + (np.arange(width) + 0.5) * box.new_width / width
    error = np.abs(back - (y[:, None] + 2 * x[None, :]))
    cell = side / cells
    assert error.max() <= 3 * max(cell, box.new_height / height) / 2 + 1e-3  # half a cell a direction, at the border
    inner = error[(y > box.top + cell) & (y < box.top + box.new_height - cell)]
    inner = inner[:, (x > box.left + cell) & (x < box.left + box.new_width - cell)]
    enlarged = height >= box.new_height / stride and width >= box.new_width / stride  # shrinking smooths
    if enlarged and inner.size:
        assert inner.max() <= 0.02


@pytest.mark.parametrize(("height", "width"), [(1, 90), (20, 70), (33, 70), (257, 64), (300, 20)])
def test_strips_are_the_whole_map(height: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Letterbox.fit(height, width, 64)
    grid = np.random.default_rng(height).normal(size=(16, 16)).astype(np.float32)
    whole = box.invert(grid)
    monkeypatch.setattr(image_module, "STRIP_PIXELS", 1000)
    monkeypatch.setattr(image_module, "MAP_STRIPS", 1)
    pieces = list(box.regions(grid))
    assert len(pieces) == -(-height // (1000 // width)) or height * width <= 1000
    assert [rows.start for rows, _, _ in pieces] == [0, *(rows.stop for rows, _, _ in pieces[:-1])]
    np.testing.assert_allclose(box.invert(grid), whole, atol=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_a_mask_is_looked_for_where_it_can_be(seed: int) -> None:
    """Strips are left out only where no value reaches so far: to the last pixel what the whole map says."""
    rng = np.random.default_rng(seed)
    for height, width in rng.integers(1, 300, (20, 2)):
        grid = np.full((16, 16), -3.5, dtype=np.float32)
        grid[tuple(rng.integers(0, 16, 2))] = 3.0
        box, least = Letterbox.fit(int(height), int(width), 64), float(rng.uniform(-3, 3))
        mask = np.zeros((height, width), dtype=bool)
        for rows, columns, values in box.regions(grid, least):
            mask[rows, columns] = values >= least
        np.testing.assert_array_equal(mask, box.invert(grid) >= least)


@pytest.mark.parametrize(
    ("size", "frame"),
    [((480, 640), (256, 320)), ((640, 427), (320, 224)), ((100, 100), (320, 320)), ((50, 900), (160, 320))],
)
def test_a_frame_is_the_middle_of_the_square(size: tuple[int, int], frame: tuple[int, int]) -> None:
    box, picture = Letterbox.fit(*size, 320), noise(*size)
    assert box.frame(32) == frame
    assert box.frame(320) == (320, 320)
    top, left = (320 - frame[0]) // 2, (320 - frame[1]) // 2
    square, framed = box.apply(picture), box.apply(picture, frame)
    np.testing.assert_array_equal(framed, square[top : top + frame[0], left : left + frame[1]])
    grid = np.random.default_rng(0).normal(size=(80, 80)).astype(np.float32)
    middle = grid[top // 4 : (top + frame[0]) // 4, left // 4 : (left + frame[1]) // 4]
    np.testing.assert_allclose(box.invert(middle), box.invert(grid), atol=1e-6)
    seen = network_input(Photo(picture, *size), 320, 32)
    np.testing.assert_array_equal(seen, normalise(framed)[None])


def test_what_cannot_have_a_mask_is_left_out() -> None:
    grid = np.zeros((16, 16), dtype=np.float32)
    grid[7, 3] = 1.0
    box = Letterbox.fit(640, 640, 64)
    assert len(list(box.regions(grid))) == 4
    found = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns, _ in box.regions(grid, 0.5)]
    assert found == [(160, 320, 80, 200), (320, 480, 80, 200)]
    assert list(box.regions(grid, 1.5)) == []


def test_the_padding_never_leaks_into_the_picture() -> None:
    grid = np.full((16, 16), -10.0, dtype=np.float32)
    grid[4:12] = 3.0
    np.testing.assert_allclose(Letterbox.fit(200, 400, 64).invert(grid), 3.0, atol=1e-5)


@given(st.integers(2, 60), st.integers(2, 60))
def test_flipping_before_or_after_the_letterbox_is_the_same(height: int, width: int) -> None:
    picture = noise(height, width)
    box = Letterbox.fit(height, width, 64)
    if 2 * box.left + box.new_width == 64:  # an odd rest is padded one pixel more on one side
        difference = box.apply(picture[:, ::-1])[:, ::-1].astype(int) - box.apply(picture)
        assert np.abs(difference).max() <= 1


def test_normalise() -> None:
    squares = np.zeros((2, 5, 5, 3), dtype=np.uint8)
    squares[1] = 255
    result = normalise(squares)
    assert result.shape == (2, 3, 5, 5) and result.dtype == np.float32
    np.testing.assert_allclose(result[0, :, 0, 0], -PIXEL_MEAN / PIXEL_STD, rtol=1e-6)
    np.testing.assert_allclose(result[1, :, 0, 0], (1 - PIXEL_MEAN) / PIXEL_STD, rtol=1e-6)
    assert normalise(squares[0]).shape == (3, 5, 5)


# --- opening -----------------------------------------------------------------------------------------------------


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def check(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    return picture


def test_a_colour_picture_keeps_its_pixels(tmp_path: Path) -> None:
    picture = noise(5, 7)
    path = save(Image.fromarray(picture), tmp_path / "a.png")
    for source in (path, str(path), Image.fromarray(picture), picture):
        np.testing.assert_array_equal(open_image(source), picture)


def test_grey_is_tiled(tmp_path: Path) -> None:
    grey = noise(5, 7)[:, :, 0]
    for source in (save(Image.fromarray(grey), tmp_path / "a.png"), grey, grey[:, :, None]):
        np.testing.assert_array_equal(check(open_image(source), 5, 7), np.repeat(grey[:, :, None], 3, axis=2))


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 65535], [32896, 65407, 300]], dtype=np.uint16)
    expected = [[0, 1, 255], [128, 255, 1]]
    for source in (save(Image.fromarray(deep), tmp_path / "a.png"), deep):
        assert check(open_image(source), 2, 3)[:, :, 2].tolist() == expected


def test_a_dark_sixteen_bit_picture_stays_dark(tmp_path: Path) -> None:
    path = save(Image.fromarray(np.full((4, 4), 200, dtype=np.uint16)), tmp_path / "a.png")
    assert open_image(path).max() == 1


def test_floats_and_bools_are_scaled() -> None:
    assert open_image(np.array([[0.0, 0.5, 1.0]]))[0, :, 0].tolist() == [0, 128, 255]
    assert open_image(np.array([[False, True]]))[0, :, 0].tolist() == [0, 255]
    assert open_image(np.array([[np.nan, 1.0]]))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("grey", "expected"),
    [
        (np.array([0.0, 0.6, 1.0]), [0, 153, 255]),
        (np.array([-0.5, 1.0]), [0, 255]),
        (np.array([0.0, 2.0]), [0, 2]),
        (np.array([0.0, 256.0]), [0, 1]),
        (np.array([0.0, np.inf]), [0, 255]),
        (np.array([0.0, 0.5, 1.0], dtype=np.float16), [0, 128, 255]),
        (np.array([0, 1]), [0, 1]),
        (np.array([0, 256]), [0, 1]),
        (np.array([0, 131070]), [0, 255]),
    ],
)
def test_how_grey_is_meant_shows_in_its_type_and_its_largest_value(grey: np.ndarray, expected: list[int]) -> None:
    assert open_image(grey[None])[0, :, 0].tolist() == expected


def test_grey_floats_that_pillow_holds_are_scaled() -> None:
    picture = Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert picture.mode == "F" and open_image(picture)[0, :, 1].tolist() == [0, 128, 255]


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[:, :3] = (255, 0, 0)
    path = save(Image.fromarray(picture).convert("P", palette=Image.Palette.ADAPTIVE), tmp_path / "a.png")
    with Image.open(path) as stored:
        assert stored.mode == "P"
    np.testing.assert_array_equal(open_image(path), picture)


def test_a_transparent_palette_colour_is_white(tmp_path: Path) -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    path = save(palette, tmp_path / "a.png", transparency=0)
    assert open_image(path)[0].tolist() == [[255, 255, 255], [200, 100, 50]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(tmp_path: Path, mode: str) -> None:
    picture = Image.new(mode, (3, 2), (0,) * (len(mode) - 1) + (0,))
    picture.putpixel((0, 0), (9,) * (len(mode) - 1) + (255,))
    opened = check(open_image(save(picture, tmp_path / "a.png")), 2, 3)
    assert opened[0, 0].tolist() == [9, 9, 9]
    assert opened[1].tolist() == [[255, 255, 255]] * 3


@pytest.mark.parametrize(("mode", "premultiplied"), [("LA", "La"), ("RGBA", "RGBa")])
def test_premultiplied_transparency_is_laid_on_white(mode: str, premultiplied: str) -> None:
    picture = Image.new(mode, (2, 1), (0,) * len(mode))
    picture.putpixel((1, 0), (9,) * (len(mode) - 1) + (255,))
    assert open_image(picture.convert(premultiplied))[0].tolist() == [[255] * 3, [9] * 3]


def test_a_palette_with_an_alpha_channel_is_laid_on_white() -> None:
    picture = Image.new("PA", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), (1, 255))
    assert open_image(picture)[0].tolist() == [[255, 255, 255], [200, 100, 50]]


def test_an_array_with_transparency_is_laid_on_white() -> None:
    picture = np.zeros((2, 2, 4), dtype=np.uint8)
    assert open_image(picture).min() == 255


@pytest.mark.parametrize("mode", ["CMYK", "1", "L", "RGB"])
def test_other_modes_are_opened(tmp_path: Path, mode: str) -> None:
    assert check(open_image(save(Image.new(mode, (6, 4)), tmp_path / "a.tif")), 4, 6).min() in (0, 255)


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (3, (3, 5)), (6, (0, 3)), (8, (5, 0)), (2, (0, 5)), (5, (0, 0))]
)
def test_a_rotated_photo_is_turned_upright(tmp_path: Path, orientation: int, corner: tuple[int, int]) -> None:
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_image(save(Image.fromarray(picture), tmp_path / "a.png", exif=exif))
    assert opened.shape == ((6, 4, 3) if orientation >= 5 else (4, 6, 3))
    assert np.argwhere(opened[:, :, 0] == 255).tolist() == [list(corner)]


def test_one_pixel(tmp_path: Path) -> None:
    opened = open_image(save(Image.new("RGB", (1, 1), (1, 2, 3)), tmp_path / "a.png"))
    assert opened.tolist() == [[[1, 2, 3]]]
    assert Letterbox.fit(1, 1, 32).apply(opened).shape == (32, 32, 3)


def jpeg_bytes() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(noise(64, 64)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_jpeg_is_refused(tmp_path: Path, share: float) -> None:
    content = jpeg_bytes()
    path = tmp_path / "half.jpg"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ImageError, match=r"half\.jpg"):
        open_image(path)


def test_a_truncated_picture_that_pillow_holds_is_refused() -> None:
    content = jpeg_bytes()
    with pytest.raises(ImageError, match="the given PIL image: the image file is damaged"):
        open_image(Image.open(io.BytesIO(content[: len(content) // 2])))


def test_text_named_jpg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("not a photo")
    with pytest.raises(ImageError, match=r"a\.jpg: not an image that can be read"):
        open_image(path)


@pytest.mark.parametrize(("name", "found"), [("", "a folder"), ("missing.jpg", "nothing")])
def test_nothing_and_folders_are_refused(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(ImageError, match=f"expected an image file, found {found} there"):
        open_image(tmp_path / name)


def test_an_impossible_path_is_refused() -> None:
    with pytest.raises(ImageError):
        open_image("a" * 5000 + ".jpg")
    with pytest.raises(ImageError):
        open_image("a\0.jpg")


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + bytes([8, 2, 0, 0, 0])) + chunk(b"IDAT", b"")


@pytest.mark.parametrize(("width", "height"), [(13_400, 13_300), (60_000, 60_000)])
def test_too_many_pixels_are_refused_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("the picture was decoded")

    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    with pytest.raises(ImageError, match=r"bomb\.png: expected at most 120,000,000 pixels"):
        open_image(path)


@pytest.mark.parametrize(("width", "height"), [(13_400, 13_300), (60_000, 60_000)])
def test_the_limit_for_bytes_is_the_callers(width: int, height: int) -> None:
    with pytest.raises(ImageError, match="the picture: expected at most 1,000 pixels"):
        decode_photo(png_header(width, height), 1000, 4)


def test_an_array_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_module, "MAX_PIXELS", 10)
    for source, name in ((noise(4, 3), ""), (Image.fromarray(noise(4, 3)), "the given PIL image: ")):
        with pytest.raises(ImageError, match=f"^{name}expected at most 10 pixels, got 3 x 4"):
            open_image(source)


def test_as_many_pixels_as_the_limit_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_module, "MAX_PIXELS", 12)
    for source in (noise(4, 3), Image.fromarray(noise(4, 3))):
        check(open_image(source), 4, 3)


@pytest.mark.parametrize("size", [(0, 3), (3, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"expected at least one pixel, got {size[0]} x {size[1]}"):
        open_image(Image.new("RGB", size))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 4, 2), np.uint8), "got shape"),
        (np.zeros((3,), np.uint8), "got shape"),
        (np.zeros((1, 3, 4, 3), np.uint8), "got shape"),
        (np.zeros((0, 4, 3), np.uint8), "got shape"),
        (np.zeros((3, 4, 3), np.float32), "expected uint8"),
        (np.array([["a"]]), "array of numbers"),
        (np.zeros((2, 2), np.complex64), "array of numbers"),
        (np.array([[None]]), "array of numbers"),
    ],
)
def test_arrays_of_other_kinds_are_explained(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        open_image(array)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP"])
def test_damaged_files_raise_nothing_but_image_errors(tmp_path: Path, kind: str) -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(16, 16)).save(stream, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "TIFF") else {}))
    random = np.random.default_rng(0)
    path = tmp_path / "damaged"
    for _ in range(150):
        content = np.frombuffer(stream.getvalue(), dtype=np.uint8).copy()
        places = random.integers(0, min(len(content), 400), size=random.integers(1, 6))
        content[places] = random.integers(0, 256, size=len(places))
        path.write_bytes(content.tobytes())
        try:
            opened = open_image(path)
        except ImageError as error:
            assert str(path) in str(error)
        else:
            assert opened.ndim == 3


def test_the_bytes_of_a_file_give_what_the_file_gives(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(path)
    assert np.array_equal(decode_photo(path.read_bytes(), 20, 4).pixels, open_image(path))
    with pytest.raises(ImageError, match="the picture: expected at most 19 pixels, got 5 x 4"):
        decode_photo(path.read_bytes(), 19, 4)


def test_formats_that_nobody_sends_are_not_tried(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="the picture: not an image that can be read"):
        decode_photo(b"P6 1 1 255 abc", 10, 4)
    (tmp_path / "a.png").write_bytes(b"P6 1 1 255 abc")
    with pytest.raises(ImageError, match=r"a\.png: not an image that can be read"):
        open_image(tmp_path / "a.png")


# --- opening at a reduced scale -----------------------------------------------------------------------------------


def blobs(height: int, width: int) -> Image.Image:
    """A smooth picture: at any scale nearly the same."""
    return Image.fromarray(noise(6, 8)).resize((width, height), Image.Resampling.BICUBIC)


def difference(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.abs(left.astype(float) - right).mean())


@pytest.mark.parametrize(
    ("size", "side", "opened"),
    [
        ((480, 640), 64, (120, 160)),  # a quarter: half of that would be below twice the side
        ((480, 640), 40, (60, 80)),
        ((480, 640), 10, (60, 80)),  # an eighth is the smallest that JPEG has
        ((480, 640), 161, (480, 640)),
        ((640, 479), 64, (160, 120)),
        ((3, 640), 20, (2, 320)),  # an eighth would leave less than a pixel of the shorter side
        ((480, 640), 0, (480, 640)),
    ],
)
def test_a_large_jpeg_is_decoded_at_a_reduced_scale(
    tmp_path: Path, size: tuple[int, int], side: int, opened: tuple[int, int]
) -> None:
    path = save(blobs(*size), tmp_path / "a.jpg")
    for photo in (open_photo(path, side), decode_photo(path.read_bytes(), size[0] * size[1], side)):
        assert (photo.height, photo.width) == size
        assert photo.pixels.shape == (*opened, 3) and photo.pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_the_reduced_scale_shows_the_same_picture(
    tmp_path: Path, mode: str, orientation: int, options: dict[str, bool]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(blobs(401, 600).convert(mode), tmp_path / "a.jpg", exif=exif, quality=95, **options)
    whole, photo = open_image(path), open_photo(path, 60)
    assert (photo.height, photo.width) == whole.shape[:2] == ((600, 401) if orientation >= 5 else (401, 600))
    assert max(photo.pixels.shape) == 150
    box = Letterbox.fit(photo.height, photo.width, 60)
    assert difference(box.apply(photo.pixels), box.apply(whole)) < 1.5
    assert difference(box.apply(photo.pixels[::-1]), box.apply(whole)) > 10


def test_what_is_no_jpeg_file_is_opened_whole(tmp_path: Path) -> None:
    picture = blobs(480, 640)
    path = save(picture, tmp_path / "a.png")
    for source in (path, picture, np.asarray(picture)):
        photo = open_photo(source, 32)
        assert (photo.height, photo.width) == photo.pixels.shape[:2] == (480, 640)


def test_the_pillow_image_of_a_caller_is_left_as_it_is(tmp_path: Path) -> None:
    with Image.open(save(blobs(480, 640), tmp_path / "a.jpg")) as image:
        assert open_photo(image, 32).pixels.shape == (480, 640, 3)
        assert image.size == (640, 480)


def test_the_limit_of_pixels_is_that_of_the_whole_picture(tmp_path: Path) -> None:
    path = save(blobs(480, 640), tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="expected at most 300,000 pixels, got 640 x 480"):
        decode_photo(path.read_bytes(), 300_000, 32)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "F"])
def test_conversion_in_strips_changes_nothing(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    rng = np.random.default_rng(0)
    if mode == "I;16":
        picture = Image.fromarray(rng.integers(0, 65536, (23, 17), np.uint16))
    elif mode == "F":
        picture = Image.fromarray(rng.uniform(-1, 300, (23, 17)).astype(np.float32))
    else:
        picture = Image.fromarray(rng.integers(0, 256, (23, 17, 4), np.uint8)).convert(mode)
        picture.info.update({"transparency": 3} if mode == "P" else {})
    whole = open_image(picture)
    for pixels in (1, 40, 23 * 17 - 1):
        monkeypatch.setattr("deixis.image.STRIP_PIXELS", pixels)
        np.testing.assert_array_equal(open_image(picture), whole)


def test_large_pngs_are_packed_less() -> None:
    small, large = np.zeros((10, 10), np.uint8), np.broadcast_to(np.uint8(0), (8000, 4000))
    assert png_level(small) == PNG_LEVEL > png_level(large) == PNG_LEVEL_LARGE >= 1
