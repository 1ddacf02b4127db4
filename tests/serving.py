"""A web server for tests, on this machine, that answers as it is told, well or badly."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What the server does when it is asked for a path.

    Attributes:
        body: the file's content.
        etag, modified: headers; "" for none.
        status: 200, or an error.
        send: bytes of the body that are sent before the connection is closed; None for all.
        length: what it says in Content-Length; None for the truth, "" for nothing.
        ranges: whether it knows Range at all.
        believes: whether it gives a range without looking at If-Range.
        location: where it redirects to.
    """

    body: bytes = b""
    etag: str = '"1"'
    modified: str = ""
    status: int = 200
    send: int | None = None
    length: str | None = None
    ranges: bool = True
    believes: bool = False
    location: str = ""


@dataclass
class Site:
    """A running server: ``answers`` by path, one a request, the last one for good; ``asked`` is what came."""

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range

    def serve(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url + path


@contextlib.contextmanager
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append((self.path, self.headers["Range"]))
            script = running.answers.get(self.path, [Answer(status=404)])
            answer = script.pop(0) if len(script) > 1 else script[0]
            self.respond(answer)

        def respond(self, answer: Answer) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
            same = answer.believes or self.headers["If-Range"] in (answer.etag, answer.modified)
            start = int(asked[1]) if asked and answer.ranges and same and answer.status == 200 else 0
            status = answer.status
            if start >= len(answer.body) > 0:
                status = 416
            elif start:
                status = 206
            body = answer.body[start:] if status in (200, 206) else b"sorry"
            self.send_response(302 if answer.location else status)
            headers = {"ETag": answer.etag, "Last-Modified": answer.modified, "Location": answer.location}
            headers["Content-Length"] = str(len(body)) if answer.length is None else answer.length
            if status == 206:
                headers["Content-Range"] = f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}"
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if answer.send is None else body[: answer.send])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Tests read the errors of the client."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    running = Site(f"http://127.0.0.1:{server.server_port}")
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
