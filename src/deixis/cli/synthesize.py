"""``deixis synthesize``: look at the expressions that category annotations give."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli.console import command, shorten
from deixis.trainconfig import SourceConfig, TrainConfig

if TYPE_CHECKING:
    from deixis.types import BoolMask, Expression, ImageArray, Scene

TITLE_PIXELS = 16


@command
def run(
    annotations: Annotated[
        Path, typer.Argument(metavar="ANNOTATIONS", help="A COCO instances file.", show_default=False)
    ],
    images: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the pictures.", show_default=False)],
    captions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A COCO captions file.", show_default=False)
    ] = None,
    labelled: Annotated[
        str,
        typer.Option(help="Classes annotated completely: all, none, present (those there), or names with commas."),
    ] = str(SourceConfig.labelled),
    whole: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Class that all regions of a picture make up.")
    ] = SourceConfig.whole,
    crowds: Annotated[
        bool, typer.Option(help="Whether iscrowd marks groups; some files mark every RLE so.")
    ] = SourceConfig.crowds,
    limit: Annotated[int | None, typer.Option(min=1, help="Pictures at most.", show_default="all")] = None,
    phrases: Annotated[int, typer.Option(min=1, help="Expressions a picture at most.")] = TrainConfig.phrases,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same expressions.")] = TrainConfig.seed,
    draw: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a picture of each expression there.", show_default=False)
    ] = None,
) -> None:
    """Print or draw the expressions that are made from category annotations."""
    import numpy as np

    from deixis.data.scenes import SceneSource
    from deixis.data.synthesize import describe, synthesize

    words = ("all", "none", "present")
    classes = labelled if labelled in words else tuple(name.strip() for name in labelled.split(","))
    texts = str(captions) if captions is not None else None
    config = SourceConfig(str(annotations), str(images), captions=texts, labelled=classes, whole=whole, crowds=crowds)
    source = SceneSource(config)
    for index, entry in enumerate(itertools.islice(source.images, limit)):
        scene = source.scene(index)
        expressions = [*scene.expressions, *synthesize(scene, np.random.default_rng([seed, index]), phrases)]
        typer.echo(f"{entry.path}\n{describe(expressions) or '(nothing can be said)'}\n")
        if draw is not None:
            _draw(draw, entry.path, scene, expressions)


def _draw(folder: Path, image: Path, scene: Scene, expressions: Sequence[Expression]) -> None:
    from deixis.cli.outputs import result_paths, save_picture
    from deixis.data.scenes import target_mask
    from deixis.report.overlay import draw_outline

    paths = result_paths(folder, image, [expression.text for expression in expressions])
    for path, expression in zip(paths, expressions, strict=True):
        mask: BoolMask = target_mask(scene, expression)
        title = shorten(expression.text, 90) + ("" if expression.target_ids else " (not there)")
        save_picture(path, titled(draw_outline(scene.image, mask), title))


def titled(image: ImageArray, title: str) -> ImageArray:
    """(H, W, 3) uint8 with a white strip above it that says the title; as wide as the title needs."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(TITLE_PIXELS)
    height, width = image.shape[:2]
    strip = 2 * TITLE_PIXELS
    canvas = Image.new("RGB", (max(width, int(font.getlength(title)) + TITLE_PIXELS), height + strip), "white")
    canvas.paste(Image.fromarray(image), (0, strip))
    ImageDraw.Draw(canvas).text((TITLE_PIXELS // 2, TITLE_PIXELS // 2), title, fill="black", font=font)
    return np.array(canvas)
