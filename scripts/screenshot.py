"""Take docs/images/demo.png anew: the real demo in a real browser, with a question that a tool answered.

.venv/bin/python -m scripts.screenshot
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from scripts import chromium

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "demo.png"
QUESTION = "Where is my order ORD-1001?"
MAX_BYTES = 200_000
PATIENCE_MS = 30_000
FLAGS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]


def main() -> None:
    browser = chromium.find()
    if browser is None:
        sys.exit("screenshot: there is no Chromium on this machine (make chromium says why)")
    with demo_url() as url, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser, args=FLAGS).new_page(
            viewport={"width": 1200, "height": 780}, reduced_motion="reduce"
        )
        ask(page, url)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        size = len(page.screenshot(path=PICTURE))
    if size > MAX_BYTES:
        sys.exit(f"screenshot: {size} bytes are more than a README's picture should be ({MAX_BYTES})")
    print(f"{PICTURE}: {size} bytes")


@contextmanager
def demo_url() -> Iterator[str]:
    """The page of a demo with data of its own."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).parent / "csai"
        command = [str(program), "demo", "--port", "0", "--json", "--data-dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())["url"]
            finally:
                process.terminate()


def ask(page: Page, url: str) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(url)
    page.locator("csai-widget .launcher").click()
    field = page.get_by_role("textbox", name="Your message")
    field.fill(QUESTION)
    field.press("Enter")
    reply = page.locator("csai-widget .reply").last
    expect(reply.locator(".tool.done")).to_be_visible()
    expect(reply.locator(".rich")).to_contain_text("ORD-1001")
    expect(page.get_by_role("img", name="Writing an answer")).to_be_hidden()


if __name__ == "__main__":
    main()
