"""What requests and answers look like; the OpenAPI description is made of these."""

from __future__ import annotations

import enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from deixis.config import DEFAULT_THRESHOLD


class Include(str, enum.Enum):
    """What is told of each phrase beside its score."""

    mask = "mask"
    probability = "probability"
    grids = "grids"
    explanation = "explanation"


class SegmentRequest(BaseModel):
    """A picture (or the name of one sent before) and any number of phrases; none only encodes the picture."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[str | None, Field(description="The file (JPEG, PNG, WebP, BMP, GIF, TIFF) in base64.")] = None
    image_id: Annotated[str | None, Field(description="Instead of image: the name that an answer gave it.")] = None
    phrases: Annotated[list[str], Field(description="What to find, such as 'left dog'.")] = []
    include: Annotated[list[Include], Field(description="What to tell of each phrase.")] = [Include.mask]
    threshold: Annotated[float, Field(ge=0, le=1, description="From which on a pixel belongs to the mask.")] = (
        DEFAULT_THRESHOLD
    )


class Mask(BaseModel):
    """Where the phrase's thing is, at the picture's own size."""

    share: Annotated[float, Field(description="Of the picture's pixels, 0 to 1.")]
    bbox: Annotated[list[float], Field(description="x, y, width, height in pixels.")]
    segmentation: Annotated[dict[str, Any], Field(description="COCO run-length encoding.")]


class Grids(BaseModel):
    """The network's own maps over the picture's frame in the square: little-endian float16, row by row, in base64."""

    shape: Annotated[list[int], Field(description="Rows and columns.")]
    side: Annotated[int, Field(description="Of the square, in pixels.")]
    logits: str
    terms: Annotated[dict[str, str], Field(description="Probabilities: the model's terms of p1, p2 and p3.")]


class Category(BaseModel):
    """A class that the phrase was taken for."""

    name: str
    probability: float


class Word(BaseModel):
    """A word and how it was understood: "known", "taken for ..." by its spelling, or "ignored"."""

    token: str
    understood: str


class Explanation(BaseModel):
    """Why: see docs/design.md for the terms."""

    words: list[Word]
    categories: Annotated[list[Category], Field(description="The likeliest ones, with \"none\"; empty without p2.")]
    weights: Annotated[dict[str, float], Field(description="Each term's share; empty where the maps do not tell.")]


class Result(BaseModel):
    """The answer for one phrase; the parts that were asked for."""

    phrase: str
    score: Annotated[float, Field(description="How sure it is that the phrase names something here, 0 to 1.")]
    mask: Mask | None = None
    probability: Annotated[str | None, Field(description="8-bit grey PNG of the picture's size, in base64.")] = None
    grids: Grids | None = None
    explanation: Explanation | None = None


class SegmentResponse(BaseModel):
    """The answer for one picture."""

    image_id: Annotated[str, Field(description="Ask further phrases with it; forgotten when not used for a while.")]
    height: int
    width: int
    results: list[Result]
    milliseconds: Annotated[dict[str, float], Field(description="wait, image (decode and encode), phrases.")]


class Error(BaseModel):
    """What was wrong."""

    code: str
    message: str
    expected: str | int | None = None
    got: str | int | None = None


class ErrorResponse(BaseModel):
    """Any answer that is not 2xx."""

    error: Error
