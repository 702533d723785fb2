"""A browser, and a server whose every answer the test writes. Tests run in their module's event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from scripts.chromium import FLAGS
from tests.e2e.fake_server import FakeServer
from tests.support.waiting import BROWSER_PATIENCE_MS

# For the whole process: a test may not be more patient because another one has run in it before.
expect.set_options(timeout=BROWSER_PATIENCE_MS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(BROWSER_PATIENCE_MS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest_asyncio.fixture(loop_scope="module")
async def server(context: BrowserContext) -> AsyncIterator[FakeServer]:
    """Depends on `context` so that pages are gone before the server goes."""
    server = FakeServer()
    await server.start()
    yield server
    await server.stop()
