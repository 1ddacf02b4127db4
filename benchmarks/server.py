"""Does the server stay fast and small while sixteen clients ask at once? See method.md.

    python benchmarks/server.py [--seconds 60] [--clients 16] [--json FILE]

Starts ``deixis serve`` on a free port of this machine, and asks it over loopback: one client alone, then all at once
for a bounded time, each sending a photograph with a phrase and then three further phrases of it. Meanwhile two clients
drip a byte a second, of a request's head and of a body, and one announces 200 MB. Errors, latencies, images a second
and the server's memory are told.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from machine import describe

from deixis.config import ServeConfig

PHOTO = Path(__file__).resolve().parent.parent / "examples" / "photos" / "astronaut.jpg"
PHRASES = ("woman in orange", "hair", "the flag")
WARM_UP = ServeConfig().pictures + 8  # rounds that also fill the cache of pictures, so that memory is steady after
ALONE = 30  # rounds of the single client
SAMPLES = 10  # of the memory
BOUNDARY = "deixis-benchmark"


@dataclass
class Tally:
    """Milliseconds of requests that sent a photograph, and of those that asked a further phrase; and failures."""

    photo: list[float] = field(default_factory=list)
    phrase: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def summary(self, seconds: float) -> dict[str, object]:
        rows = {
            name: {"n": len(times), "p50": round(_quantile(times, 50), 1), "p99": round(_quantile(times, 99), 1)}
            for name, times in (("photo_and_phrase_ms", self.photo), ("further_phrase_ms", self.phrase))
        }
        rates = {"images_per_second": round(len(self.photo) / seconds, 1), "errors": len(self.errors)}
        return {**rows, **rates, "seconds": round(seconds, 1)}


def _quantile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


class Client:
    """One connection that is kept."""

    def __init__(self, port: int, tally: Tally) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.tally = tally

    def round(self) -> None:
        """A photograph with a phrase, then further phrases of it."""
        answer = self._post(_form(PHRASES[0]), f"multipart/form-data; boundary={BOUNDARY}", self.tally.photo)
        for phrase in PHRASES:
            body = json.dumps({"image_id": answer.get("image_id", ""), "phrases": [phrase]}).encode()
            self._post(body, "application/json", self.tally.phrase)

    def _post(self, body: bytes, kind: str, times: list[float]) -> dict[str, str]:
        start = time.perf_counter()
        self.connection.request("POST", "/v1/segment", body, {"Content-Type": kind})
        response = self.connection.getresponse()
        content = response.read()
        times.append(1000 * (time.perf_counter() - start))
        if response.status != 200:
            self.tally.errors.append(f"{response.status} {content[:200]!r}")
            return {}
        answer: dict[str, str] = json.loads(content)
        return answer


def _form(phrase: str) -> bytes:
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    return b"".join(
        (
            f'{part}phrases"\r\n\r\n{phrase}\r\n{part}image"; filename="a.jpg"\r\n\r\n'.encode(),
            PHOTO.read_bytes(),
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
    )


def load(port: int, clients: int, seconds: float) -> Tally:
    tally = Tally()
    end = time.perf_counter() + seconds

    def run() -> None:
        client = Client(port, tally)
        while time.perf_counter() < end:
            client.round()

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(run) for _ in range(clients)]:
            future.result()
    return tally


def drip(port: int, start: bytes, stop: threading.Event) -> str:
    """Send a byte a second after this start until the server has enough of it; gives the status line."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(start)
        while not stop.wait(1):
            try:
                connection.sendall(b" ")
            except OSError:
                return "closed by the server"
            connection.settimeout(0.01)
            try:
                return connection.recv(64).split(b"\r\n")[0].decode() or "closed by the server"
            except TimeoutError:
                continue
    return "still there at the end"


def flood(port: int) -> str:
    """Announce and send 200 MB as fast as the server takes them; gives the status line, and how much it took."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(_head(200_000_000))
        try:
            while sent < 200_000_000:
                sent += connection.send(b"\0" * 65536)
        except OSError:
            pass  # cut off, which is what should happen
        try:
            line = connection.recv(64).split(b"\r\n")[0].decode()
        except OSError:
            line = "closed by the server"
    return f"{line} after {sent / 1e6:.1f} MB"


def _head(length: int) -> bytes:
    lines = ("POST /v1/segment HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}")
    return "\r\n".join((*lines, "", "")).encode()


def sample(process: int, seconds: float, stop: threading.Event) -> list[float]:
    """Memory at the start and ``SAMPLES`` times within the seconds."""
    taken = [resident(process)]
    while not stop.wait(seconds / SAMPLES):
        taken.append(resident(process))
    return taken


def resident(process: int) -> float:
    """Megabytes of memory that a process holds."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found.group(1)) / 1000 if found else float("nan")


def measure(port: int, process: int, clients: int, seconds: float) -> dict[str, object]:
    alone = Tally()
    client = Client(port, Tally())
    for _ in range(WARM_UP):
        client.round()
    client, start = Client(port, alone), time.perf_counter()
    for _ in range(ALONE):
        client.round()
    single = alone.summary(time.perf_counter() - start)
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        heads, bodies = (pool.submit(drip, port, start, stop) for start in (b"GET / HTTP/1.1\r\nX: ", _head(1000)))
        flooding = pool.submit(flood, port)
        memory = pool.submit(sample, process, seconds, stop)
        start = time.perf_counter()
        tally = load(port, clients, seconds)
        together = tally.summary(time.perf_counter() - start)
        stop.set()
        harm = {"a byte a second": bodies.result(), "a head, a byte a second": heads.result()}
        harm["200 MB"] = flooding.result()
    for error in (alone.errors + tally.errors)[:5]:
        print(error, file=sys.stderr)
    megabytes = [round(value) for value in memory.result()]
    return {"one_client": single, "together": together, "memory_mb": megabytes, "meanwhile": harm}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    load_before = round(os.getloadavg()[0], 2)
    command = [sys.executable, "-m", "deixis", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split()[1].rstrip("/").rpartition(":")[2])
            result = measure(port, process.pid, arguments.clients, arguments.seconds)
        finally:
            process.terminate()
    told = {"machine": describe(), "load_before": load_before, "clients": arguments.clients, **result}
    print(json.dumps(told, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
