"""Take the pictures in docs/images anew: `make screenshots`, or some, `make screenshots NAMES="dark phone"`.

`demo` and the dashboard's (all of them: `NAMES=dashboard`) are of a real server, with dates of the day. The
others are the widget beside a server that says what is scripted, so that each of its states can be had:
nothing in them moves or tells the time.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, FloatRect, Page, async_playwright, expect

from scripts import chromium, dashboard_pictures
from scripts.installation import Installation, demo, installation
from scripts.pictures import PICTURES, QUESTION, Picture
from scripts.small_png import shrink
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
    widget = {picture.name: picture for picture in PICTURES}
    dashboard = dashboard_pictures.names()
    names = sys.argv[1:] or [DEMO, *widget, *dashboard]
    if dashboard_pictures.PREFIX in names:
        names = [*(name for name in names if name != dashboard_pictures.PREFIX), *dashboard]
    if unknown := [
        name for name in names if name not in {DEMO, *widget} and not dashboard_pictures.is_known(name)
    ]:
        known = ", ".join([DEMO, *widget, *dashboard])
        sys.exit(f"screenshots: there is no {', '.join(unknown)}; there are {known}")
    expect.set_options(timeout=PATIENCE_MS)
    asyncio.run(
        _take(program, is_demo=DEMO in names, pictures=[widget[name] for name in names if name in widget])
    )
    if of_dashboard := [name for name in names if dashboard_pictures.is_known(name)]:
        with installation() as made:
            asyncio.run(_take_dashboard(program, made, of_dashboard))


async def _take(program: str, *, is_demo: bool, pictures: list[Picture]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=chromium.FLAGS)
        if is_demo:
            await _take_demo(browser)
        for picture in pictures:
            await _take_one(browser, picture)
        await browser.close()


async def _take_dashboard(program: str, made: Installation, names: list[str]) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=chromium.FLAGS)
        blank = await browser.new_page()

        async def keep(page: Page, name: str) -> None:
            picture = await shrink(blank, await page.screenshot(animations="disabled"))
            _write(name, picture, dashboard_pictures.MAX_BYTES)

        await dashboard_pictures.take(browser, made, names, keep)
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
    with demo() as (told, _):
        page = await browser.new_page(viewport={"width": 1200, "height": 780}, reduced_motion="reduce")
        await page.goto(told["url"])
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


async def _keep(page: Page, name: str, max_bytes: int, *, clip: FloatRect | None = None) -> None:
    _write(name, await page.screenshot(clip=clip, animations="disabled"), max_bytes)


def _write(name: str, picture: bytes, max_bytes: int) -> None:
    path = FOLDER / f"{name}.png"
    path.write_bytes(picture)
    print(f"{path.name}: {len(picture)} bytes", flush=True)
    if len(picture) > max_bytes:
        sys.exit(
            f"screenshots: {path.name} is larger than a picture in the docs should be ({max_bytes} bytes)"
        )


if __name__ == "__main__":
    main()
