"""The page in a real browser, on a real server with the bundled model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra [web] is not installed")

from PIL import Image

from deixis.masks import decode
from deixis.report.overlay import PALETTE
from deixis.segmenter import Segmenter
from deixis.web.static_files import STATIC
from webserver import browser_page, serving

PHOTO = STATIC / "examples" / "astronaut.jpg"
SAME = 0.002  # share of pixels that may differ: the page gets half floats

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.load(threads=1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browser_page() as page:
        yield page.context.browser


@pytest.fixture(scope="module")
def url(segmenter: Segmenter, browser: Any) -> Iterator[str]:
    with serving(segmenter, pictures=1) as (host, port, _):
        yield f"http://{host}:{port}/"


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    page = browser.new_page(accept_downloads=True)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    yield page
    page.close()
    assert problems == []


def ask(page: Any, phrase: str) -> None:
    chips = page.locator(".chip").count()
    page.get_by_label("What do you mean?").fill(phrase)
    page.keyboard.press("Enter")
    page.locator(".chip").nth(chips).wait_for()


def download(page: Any, name: str) -> Path:
    with page.expect_download() as loading:
        page.get_by_role("button", name=name).click()
    return Path(loading.value.path())


def test_a_photo_a_phrase_a_mask_and_downloads(page: Any, segmenter: Segmenter) -> None:
    page.set_input_files("#file", PHOTO)
    ask(page, "woman in orange")
    ask(page, "hair")
    page.get_by_role("button", name="woman in orange").first.click()
    assert "Found" in page.locator("#verdict").inner_text()
    assert "Found" in page.get_by_role("status").first.inner_text()

    expected = segmenter.segment(PHOTO, "woman in orange").mask
    with Image.open(download(page, "Mask")) as image:
        mask = np.asarray(image.convert("L")) == 255
    assert mask.shape == expected.shape and (mask != expected).mean() < SAME
    with Image.open(download(page, "Cut-out")) as image:
        assert np.array_equal(np.asarray(image)[..., 3] == 255, mask)
    coco = json.loads(download(page, "COCO JSON").read_text())
    assert [item["name"] for item in coco["categories"]] == ["woman in orange", "hair"]
    first = coco["annotations"][0]
    assert np.array_equal(decode(first["segmentation"], *mask.shape), mask)
    assert first["area"] == mask.sum()
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert first["bbox"] == [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_the_threshold_moves_without_the_server(page: Any) -> None:
    page.get_by_role("button", name="Astronaut").click()
    ask(page, "woman")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    texts = []
    for value in ("20", "50", "90"):
        page.get_by_role("slider").fill(value)
        texts.append(page.locator("#verdict").inner_text())
    page.get_by_role("slider").fill("99")
    assert len(set(texts)) == 3 and requests == []


def test_nothing_found_is_said(page: Any) -> None:
    page.get_by_role("button", name="Cat").click()
    ask(page, "car")
    page.get_by_role("slider").fill("99")
    assert "Nothing matches" in page.locator("#verdict").inner_text()
    assert page.get_by_role("button", name="Mask").is_disabled()
    assert "not found?" in page.locator(".chip").inner_text()


def test_a_forgotten_photo_is_sent_again(page: Any, browser: Any, url: str) -> None:
    page.get_by_role("button", name="Cat").click()
    ask(page, "cat")
    other = browser.new_page()
    other.goto(url)
    other.wait_for_selector("body[data-ready]")
    other.get_by_role("button", name="Coffee").click()
    ask(other, "cup")  # the server keeps one picture, and now it is this one
    other.close()
    ask(page, "the left eye")
    assert page.get_by_role("alert").count() == 0


def test_a_photo_that_could_not_be_sent_is_sent_with_the_phrase(page: Any) -> None:
    page.route("**/v1/segment", lambda route: route.abort())
    page.get_by_role("button", name="Cat").click()
    page.get_by_role("alert").wait_for()
    assert "cannot be reached" in page.get_by_role("alert").inner_text()
    page.unroute("**/v1/segment")
    ask(page, "cat")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_is_dropped_or_pasted(page: Any, kind: str) -> None:
    give = """async (kind) => {
      const blob = await (await fetch("examples/chelsea.jpg")).blob();
      const transfer = new DataTransfer();
      transfer.items.add(new File([blob], "mine.jpg", { type: "image/jpeg" }));
      const data = { bubbles: true, cancelable: true };
      const events = {
        drop: new DragEvent("drop", { ...data, dataTransfer: transfer }),
        paste: new ClipboardEvent("paste", { ...data, clipboardData: transfer }),
      };
      document.body.dispatchEvent(events[kind]);
    }"""
    page.evaluate(give, kind)
    ask(page, "cat")
    assert "Found" in page.locator("#verdict").inner_text()


def test_problems_are_shown_and_go_away(page: Any, tmp_path: Path) -> None:
    page.get_by_role("button", name="Cat").click()
    page.get_by_label("What do you mean?").fill("qqqqzzz")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert "qqqqzzz" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("What do you mean?").input_value() == "qqqqzzz"
    ask(page, "cat")
    assert not page.get_by_role("alert").is_visible()
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    page.set_input_files("#file", text)
    page.get_by_role("alert").wait_for()
    assert "not a picture" in page.get_by_role("alert").inner_text()


def test_a_photo_beyond_the_limits_is_not_sent(segmenter: Segmenter, browser: Any) -> None:
    for name, limits in (("megabytes", {"max_bytes": 1000}), ("megapixels", {"max_pixels": 1000})):
        with serving(segmenter, **limits) as (host, port, _):
            page = browser.new_page()
            page.goto(f"http://{host}:{port}/")
            page.wait_for_selector("body[data-ready]")
            page.get_by_role("button", name="Cat").click()
            page.get_by_role("alert").wait_for()
            assert name in page.get_by_role("alert").inner_text()
            page.close()


def test_by_keyboard_alone(page: Any) -> None:
    page.get_by_role("button", name="Coffee").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#phrase:focus")
    for phrase in ("cup", "table"):
        page.keyboard.type(phrase)
        page.keyboard.press("Enter")
        page.get_by_role("button", name=phrase, exact=False).first.wait_for()
        page.locator(".chip", has_text=phrase).wait_for()
    chip = page.locator(".chip-main").first
    for _ in range(12):
        page.keyboard.press("Tab")
        if chip.evaluate("node => node === document.activeElement"):
            break
    assert page.locator("#legend").is_visible()
    assert "Probability map of cup" in page.locator("#stage").get_attribute("aria-label")
    page.keyboard.press("Enter")
    assert chip.evaluate("node => node === document.activeElement && node.ariaPressed === 'true'")
    page.keyboard.press("Delete")
    assert page.locator(".chip").count() == 1
    page.keyboard.press("/")
    assert page.locator("#phrase:focus").count() == 1


def test_the_reasons(page: Any, segmenter: Segmenter) -> None:
    page.get_by_role("button", name="Astronaut").click()
    ask(page, "the woman, qqqzzz")
    page.get_by_text("Why?").click()
    terms = [name for name in segmenter.explain(PHOTO, "woman").terms if name in ("p1", "p2", "p3")]
    assert page.locator("#why-terms figure").count() == len(terms)
    weights = page.locator("#why-terms small").all_inner_texts()
    total = sum(int(text.rsplit(" ", 1)[1].split("\xa0")[0]) for text in weights)
    assert abs(total - 100) <= 2
    understood = [text.split("\n") for text in page.locator("#why-words li").all_inner_texts()]
    assert [" ".join(parts) for parts in understood] == ["the known", "woman known", ", ignored", "qqqzzz ignored"]
    assert "person" in page.locator("#why-categories").inner_text()
    assert "ms" in page.locator("#why-time").inner_text()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_nothing_sticks_out(browser: Any, url: str, width: int, height: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(beyond) == 0
    page.get_by_role("button", name="Astronaut").click()
    ask(page, "the woman who wears a very long orange suit and stands in front of a flag and a model of a rocket")
    page.get_by_text("Why?").click()
    assert page.evaluate(beyond) == 0
    page.close()


def test_the_token_is_asked_for(segmenter: Segmenter, browser: Any) -> None:
    with serving(segmenter, token="secret") as (host, port, _):
        page = browser.new_page()
        page.goto(f"http://{host}:{port}/")
        page.wait_for_selector("body[data-ready]")
        page.get_by_role("button", name="Cat").click()
        for token in ("wrong", "secret"):
            page.get_by_role("textbox", name="Token").fill(token)
            page.keyboard.press("Enter")
        ask(page, "cat")
        page.close()


def test_page_and_command_line_have_the_same_colours(page: Any) -> None:
    colours = page.evaluate("async () => (await import('./stage.js')).PALETTE")
    assert [tuple(colour) for colour in colours] == list(PALETTE)
