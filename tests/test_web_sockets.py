"""What strangers may send over a real socket: slowly, in pieces, half, twice, or what is not HTTP at all."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra [web] is not installed")

from deixis.web import guard
from fakes import colour_segmenter
from webserver import png, serving, until

TOKEN = "secret"
ASK = json.dumps({"image": base64.b64encode(png()).decode(), "phrases": ["red"]}).encode()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server that asks for a token."""
    with serving(colour_segmenter(), TOKEN) as (_, port, _):
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def told(port: int, request: bytes) -> bytes:
    """All that the server says to these bytes until it closes."""
    with connect(port) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def head(answer: bytes) -> list[bytes]:
    """Status line and headers in lower case."""
    return answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(target: str | bytes, *headers: bytes) -> bytes:
    target = target.encode() if isinstance(target, str) else target
    return b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers, b"", b""))


def post(body: bytes, kind: bytes, *headers: bytes) -> bytes:
    lines = (b"POST /v1/segment HTTP/1.1", b"Host: x", b"Connection: close", b"Authorization: Bearer secret")
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((*lines, b"Content-Type: " + kind, length, *headers, b"", body))


def alive(port: int) -> bool:
    return status(told(port, post(ASK, b"application/json"))) == 200


# --- patience ----------------------------------------------------------------------------------------------------


def drip(connection: socket.socket) -> bytes:
    """Send a header that never ends, a byte at a time, until the server says something."""
    connection.settimeout(0.02)
    for _ in range(500):
        try:
            connection.sendall(b"x")
            return connection.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return b""
    raise AssertionError("the server takes whatever comes")


def test_a_head_that_drips_is_cut_off_and_harms_nobody() -> None:
    with serving(colour_segmenter(), TOKEN, head_seconds=0.3) as (_, port, _), connect(port) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
        assert alive(port)
        assert drip(slow).startswith(b"HTTP/1.1 408")


def test_the_head_of_a_second_request_may_not_drip_either() -> None:
    with serving(colour_segmenter(), head_seconds=0.3) as (_, port, _), connect(port) as slow:
        slow.sendall(get("/health").replace(b"close", b"keep-alive"))
        answer = b""
        while not answer.endswith(b"}"):
            answer += slow.recv(65536)
        assert status(answer) == 200
        slow.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
        assert drip(slow).startswith(b"HTTP/1.1 408")


def test_who_connects_and_says_nothing_is_cut_off() -> None:
    with serving(colour_segmenter(), TOKEN, head_seconds=0.3) as (_, port, server):
        silent = [connect(port) for _ in range(50)]
        try:
            assert alive(port)
            for connection in silent:
                assert connection.recv(100).startswith(b"HTTP/1.1 408") and connection.recv(100) == b""
            until(lambda: not server.server_state.connections)
        finally:
            for connection in silent:
                connection.close()


def test_a_request_that_takes_longer_than_a_head_may_is_answered() -> None:
    with serving(colour_segmenter(), head_seconds=0.1) as (_, port, _), connect(port) as connection:
        request = post(ASK, b"application/json")
        connection.sendall(request[:-10])
        with pytest.raises(TimeoutError):
            connection.settimeout(0.5)
            connection.recv(1)
        connection.settimeout(20)
        connection.sendall(request[-10:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_who_does_not_take_the_answer_is_cut_off() -> None:
    with serving(colour_segmenter(), TOKEN, answer_seconds=0.3) as (_, port, server), connect(port) as lazy:
        more = get("/app.js", b"").replace(b"close", b"keep-alive")
        sent = 0

        def gone() -> bool:
            nonlocal sent
            try:
                sent += lazy.send(more * 20)
            except OSError:
                return True
            return False

        lazy.setblocking(False)
        until(lambda: gone() and not server.server_state.connections)
        assert sent and alive(port)


def test_half_a_request_and_gone_leaves_nothing_behind() -> None:
    with serving(colour_segmenter(), TOKEN) as (_, port, server):
        request = post(ASK, b"application/json")
        for end in (0, 1, 30, request.index(b"\r\n\r\n") + 3, len(request) - 10):
            with connect(port) as connection:
                connection.sendall(request[:end])
        assert alive(port)
        until(lambda: not server.server_state.connections and not server.server_state.tasks)


def test_many_small_requests_are_all_answered(port: int) -> None:
    def ask(_: int) -> list[int]:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        statuses = []
        for path in ("/health", "/nothing", "/metrics") * 20:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert all(statuses == [200, 404, 401] * 20 for statuses in pool.map(ask, range(8)))


def test_requests_that_are_sent_before_the_answer_are_answered_in_order(port: int) -> None:
    kept = get("/health").replace(b"close", b"keep-alive")
    answer = told(port, kept * 20 + get("/nothing"))
    assert answer.count(b"HTTP/1.1 200") == 20 and answer.rindex(b"HTTP/1.1 404") > answer.rindex(b"HTTP/1.1 200")


# --- what is not a good request ----------------------------------------------------------------------------------

PLAIN = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60,
        b"GET\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        PLAIN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        PLAIN + b"Content-Length: -1\r\n\r\n{}",
        PLAIN + b"Content-Length: +2\r\n\r\n{}",
        PLAIN + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        PLAIN + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        PLAIN + b"Transfer-Encoding: gzip\r\n\r\n{}",
        PLAIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(port: int, request_bytes: bytes) -> None:
    assert status(told(port, request_bytes)) in (400, 413, 431, 501)
    assert alive(port)


def test_a_head_without_end_is_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                connection.sendall(b"a" * 65536)
    assert alive(port)


def test_a_length_beside_chunks_does_not_smuggle_a_second_request(port: int) -> None:
    inner = get("/metrics", b"Authorization: Bearer secret")
    request = PLAIN + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(inner)) + inner
    answer = told(port, request)
    assert status(answer) == 400 and answer.count(b"HTTP/1.1") == 1


FORM = b'--a\r\nContent-Disposition: form-data; name="%s"\r\n\r\n\r\n--a--'


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (b"text/plain", b"{}", 415),
        (b"", b"{}", 415),
        (b"image/png", png(), 415),
        (b"application/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", 415),
        (b"application/x-www-form-urlencoded", b"image=a", 415),
        (b"application/json; charset=utf-16", ASK.decode().encode("utf-16"), 422),
        (b"application/json", b"", 422),
        (b"application/json", b"[" * 100_000, 422),
        (b"application/json", b'{"image_id": NaN}', 422),
        (b"application/json", b"\xff\xfe", 422),
        (b"application/json", b'{"phrases": ["\\ud800"], "image_id": "a"}', 422),
        (b"multipart/form-data", b"--a--", 400),
        (b"multipart/form-data; boundary=" + b"b" * 9000, b"--a--", 400),
        (b"multipart/form-data; boundary=a", b"--b\r\n\r\n", 400),
        (b"multipart/form-data; boundary=\xff", b"--b\r\n\r\n", 400),
        (
            b"multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n--a--',
            422,
        ),
    ],
)
def test_bodies_of_other_kinds_are_refused_with_a_reason(port: int, kind: bytes, body: bytes, expected: int) -> None:
    answer = told(port, post(body, kind))
    assert status(answer) == expected
    assert {"code", "message"} <= json.loads(answer.partition(b"\r\n\r\n")[2])["error"].keys()


