"""``deixis segment``: one picture, any number of phrases."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deixis.cli import options
from deixis.cli.console import command, note, shorten
from deixis.config import DEFAULT_PRESENCE, DEFAULT_THRESHOLD
from deixis.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deixis.image import Photo
    from deixis.segmenter import Segmenter
    from deixis.types import BoolMask
    from deixis.vocabulary import Words

    _Draw = Callable[[Sequence[BoolMask], bool], NDArray[np.uint8]]


class Format(str, enum.Enum):
    """What is made of a mask."""

    overlay = "overlay"
    mask = "mask"
    rle = "rle"
    json = "json"

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, not text."""
        return self in (Format.overlay, Format.mask)


@dataclass(frozen=True, eq=False)
class _Answer:
    """One phrase's result, and the time it took; the first one's time includes opening and encoding the picture.

    Not a ``Segmentation``: those of a large photograph keep gigabytes of log-odds for a few phrases.
    """

    phrase: str
    mask: BoolMask
    score: float
    milliseconds: float


_OUTPUT_HELP = (
    "File to write, or a folder for one picture a phrase. By default <image>.<phrase>.png in the current folder; "
    "rle and json are printed."
)
_FORMAT_HELP = (
    "overlay and mask are pictures, the first of at most 4096 pixels a side; rle and json are one JSON object a "
    "phrase and line."
)


@command
def run(
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", help="The picture: JPEG, PNG, WebP, BMP, GIF or TIFF.", show_default=False),
    ],
    phrases: Annotated[
        list[str], typer.Argument(metavar="PHRASE", help="What to find, such as 'left dog'.", show_default=False)
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help=_OUTPUT_HELP, show_default=False)] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help=_FORMAT_HELP)] = Format.overlay,
    threshold: Annotated[
        float, typer.Option(help="Probability from which on a pixel belongs to the mask.")
    ] = DEFAULT_THRESHOLD,
    presence: Annotated[
        float | None,
        typer.Option(
            help="Score below which there is no such thing and nothing is marked; 0 to mark the likeliest pixels all "
            "the same.",
            show_default=f"{DEFAULT_PRESENCE} with the bundled model, 0 with another",
        ),
    ] = None,
    model: options.Model = None,
    vectors: options.Vectors = None,
    threads: options.Threads = 0,
    device: options.OnDevice = options.Device.cpu,
) -> None:
    """Mark the pixels that a phrase names."""
    _check_output(output, format, phrases)
    from deixis.segmenter import Segmenter

    segmenter = Segmenter.load(model, vectors=vectors, threads=threads, device=device.value)
    for phrase in phrases:
        segmenter.words(phrase)  # an empty one is refused before the picture is read; the words are indexed once
    photo, answers = _ask(segmenter, image, phrases, (threshold, presence), format)
    for answer in answers:
        _tell_spelling(segmenter.words(answer.phrase))
        _tell_absence(answer, segmenter.presence if presence is None else presence)
    if format.is_picture:
        _write_pictures(image, answers, output, _drawing(image, photo, format))
    else:
        _write_lines(image, answers, output, format)


def _tell_spelling(words: Words) -> None:
    if words.taken_for:
        note(", ".join(f"{shorten(token)!r} was taken for {meant!r}" for token, meant in words.taken_for.items()))
    if words.ignored:
        note(f"not known and left out: {shorten(' '.join(words.ignored))}")


def _tell_absence(answer: _Answer, presence: float) -> None:
    if answer.score < presence:
        note(
            f"{shorten(answer.phrase)!r}: no such thing seen (score {answer.score:.2f} is below {presence}); "
            "--presence 0 marks the likeliest pixels all the same"
        )


def _check_output(output: Path | None, format: Format, phrases: Sequence[str]) -> None:
    """Refuse before anything is computed."""
    if output is None or not format.is_picture:
        return
    from deixis.cli.outputs import check_suffix, is_folder

    if is_folder(output):
        return
    if format is Format.mask and len(phrases) > 1:
        raise InputError(
            f"{output}: expected a folder for the masks of {len(phrases)} phrases, got a file name; "
            "name a folder, leave --output out, or use --format overlay"
        )
    check_suffix(output, lossless=format is Format.mask)


