"""From a request's body to a checked ``SegmentRequest`` and the picture's bytes."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from deixis.config import ServeConfig
from deixis.web.problems import Problem
from deixis.web.schemas import SegmentRequest

MULTIPART, JSON = "multipart/form-data", "application/json"


class _InMemory(MultiPartParser):
    """The guard has bounded the body and holds it; nothing of a picture is written to disk."""

    spool_max_size = 1 << 40


async def read_request(request: Request, limits: ServeConfig) -> tuple[SegmentRequest, bytes | None]:
    """The request, and the picture's file when it came with it.

    Raises:
        Problem: 4xx that says what is wrong with it.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        values, data = await _read_form(request, limits)
        asked = _validate(values)
    elif kind == JSON:
        asked = _validate(await request.body())
        data = _decode_base64(asked.image) if asked.image is not None else None
    else:
        expected = f"{MULTIPART} or {JSON}"
        raise Problem(415, "content_type", f"expected a body of {expected}, got {kind or 'none'}", expected, kind)
    _check(asked, data, limits)
    return asked, data


async def _read_form(request: Request, limits: ServeConfig) -> tuple[dict[str, Any], bytes | None]:
    parser = _InMemory(
        request.headers, request.stream(), max_files=1, max_fields=limits.max_phrases + 8, max_part_size=1 << 16
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, KeyError) as error:  # KeyError: no boundary in the content type
        reason = "the boundary is missing" if isinstance(error, KeyError) else str(error)
        raise Problem(400, "bad_form", f"the form cannot be read: {reason}") from error
    try:
        return await _fields(form)
    finally:
        await form.close()


async def _fields(form: FormData) -> tuple[dict[str, Any], bytes | None]:
    values: dict[str, Any] = {}
    data = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "image":
                raise Problem(422, "unknown_field", "expected the file in the field 'image'", "image", name[:40])
            data = await value.read()
        elif name in ("phrases", "include"):
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    if "image" in values:
        raise Problem(422, "bad_field", "image: expected a file (with a filename), got text", "a file", "text")
    return values, data


def _validate(values: dict[str, Any] | bytes) -> SegmentRequest:
    try:
        if isinstance(values, bytes):
            return SegmentRequest.model_validate_json(values)
        return SegmentRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        got = repr(first["input"])[:60]
        raise Problem(422, "bad_field", f"{where}: {first['msg']}, got {got}", first["msg"], got) from error


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem(422, "bad_base64", f"image: expected base64, got something else ({error})", "base64") from error


def _check(asked: SegmentRequest, data: bytes | None, limits: ServeConfig) -> None:
    if (data is None) == (asked.image_id is None):
        got = "neither" if data is None else "both"
        message = f"expected a picture (image) or the name of one sent before (image_id), got {got}"
        raise Problem(422, "one_picture", message, "image or image_id", got)
    if len(asked.phrases) > limits.max_phrases:
        expected, count = f"at most {limits.max_phrases} phrases", len(asked.phrases)
        raise Problem(422, "too_many_phrases", f"expected {expected}, got {count}; ask in parts", expected, count)
    for index, phrase in enumerate(asked.phrases):
        if len(phrase) > limits.max_phrase_length:
            expected, got = f"at most {limits.max_phrase_length} characters", str(len(phrase))
            message = f"phrases.{index}: expected {expected}, got {got}"
            raise Problem(422, "phrase_too_long", message, expected, got)