# --- what may not get out ----------------------------------------------------------------------------------------

TRICKS = (
    *("/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd", "//etc/passwd"),
    *("/static/../app.py", "/examples/../../app.py", "/%2fetc%2fpasswd", "/app.js%00.css", "/....//....//etc/passwd"),
    *("/..\\..\\etc\\passwd", "/%252e%252e%252fetc%252fpasswd", "file:///etc/passwd", "/%ff%fe", "/" + "a" * 20_000),
)


@pytest.mark.parametrize("target", TRICKS)
def test_no_path_leads_out_of_the_pages_own_files(port: int, target: str) -> None:
    answer = told(port, get(target))
    assert status(answer) in (400, 404) and b"root:" not in answer and b"import" not in answer


WAYS = (
    *("/metrics", "//metrics", "/./metrics", "/x/../metrics", "/%6detrics", "/metrics/", "/metrics%2f", "/metrics;a"),
    *("/METRICS", "/metrics?a", "/metrics%3fa", "http://x/metrics", "/metrics%00", "/v1/../metrics"),
)
INJECTIONS = ("/x%0d%0aSet-Cookie:%20a=b", "/metrics/%0aSet-Cookie:%20a=b", "/?%0d%0aSet-Cookie:a=b")


@pytest.mark.parametrize("target", WAYS)
def test_no_way_of_writing_a_path_goes_past_the_token(port: int, target: str) -> None:
    answer = told(port, get(target))
    assert status(answer) in (400, 401, 404) and b"deixis_" not in answer


@pytest.mark.parametrize(
    "target", ["/x%0d%0aSet-Cookie:%20a=b", "/metrics/%0aSet-Cookie:%20a=b", "/?%0d%0aSet-Cookie:a=b"]
)
def test_nothing_of_a_request_becomes_a_header(port: int, target: str) -> None:
    tricks = [b"X-Forwarded-Host: evil", b"Origin: http://evil", b'If-None-Match: "\\r\\nSet-Cookie: a=b"']
    for answer in (told(port, get(target, *tricks)), told(port, post(ASK, b"text/x\tSet-Cookie: a=b", *tricks))):
        assert not [line for line in head(answer) if line.startswith(b"set-cookie") or b"evil" in line]


def test_other_sites_may_not_ask(port: int) -> None:
    """Without CORS headers a browser gives the answer to no other page, and asks before it sends JSON or a token."""
    asked = (b"Origin: http://evil", b"Access-Control-Request-Method: POST")
    for request in (get("/health", *asked), get("/v1/segment", *asked).replace(b"GET", b"OPTIONS")):
        answer = told(port, request)
        assert not [line for line in head(answer) if line.startswith(b"access-control-")]
    assert status(answer) in (401, 405)


def test_answers_that_are_no_answers_have_the_security_headers_too(port: int) -> None:
    for request in (get("/metrics"), get("/nothing"), post(b"{", b"application/json"), post(b"", b"text/plain")):
        lines = head(told(port, request))
        assert b"x-content-type-options: nosniff" in lines and not any(line.startswith(b"server:") for line in lines)


def test_the_token_is_compared_in_constant_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    right = guard.secrets.compare_digest

    def recorded(given: Any, expected: Any) -> bool:
        compared.append((given, expected))
        return right(given, expected)

    monkeypatch.setattr(guard.secrets, "compare_digest", recorded)
    for given in (b"wrong", b"s", b"secret"):
        told(port, get("/metrics", b"Authorization: Bearer " + given))
    assert compared == [(b"wrong", b"secret"), (b"s", b"secret"), (b"secret", b"secret")]
