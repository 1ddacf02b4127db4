"""POST /v1/segment and the other routes."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra [web] is not installed")

from fastapi.testclient import TestClient
from PIL import Image

from deixis.config import ServeConfig
from deixis.masks import decode_rle
from deixis.web.app import create_app
from fakes import ColourBackend, colour_segmenter
from webserver import RED_LEFT, BrokenBackend, png

PATH = "/v1/segment"


@pytest.fixture
def backend() -> ColourBackend:
    return ColourBackend()


@pytest.fixture
def client(backend: ColourBackend) -> Iterator[TestClient]:
    with TestClient(create_app(colour_segmenter(backend))) as client:
        yield client


def send(client: TestClient, **fields: object) -> dict:
    answer = client.post(PATH, files={"image": ("a.png", png())}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_form_gives_what_the_segmenter_says(client: TestClient) -> None:
    answer = send(client, phrases=["red", "blue thing"])
    assert (answer["height"], answer["width"]) == (60, 100)
    assert [result["phrase"] for result in answer["results"]] == ["red", "blue thing"]
    expected = colour_segmenter().segment(RED_LEFT, "red")
    red, blue = answer["results"]
    assert np.array_equal(decode_rle(red["mask"]["segmentation"]), expected.mask)
    assert red["score"] == pytest.approx(expected.score, abs=1e-6)
    assert red["mask"]["share"] == pytest.approx(expected.share, abs=1e-6)
    assert red["mask"]["bbox"] == [0, 0, np.flatnonzero(expected.mask.any(0))[-1] + 1, 60]
    assert blue["mask"]["share"] == 0 and blue["mask"]["bbox"] == [0, 0, 0, 0]
    assert set(answer["milliseconds"]) == {"wait", "image", "phrases"}


def test_json_gives_the_same_as_a_form(client: TestClient) -> None:
    form = send(client, phrases="red")
    text = base64.b64encode(png()).decode()
    for image in (text, f"data:image/png;base64,{text}"):
        answer = client.post(PATH, json={"image": image, "phrases": ["red"]})
        assert answer.status_code == 200
        assert answer.json()["results"] == form["results"]


def test_a_picture_is_encoded_once_for_all_later_phrases(client: TestClient, backend: ColourBackend) -> None:
    first = send(client)
    assert first["results"] == []
    for phrase in ("red", "green"):
        answer = client.post(PATH, json={"image_id": first["image_id"], "phrases": [phrase]}).json()
        assert answer["image_id"] == first["image_id"] and answer["results"][0]["phrase"] == phrase
    assert backend.encoded == 1


def test_names_of_pictures_cannot_be_guessed(client: TestClient) -> None:
    names = {send(client)["image_id"] for _ in range(5)}
    assert len(names) == 5 and all(len(base64.urlsafe_b64decode(name + "==")) == 16 for name in names)


def test_the_threshold_moves_the_mask(client: TestClient) -> None:
    low, high = (send(client, phrases="red", threshold=value)["results"][0]["mask"]["share"] for value in (0.01, 0.99))
    assert low > high


def test_the_probability_is_a_grey_picture(client: TestClient) -> None:
    (result,) = send(client, phrases="red", include=["probability"])["results"]
    assert "mask" not in result
    with Image.open(io.BytesIO(base64.b64decode(result["probability"]))) as image:
        assert image.mode == "L" and image.size == (100, 60)
        expected = colour_segmenter().segment(RED_LEFT, "red").probability
        assert np.abs(np.asarray(image) / 255 - expected).max() <= 0.5 / 255 + 1e-6


def test_grids_are_half_floats_of_the_network(client: TestClient) -> None:
    (result,) = send(client, phrases="red", include=["grids"])["results"]
    grids, segmenter = result["grids"], colour_segmenter()
    expected = segmenter.grids(segmenter.encode_image(RED_LEFT), ["red"])
    got = {"logits": grids["logits"], **grids["terms"]}
    assert set(got) == {"logits", "p1", "p2"} and grids["side"] == segmenter.config.input_size
    for name, text in got.items():
        values = np.frombuffer(base64.b64decode(text), "<f2").reshape(grids["shape"])
        assert np.array_equal(values, expected[name][0].astype(np.float16))


def test_the_explanation_tells_words_classes_and_weights(client: TestClient) -> None:
    (result,) = send(client, phrases="red, zzz!", include=["explanation"])["results"]
    told = result["explanation"]
    assert [(word["token"], word["understood"]) for word in told["words"]] == [
        ("red", "known"), (",", "ignored"), ("zzz", "ignored"), ("!", "ignored"),
    ]  # fmt: skip
    assert told["categories"][0] == {"name": "red", "probability": 1.0}
    assert {item["name"] for item in told["categories"]} == {"red", "green", "none"}
    assert told["weights"] == colour_segmenter().explain(RED_LEFT, "red").terms["weights"]


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({}, 422, "one_picture", ["image_id", "neither"]),
        ({"image": "AAAA", "image_id": "x"}, 422, "one_picture", ["both"]),
        ({"image": "%%%"}, 422, "bad_base64", ["image", "base64"]),
        ({"image": "AAAA"}, 422, "bad_picture", ["not an image", "JPEG"]),
        ({"image": base64.b64encode(png()[:100]).decode()}, 422, "bad_picture", ["damaged"]),
        ({"image_id": "nobody"}, 404, "picture_forgotten", ["send it again"]),
        ({"image_id": "../../etc/passwd"}, 404, "picture_forgotten", []),
        ({"phrases": "red"}, 422, "bad_field", ["phrases", "array"]),
        ({"phrases": [1]}, 422, "bad_field", ["phrases.0", "string"]),
        ({"threshold": 2}, 422, "bad_field", ["threshold", "2"]),
        ({"include": ["all"]}, 422, "bad_field", ["include.0", "mask"]),
        ({"path": "/etc/passwd"}, 422, "bad_field", ["path", "not permitted"]),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    client: TestClient, body: dict, status: int, code: str, words: list[str]
) -> None:
    answer = client.post(PATH, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert all(word in error["message"] for word in words)


def test_phrases_without_a_known_word_are_refused(client: TestClient) -> None:
    name = send(client)["image_id"]
    for phrase, word in (("qqq", "'qqq'"), (" ", "blanks")):
        answer = client.post(PATH, json={"image_id": name, "phrases": ["red", phrase]})
        assert answer.status_code == 422 and answer.json()["error"]["code"] == "bad_phrase"
        assert word in answer.json()["error"]["message"]


def test_bodies_of_other_kinds_are_refused(client: TestClient) -> None:
    answer = client.post(PATH, content=png(), headers={"content-type": "image/png"})
    assert answer.status_code == 415
    assert answer.json()["error"]["got"] == "image/png" and "multipart" in answer.json()["error"]["expected"]
    form = "multipart/form-data"
    for content, kind in ((b"{", "application/json"), (b"x", form), (b"x", f"{form}; boundary=b")):
        answer = client.post(PATH, content=content, headers={"content-type": kind})
        assert answer.status_code in (400, 422) and answer.json()["error"]["message"]


def test_files_in_other_fields_are_refused(client: TestClient) -> None:
    answer = client.post(PATH, files={"photo": ("a.png", png())})
    assert (answer.status_code, answer.json()["error"]["expected"]) == (422, "image")
    two = client.post(PATH, files=[("image", ("a.png", png())), ("image", ("b.png", png()))])
    assert two.status_code == 400 and "many files" in two.json()["error"]["message"]
    text = client.post(PATH, data={"image": "text"}, files={"nothing": (None, "x")})
    assert text.status_code == 422


def test_a_failure_is_told_without_its_insides() -> None:
    with TestClient(create_app(colour_segmenter(BrokenBackend())), raise_server_exceptions=False) as client:
        answer = client.post(PATH, files={"image": ("a.png", png())}, data={"phrases": "red"})
        assert answer.status_code == 500 and answer.json()["error"]["code"] == "failed"
        assert "broken" not in answer.text and "content-security-policy" in answer.headers
        assert client.post(PATH, files={"image": ("a.png", png())}).status_code == 200  # the worker lives on


def test_other_routes(client: TestClient) -> None:
    limits = ServeConfig()
    health = {"status": "ok", "max_bytes": limits.max_bytes, "max_pixels": limits.max_pixels}
    assert client.get("/health").json() == health
    for path in ("/nothing", "/../app.py", "/%2e%2e/app.py", "/examples/", "/static/index.html", "//etc/passwd"):
        answer = client.get(path)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found", path
    for path, method in ((PATH, "GET"), ("/health", "PUT"), ("/", "POST")):
        answer = client.request(method, path)
        assert answer.status_code == 405 and answer.json()["error"]["code"] == "wrong_method", path
        assert answer.headers["allow"] and method not in answer.headers["allow"]
    for path in ("/metrics/", "/health/", PATH + "/"):
        assert client.get(path, follow_redirects=False).status_code == 404


def test_the_description_has_both_bodies_and_all_refusals(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"][PATH]["post"]
    bodies = described["requestBody"]["content"]
    assert set(bodies) == {"multipart/form-data", "application/json"}
    assert bodies["multipart/form-data"]["schema"]["properties"]["image"]["format"] == "binary"
    assert {"200", "401", "404", "408", "413", "415", "422", "503"} <= set(described["responses"])


def test_the_description_can_be_read_alone_and_tells_the_limits(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(described)))
    assert references and all(ref.startswith("#/components/schemas/") for ref in references)
    assert {ref.rpartition("/")[2] for ref in references} <= set(described["components"]["schemas"])
    for content in described["paths"][PATH]["post"]["requestBody"]["content"].values():
        assert content["schema"]["oneOf"] == [{"required": ["image"]}, {"required": ["image_id"]}]
        phrases = content["schema"]["properties"]["phrases"]
        assert (phrases["maxItems"], phrases["items"]["maxLength"]) == (16, 200)


def test_the_page_and_its_files(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script>" not in answer.text and "style=" not in answer.text and "http://" not in answer.text
    script = client.get("/app.js")
    assert script.headers["content-type"].startswith("text/javascript")
    again = client.get("/app.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/examples/coffee.jpg").headers["content-type"] == "image/jpeg"


def test_metrics_count_requests_and_pictures(client: TestClient) -> None:
    name = send(client, phrases="red")["image_id"]
    client.post(PATH, json={"image_id": name, "phrases": ["red"]})
    client.post(PATH, json={"image_id": "gone"})
    client.get("/some/path/of/mine")
    lines = client.get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values['deixis_requests_total{route="/v1/segment",status="200"}'] == "2"
    assert values['deixis_requests_total{route="/v1/segment",status="404"}'] == "1"
    assert values['deixis_requests_total{route="other",status="404"}'] == "1"
    assert values['deixis_request_seconds_bucket{route="/v1/segment",le="+Inf"}'] == "3"
    assert float(values['deixis_request_seconds_sum{route="/v1/segment"}']) > 0
    assert values["deixis_in_flight_requests"] == "1"  # this one
    assert (values["deixis_picture_hits_total"], values["deixis_picture_misses_total"]) == ("1", "1")
    assert (values["deixis_pictures_kept"], values["deixis_queue_waiting"]) == ("1", "0")
    bucket = 'deixis_request_seconds_bucket{route="/v1'
    buckets = [int(value) for name, value in values.items() if name.startswith(bucket)]
    assert buckets == sorted(buckets)
