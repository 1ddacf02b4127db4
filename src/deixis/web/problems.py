"""How a request is refused: a status, and JSON that says what was expected and what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class Problem(Exception):  # noqa: N818 - an answer to the client, not a failure of the program
    """A request that is answered with 4xx or 503.

    Args:
        status: HTTP status.
        code: short name for programs, such as "too_many_phrases".
        message: for people: what is wrong and what to do.
        expected, got: the two sides of it, where there are two.
        headers: to send along, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        expected: str | int | None = None,
        got: str | int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.expected, self.got = expected, got
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        for name, value in (("expected", self.expected), ("got", self.got)):
            if value is not None:
                error[name] = value
        return JSONResponse({"error": error}, self.status, self.headers)


def busy(message: str) -> Problem:
    """503: come back in a second."""
    return Problem(503, "busy", message, headers={"Retry-After": "1"})
