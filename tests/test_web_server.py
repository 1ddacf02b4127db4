"""The server as clients meet it: real sockets, slow and oversized bodies, and its end."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("fastapi", reason="the extra [web] is not installed")

from commands import Run, refused
from deixis.config import ServeConfig
from deixis.web.server import address, listen
from fakes import colour_segmenter
from webserver import HeldBackend, png, serving, until

HEAD = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def post(host: str, port: int) -> dict:
    body = json.dumps({"image": base64.b64encode(png()).decode(), "phrases": ["red"]}).encode()
    request = Request(f"http://{host}:{port}/v1/segment", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def read_all(connection: socket.socket) -> bytes:
    connection.settimeout(20)
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def test_a_large_body_is_refused_before_it_is_sent() -> None:
    with serving(colour_segmenter()) as (host, port, _), socket.create_connection((host, port)) as connection:
        connection.sendall(HEAD % 200_000_000)
        answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 413") and b"at most 20,000,000 bytes" in answer


def test_a_body_that_drips_is_cut_off_and_harms_nobody() -> None:
    with serving(colour_segmenter(), body_seconds=0.3) as (host, port, _):
        with socket.create_connection((host, port)) as connection:
            connection.sendall(HEAD % 100 + b"{")
            assert post(host, port)["results"][0]["phrase"] == "red"
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 408") and b"body_too_slow" in answer


def test_too_many_uploads_at_once_are_told_to_wait() -> None:
    with serving(colour_segmenter(), uploads=1) as (host, port, _), socket.create_connection((host, port)) as slow:
        slow.sendall(HEAD % 100 + b"{")

        def second() -> bytes:
            with socket.create_connection((host, port)) as connection:
                connection.sendall(HEAD % 100 + b"{}" + b" " * 98)
                return read_all(connection)

        until(lambda: second().startswith(b"HTTP/1.1 503"))
        slow.sendall(b"}" + b" " * 98)
        assert slow.recv(65536).startswith(b"HTTP/1.1 422")


def test_a_client_that_leaves_in_the_middle_harms_nobody() -> None:
    with serving(colour_segmenter()) as (host, port, _):
        with socket.create_connection((host, port)) as connection:
            connection.sendall(HEAD % 1000 + b"{")
        assert post(host, port)["results"][0]["phrase"] == "red"


def test_the_end_lets_running_requests_finish() -> None:
    backend = HeldBackend()
    with ThreadPoolExecutor(1) as pool, serving(colour_segmenter(backend)) as (host, port, server):
        running = pool.submit(post, host, port)
        assert backend.started.wait(20)
        server.should_exit = True
        until(lambda: not server.servers[0].is_serving() if server.servers else True)
        with pytest.raises(OSError):
            urlopen(f"http://{host}:{port}/health", timeout=5)
        backend.go.set()
        assert running.result(20)["results"][0]["phrase"] == "red"


def test_an_address_in_use_is_a_clear_error(run: Run) -> None:
    with listen("127.0.0.1", 0) as sock:
        assert address(sock).startswith("http://127.0.0.1:")
        refused(run("serve", "--port", sock.getsockname()[1]), "127.0.0.1", "in use", "--port")


def test_bad_tokens_and_limits_are_clear_errors(run: Run, tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text(" \n")
    binary.write_bytes(b"\xff\xfe\xff")
    refused(run("serve", "--token-file", empty), "empty", "token")
    refused(run("serve", "--token-file", binary), "binary", "text")
    refused(run("serve", "--token-file", tmp_path / "none"), "none")


def test_the_container_opens_the_default_port_and_not_as_root() -> None:
    lines = (Path(__file__).resolve().parent.parent / "Containerfile").read_text().splitlines()
    port = ServeConfig().port
    assert f"EXPOSE {port}" in lines and any(f"127.0.0.1:{port}/health" in line for line in lines)
    (user,) = [line.split()[1] for line in lines if line.startswith("USER")]
    assert user == "999" and any(f"useradd --system --uid {user} " in line for line in lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_the_bundled_model_and_ends_well(tmp_path: Path, number: int) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "deixis", "serve", "--port", "0", "--token-file", str(token)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DEIXIS_TOKEN": "other"},
    )
    with process:
        assert process.stdout is not None and process.stderr is not None
        url = process.stdout.readline().split()[1]
        assert url.startswith("http://127.0.0.1:")
        with urlopen(url + "health", timeout=30) as answer:
            assert json.load(answer)["status"] == "ok"
        with urlopen(Request(url + "metrics", headers={"Authorization": "Bearer secret"}), timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
