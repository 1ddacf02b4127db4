"""The routes: the page, /v1/segment, /health and /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from deixis.config import ServeConfig
from deixis.errors import ImageError, InputError
from deixis.image import decode_photo
from deixis.segmenter import Segmenter
from deixis.types import Features, FloatArray
from deixis.web import answers, page
from deixis.web.cache import FeaturesCache
from deixis.web.guard import Guard, Observed
from deixis.web.metrics import CONTENT_TYPE, Metrics
from deixis.web.problems import Problem
from deixis.web.requests import JSON, MULTIPART, read_request
from deixis.web.schemas import ErrorResponse, SegmentRequest, SegmentResponse
from deixis.web.work import Job, WorkQueue

API_VERSION = "1"
NO_CACHE = {"Cache-Control": "no-store"}


class Service:
    """What the routes share: the segmenter behind its queue, and the pictures that were sent."""

    def __init__(self, segmenter: Segmenter, limits: ServeConfig) -> None:
        self.segmenter, self.limits = segmenter, limits
        self.cache = FeaturesCache(limits.pictures, limits.picture_seconds)
        self.queue = WorkQueue(segmenter, limits.workers, limits.waiting)
        self.metrics = Metrics(
            {
                "queue_waiting": ("Requests that wait for a worker.", lambda: len(self.queue)),
                "pictures_kept": ("Encoded pictures in memory.", lambda: len(self.cache)),
                "picture_hits_total": ("Requests whose picture was still there.", lambda: self.cache.hits),
                "picture_misses_total": ("Requests whose picture was forgotten.", lambda: self.cache.misses),
            }
        )

    async def segment(self, asked: SegmentRequest, data: bytes | None) -> SegmentResponse:
        """Encode where needed, and answer.

        Raises:
            Problem: the picture was forgotten, or too many requests wait.
            InputError: the picture cannot be read, or a phrase has no known word.
        """
        kept = self.cache.get(asked.image_id) if asked.image_id is not None else None
        if data is None and kept is None:
            raise Problem(404, "picture_forgotten", "this picture is not (or no longer) here; send it again")

        def features() -> Features:
            side = self.segmenter.config.input_size
            return kept or self.segmenter.encode_image(decode_photo(data or b"", self.limits.max_pixels, side))

        job = Job(features, asked.phrases, functools.partial(self._finish, asked), asked.image_id)
        answer: SegmentResponse = await asyncio.wrap_future(self.queue.submit(job))
        answer.milliseconds = {name: round(value, 2) for name, value in job.milliseconds.items()}
        return answer

    def _finish(self, asked: SegmentRequest, features: Features, grids: Mapping[str, FloatArray]) -> SegmentResponse:
        told = answers.results(self.segmenter, asked, features, grids)
        name = asked.image_id or self.cache.put(features)
        return SegmentResponse(
            image_id=name, height=features.height, width=features.width, results=told, milliseconds={}
        )


def create_app(segmenter: Segmenter, limits: ServeConfig | None = None, token: str = "") -> FastAPI:
    """The server as an ASGI application; its threads end with its lifespan.

    Args:
        segmenter: answers.
        limits: of requests.
        token: that ``Authorization: Bearer`` must carry for /v1/ and /metrics; empty for none.
    """
    service = Service(segmenter, limits or ServeConfig())

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.queue.close)

    # No page of API documentation: FastAPI's loads its scripts from elsewhere. /openapi.json has it all.
    app = FastAPI(
        title="deixis", version=API_VERSION, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    _add_routes(app, service)
    page.add_routes(app)
    _add_errors(app)
    app.add_middleware(Guard, limits=service.limits, token=token)
    app.add_middleware(Observed, metrics=service.metrics)  # added last, runs first
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorResponse} for status in (400, 401, 404, 408, 413, 415, 422, 503)
    }

    body = _body_schema(service.limits)

    @app.post("/v1/segment", response_model_exclude_none=True, responses=refusals, openapi_extra=body)
    async def segment(request: Request, response: Response) -> SegmentResponse:
        """Segment one picture by phrases, or ask a picture that was sent before."""
        response.headers.update(NO_CACHE)
        return await service.segment(*await read_request(request, service.limits))

    @app.get("/health")
    async def health() -> dict[str, str | int]:
        """That the server answers, and how large a request and a picture may be."""
        limits = service.limits
        return {"status": "ok", "max_bytes": limits.max_bytes, "max_pixels": limits.max_pixels}

    @app.get("/metrics", response_class=PlainTextResponse, responses={401: {"model": ErrorResponse}})
    async def metrics() -> PlainTextResponse:
        """Counters for Prometheus."""
        return PlainTextResponse(service.metrics.text(), media_type=CONTENT_TYPE)


def _body_schema(limits: ServeConfig) -> dict[str, Any]:
    """The two forms of a request's body; FastAPI describes one only when it reads it itself."""
    plain = SegmentRequest.model_json_schema()
    fields = plain["properties"]
    fields["include"]["items"] = plain.pop("$defs")["Include"]  # OpenAPI resolves from the document's root
    fields["phrases"]["maxItems"] = limits.max_phrases
    fields["phrases"]["items"]["maxLength"] = limits.max_phrase_length
    for name in ("image", "image_id"):
        fields[name] = {"type": "string", "description": fields[name]["description"]}
    plain["oneOf"] = [{"required": ["image"]}, {"required": ["image_id"]}]
    form = copy.deepcopy(plain)
    form["properties"]["image"] = {"type": "string", "format": "binary", "description": "The file."}
    content = {MULTIPART: {"schema": form}, JSON: {"schema": plain}}
    return {"requestBody": {"required": True, "content": content}}


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def refused(request: Request, problem: Problem) -> Response:
        return problem.response()

    @app.exception_handler(InputError)
    async def bad_input(request: Request, error: InputError) -> Response:
        code = "bad_picture" if isinstance(error, ImageError) else "bad_phrase"
        return Problem(422, code, str(error)).response()

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "http_error")
        return Problem(error.status_code, code, str(error.detail), headers=error.headers).response()