def _ask(
    segmenter: Segmenter, image: Path, phrases: Sequence[str], limits: tuple[float, float | None], format: Format
) -> tuple[Photo, list[_Answer]]:
    """The picture as it was opened, and an answer a phrase; an overlay's masks have the view's size."""
    from deixis.image import open_photo
    from deixis.view import for_view

    threshold, presence = limits
    start = time.perf_counter()
    photo = open_photo(image, segmenter.config.input_size)
    features = segmenter.encode_image(photo)
    if format is Format.overlay:
        features = for_view(features)
    answers = []
    for phrase in phrases:
        result = segmenter.segment(features, phrase, threshold=threshold, presence=presence)
        now = time.perf_counter()
        answers.append(_Answer(phrase, result.mask, result.score, 1000 * (now - start)))
        start = now
    return photo, answers


def _write_pictures(image: Path, answers: Sequence[_Answer], output: Path | None, draw: _Draw) -> None:
    from deixis.cli.outputs import is_folder, result_paths, save_picture

    phrases = [answer.phrase for answer in answers]
    masks = [answer.mask for answer in answers]
    if output is not None and not is_folder(output):
        save_picture(output, draw(masks, False))
        paths = [output] * len(answers)
    else:
        paths = result_paths(output or Path(), image, phrases)
        for number, (path, mask) in enumerate(zip(paths, masks, strict=True), 1):
            save_picture(path, draw([mask], number < len(masks)))
    for path, answer in zip(paths, answers, strict=True):
        _report(path, answer)


def _drawing(image: Path, photo: Photo, format: Format) -> _Draw:
    """What makes a picture of masks, told whether another follows."""
    import numpy as np

    if format is Format.mask:
        return lambda masks, _: np.where(masks[0], np.uint8(255), np.uint8(0))
    from deixis.report.overlay import highlight
    from deixis.view import open_view

    pixels = open_view(image, photo)
    height, width = pixels.shape[:2]
    if (height, width) != (photo.height, photo.width):
        note(
            f"{image} has {photo.width} x {photo.height} pixels and is drawn with {width} x {height}; "
            "--format mask, rle and json keep its size"
        )
    return lambda masks, more: highlight(pixels, masks, copy=more)


def _write_lines(image: Path, answers: Sequence[_Answer], output: Path | None, format: Format) -> None:
    import json

    lines = "".join(json.dumps(values) + "\n" for values in _values(image, answers, format))
    if output is None:
        typer.echo(lines, nl=False)
        return
    from deixis.files import atomic_write

    with atomic_write(output) as temporary:
        temporary.write_text(lines, encoding="utf-8")
    for answer in answers:
        _report(output, answer)


def _values(image: Path, answers: Sequence[_Answer], format: Format) -> Iterator[dict[str, Any]]:
    from deixis.masks import bounding_box, encode_rle

    for answer in answers:
        rle = encode_rle(answer.mask)
        if format is Format.rle:
            yield rle
            continue
        x0, y0, x1, y1 = bounding_box(answer.mask)
        yield {
            "image": str(image),
            "height": answer.mask.shape[0],
            "width": answer.mask.shape[1],
            "phrase": answer.phrase,
            "score": round(answer.score, 4),
            "share": round(float(answer.mask.mean()), 6),
            "bbox": [x0, y0, x1 - x0, y1 - y0],  # as COCO has it: x, y, width, height
            "segmentation": rle,
        }


def _report(path: Path, answer: _Answer) -> None:
    typer.echo(
        f"{path}  {100 * answer.mask.mean():.1f} %  score {answer.score:.2f}  {answer.milliseconds:.1f} ms  "
        f"{shorten(answer.phrase)}"
    )
