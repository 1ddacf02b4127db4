"""Limits, the token, security headers, the cache of pictures and the queue."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

pytest.importorskip("fastapi", reason="the extra [web] is not installed")

from fastapi.testclient import TestClient

from deixis.config import ServeConfig
from deixis.errors import ConfigError, PhraseError
from deixis.web.app import create_app
from deixis.web.cache import FeaturesCache
from deixis.web.problems import Problem
from deixis.web.work import Job, WorkQueue
from fakes import ColourBackend, colour_segmenter
from webserver import RED_LEFT, HeldBackend, png, until

PATH = "/v1/segment"
SMALL = ServeConfig(max_bytes=5000, max_pixels=10_000, max_phrases=2, max_phrase_length=10)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(colour_segmenter(), SMALL)) as client:
        yield client


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is very large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("content", "fields", "status", "expected", "got"),
    [
        (b"x" * 6000, {}, 413, "at most 5,000 bytes", "bytes"),
        (png(), {"phrases": ["red"] * 3}, 422, "at most 2 phrases", 3),
        (png(), {"phrases": ["r" * 11]}, 422, "at most 10 characters", "11"),
    ],
)
def test_what_is_too_much_is_refused(
    client: TestClient, content: bytes, fields: dict, status: int, expected: str, got: object
) -> None:
    answer = client.post(PATH, files={"image": ("a.png", content)}, data=fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["expected"]) == (status, expected)
    assert error["got"] == got or str(got) in str(error["got"])


@pytest.mark.parametrize(("width", "height"), [(101, 100), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_large_pictures_are_refused_before_they_are_decoded(client: TestClient, width: int, height: int) -> None:
    answer = client.post(PATH, files={"image": ("a.png", bomb(width, height))})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_picture")
    assert "10,000 pixels" in answer.json()["error"]["message"]


def test_a_body_without_a_length_is_counted_as_it_comes(client: TestClient) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b"x" * 1000

    answer = client.post(PATH, content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413 and answer.headers["connection"] == "close"


def test_impossible_limits_are_refused() -> None:
    for name, value in (("workers", 0), ("max_bytes", -1), ("port", 70_000), ("body_seconds", float("nan"))):
        with pytest.raises(ConfigError, match=name):
            replace(ServeConfig(), **{name: value})


def test_security_headers_are_on_every_answer(client: TestClient) -> None:
    answers = [client.get("/"), client.get("/nothing"), client.get("/health"), client.post(PATH, content=b"x" * 6000)]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


# --- token -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Basic secret", "Bearer secrets", "Bearer sécret"])
def test_without_the_token_nothing_is_answered(given: str | None) -> None:
    backend = ColourBackend()
    with TestClient(create_app(colour_segmenter(backend), token="secret")) as client:
        headers = {"Authorization": given.encode()} if given else {}
        for answer in (
            client.post(PATH, files={"image": ("a.png", png())}, headers=headers),
            client.get("/metrics", headers=headers),
        ):
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == "token_needed" and "secret" not in answer.text
        assert client.get("/").status_code == client.get("/health").status_code == 200
    assert backend.encoded == 0


def test_with_the_token_all_is_answered() -> None:
    with TestClient(create_app(colour_segmenter(), token="secret")) as client:
        headers = {"Authorization": "bearer secret"}
        assert client.post(PATH, files={"image": ("a.png", png())}, headers=headers).status_code == 200
        assert client.get("/metrics", headers=headers).status_code == 200


# --- cache -------------------------------------------------------------------------------------------------------


def test_pictures_are_forgotten_when_not_used() -> None:
    now = [0.0]
    cache = FeaturesCache(pictures=3, seconds=10, clock=lambda: now[0])
    features = colour_segmenter().encode_image(RED_LEFT)
    used, unused = cache.put(features), cache.put(features)
    now[0] = 8
    assert cache.get(used) is features
    now[0] = 12
    assert cache.get(unused) is None and cache.get(used) is features
    assert (len(cache), cache.hits, cache.misses) == (1, 2, 1)
    now[0] = 23
    assert len(cache) == 0


def test_of_too_many_pictures_the_least_used_goes() -> None:
    cache = FeaturesCache(pictures=2, seconds=10)
    features = colour_segmenter().encode_image(RED_LEFT)
    first, second = cache.put(features), cache.put(features)
    cache.get(first)
    third = cache.put(features)
    assert [cache.get(name) is not None for name in (first, second, third)] == [True, False, True]


def test_a_forgotten_picture_is_asked_for_again() -> None:
    with TestClient(create_app(colour_segmenter(), ServeConfig(pictures=1))) as client:
        old, new = (client.post(PATH, files={"image": ("a.png", png())}).json()["image_id"] for _ in range(2))
        assert client.post(PATH, json={"image_id": old, "phrases": ["red"]}).status_code == 404
        assert client.post(PATH, json={"image_id": new, "phrases": ["red"]}).status_code == 200


# --- queue -------------------------------------------------------------------------------------------------------


def test_a_full_queue_says_when_to_come_back() -> None:
    backend = HeldBackend()
    app = create_app(colour_segmenter(backend), ServeConfig(workers=1, waiting=2))
    with TestClient(app) as client, ThreadPoolExecutor(8) as pool:
        ask = lambda: client.post(PATH, files={"image": ("a.png", png())}, data={"phrases": "red"})  # noqa: E731
        waiting = lambda: "deixis_queue_waiting 2" in client.get("/metrics").text  # noqa: E731
        running = pool.submit(ask)
        assert backend.started.wait(20)
        others = [pool.submit(ask) for _ in range(2)]
        until(waiting)
        refused = ask()
        assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["code"] == "busy"
        assert client.get("/health").status_code == 200
        backend.go.set()
        assert [future.result().status_code for future in (running, *others)] == [200, 200, 200]



def queue_with_held_worker() -> tuple[WorkQueue, HeldBackend]:
    backend = HeldBackend()
    segmenter = colour_segmenter(backend)
    queue = WorkQueue(segmenter, workers=1, waiting=100)
    queue.submit(Job(lambda: segmenter.encode_image(RED_LEFT), [], lambda features, grids: None))
    assert backend.started.wait(20)
    return queue, backend


def job(picture: str, *phrases: str) -> Job:
    features = colour_segmenter().encode_image(RED_LEFT)
    return Job(lambda: features, phrases, lambda _, grids: grids["score"].shape[0], picture)


def test_phrases_of_one_picture_are_answered_together_and_nobody_starves() -> None:
    queue, backend = queue_with_held_worker()
    jobs = [job("a", "red"), job("b", "red"), *(job("a", *["blue"] * 4) for _ in range(5))]
    futures = [queue.submit(item) for item in jobs]
    backend.go.set()
    assert [future.result(20) for future in futures] == [1, 1, 4, 4, 4, 4, 4]
    # "a" takes three of its five along, 13 of at most 16 phrases; then it is the turn of "b".
    assert backend.asked == [13, 1, 8]
    queue.close()


def test_a_bad_phrase_is_no_fault_of_the_others() -> None:
    queue, backend = queue_with_held_worker()
    good, bad, other = (queue.submit(job("a", phrase)) for phrase in ("red", "qqq", "green"))
    backend.go.set()
    assert (good.result(20), other.result(20)) == (1, 1)
    with pytest.raises(PhraseError, match="qqq"):
        bad.result(20)
    queue.close()


def test_who_left_is_not_worked_for() -> None:
    queue, backend = queue_with_held_worker()
    gone, there = queue.submit(job("a", "red")), queue.submit(job("b", "red"))
    assert gone.cancel()
    backend.go.set()
    assert there.result(20) == 1 and backend.asked == [1]
    queue.close()


def test_a_queue_that_closes_finishes_what_it_has_and_takes_no_more() -> None:
    queue, backend = queue_with_held_worker()
    waiting = queue.submit(job("a", "red"))
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(queue.close)
        backend.go.set()
        closing.result(20)
    assert waiting.result(0) == 1
    with pytest.raises(Problem) as refused:
        queue.submit(job("a", "red"))
    assert refused.value.status == 503
