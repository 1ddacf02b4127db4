"""Take the pictures of docs/serving.md from the running pages; needs Chromium and pip install playwright.

    deixis serve &  deixis web-export site && python -m http.server 8001 --directory site &
    python scripts/screenshots.py http://127.0.0.1:8000/ http://127.0.0.1:8001/
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs"
COLOURS = 128


def ask(page: Page, url: str, example: str, phrases: list[str]) -> None:
    page.goto(url)
    page.get_by_role("button", name=example).click()
    for number, phrase in enumerate(phrases, 1):
        page.get_by_label("What do you mean?").fill(phrase)
        page.keyboard.press("Enter")
        page.locator(f".chip:nth-child({number})").wait_for(timeout=90_000)
    page.locator(".chip-main").first.click()
    page.mouse.move(1, 1)


def save(page: Page, name: str) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as image:
        picture = image.convert("RGB")
        palette = picture.quantize(COLOURS, Image.Quantize.MEDIANCUT)
        picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(DOCS / name, optimize=True)


def main(server: str, static: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        wide = browser.new_page(viewport={"width": 1280, "height": 820}, color_scheme="light")
        ask(wide, server, "Astronaut", ["the woman in orange", "hair"])
        save(wide, "serve-wide.png")
        narrow = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=1.5)
        ask(narrow, server, "Cat", ["cat"])
        narrow.get_by_text("Why?").click()
        narrow.locator("#why").evaluate("node => node.scrollIntoView({ block: 'start' })")
        narrow.evaluate("scrollBy(0, -320)")
        save(narrow, "serve-narrow.png")
        local = browser.new_page(viewport={"width": 1280, "height": 820}, color_scheme="dark")
        ask(local, static, "Coffee", ["the cup"])
        local.get_by_role("button", name="Probability map").click()
        save(local, "web-export.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
