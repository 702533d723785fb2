"""Take the pictures in docs/images anew: `make screenshots`, or some, `make screenshots NAMES="dark phone"`.

`demo` is the real demo, with dates of the day. The others are the widget beside a server that says what is
scripted, so that each of its states can be had: nothing in them moves or tells the time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Browser, FloatRect, Page, async_playwright, expect

from scripts import chromium
from scripts.pictures import PICTURES, QUESTION, Picture
from tests.e2e.fake_server import FakeServer

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
DEMO = "demo"
MAX_BYTES = 120_000
DEMO_MAX_BYTES = 200_000
PATIENCE_MS = 30_000
NOON = "2026-06-02T12:00:00Z"
WINDOW_WIDTH = 1_000
SCALE = 1.25


def main() -> None:
    program = chromium.find()
    if program is None:
        sys.exit("screenshots: there is no Chromium on this machine (make chromium says why)")
    known = {picture.name: picture for picture in PICTURES}
    names = sys.argv[1:] or [DEMO, *known]
    if unknown := set(names) - {DEMO, *known}:
        sys.exit(
            f"screenshots: there is no {', '.join(sorted(unknown))}; there are {', '.join([DEMO, *known])}"
        )
    expect.set_options(timeout=PATIENCE_MS)
    asyncio.run(
        _take(program, is_demo=DEMO in names, pictures=[known[name] for name in names if name != DEMO])
    )


async def _take(program: str, *, is_demo: bool, pictures: list[Picture]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=chromium.FLAGS)
        if is_demo:
            await _take_demo(browser)
        for picture in pictures:
            await _take_one(browser, picture)
        await browser.close()


async def _take_one(browser: Browser, picture: Picture) -> None:
    server = FakeServer()
    await server.start()
    # What a narrow window shows is the phone's form: of a wide one the corner is kept.
    width = picture.width if picture.is_phone else WINDOW_WIDTH
    context = await browser.new_context(
        viewport={"width": width, "height": picture.height},
        device_scale_factor=SCALE,
        is_mobile=picture.is_phone,
        has_touch=picture.is_phone,
        reduced_motion="reduce",
        color_scheme=picture.scheme,
        forced_colors="active" if picture.has_forced_colours else "none",
    )
    try:
        page = await context.new_page()
        await page.clock.set_fixed_time(NOON)
        await picture.act(page, server)
        await page.mouse.move(0, 0)  # off the bubble, which would glow
        corner = FloatRect(x=width - picture.width, y=0, width=picture.width, height=picture.height)
        await _keep(page, f"widget-{picture.name}", MAX_BYTES, clip=corner)
    finally:
        await context.close()
        await server.stop()


async def _take_demo(browser: Browser) -> None:
    with _demo() as url:
        page = await browser.new_page(viewport={"width": 1200, "height": 780}, reduced_motion="reduce")
        await page.goto(url)
        await page.locator("csai-widget .launcher").click()
        field = page.get_by_role("textbox", name="Your message")
        await field.fill(QUESTION)
        await field.press("Enter")
        reply = page.locator("csai-widget .reply").last
        await expect(reply.locator(".tool.done")).to_be_visible()
        await expect(reply.locator(".rich")).to_contain_text("ORD-1001")
        await expect(page.get_by_role("img", name="Writing an answer")).to_be_hidden()
        await _keep(page, DEMO, DEMO_MAX_BYTES)
        await page.close()


@contextmanager
def _demo() -> Iterator[str]:
    """The page of a demo with data of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(Path(sys.executable).parent / "csai"),
            "demo",
            "--port",
            "0",
            "--json",
            "--data-dir",
            folder,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())["url"]
            finally:
                process.terminate()


async def _keep(page: Page, name: str, max_bytes: int, *, clip: FloatRect | None = None) -> None:
    path = FOLDER / f"{name}.png"
    size = len(await page.screenshot(path=path, clip=clip, animations="disabled"))
    print(f"{path.name}: {size} bytes", flush=True)
    if size > max_bytes:
        sys.exit(
            f"screenshots: {path.name} is larger than a picture in the docs should be ({max_bytes} bytes)"
        )


if __name__ == "__main__":
    main()
