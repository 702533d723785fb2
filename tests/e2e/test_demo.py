"""The demo in a browser, all of it real: what the first user of csai sees."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.support.program import running
from tests.support.waiting import BROWSER_PATIENCE_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLAGS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]


@pytest.fixture(scope="module")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Asks for the browser first: without one there is nothing to start a server for."""
    with running("demo", "--port", "0", "--json", cwd=tmp_path_factory.mktemp("demo")) as program:
        yield json.loads(program.out.next())


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: str, demo: dict[str, Any]) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1200, "height": 860}, reduced_motion="reduce")
        page.set_default_timeout(BROWSER_PATIENCE_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(demo["url"])
        await page.locator("csai-widget .launcher").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        yield page
        assert errors == []
        await browser.close()


async def ask(page: Page, text: str) -> Locator:
    """Send a message; the place of its answer."""
    replies = page.locator("csai-widget .reply")
    before = await replies.count()
    field = page.get_by_role("textbox", name="Your message")
    await field.fill(text)
    await field.press("Enter")
    return replies.nth(before)


async def test_an_order_is_looked_up_and_still_there_after_a_reload(page: Page, tmp_path: Path) -> None:
    reply = await ask(page, "Where is my order ORD-1001?")
    await expect(reply.locator(".tool.done")).to_have_text("Checked order status")
    await expect(reply.locator(".rich")).to_contain_text("on its way")
    picture = await page.screenshot(path=tmp_path / "demo.png")
    assert len(picture) > 20_000
    await page.reload()
    await page.locator("csai-widget .launcher").click()
    opened = page.locator("csai-widget .panel")
    await expect(opened).to_contain_text("Where is my order ORD-1001?")
    await expect(opened).to_contain_text("on its way")


async def test_an_appointment_is_booked(page: Page) -> None:
    day = _next_weekday(datetime.now(UTC))
    reply = await ask(page, f"Book an appointment on {day:%Y-%m-%d} at 10:00 for Dana")
    await expect(reply.locator(".tool.done")).to_have_text("Booked appointment")
    await expect(reply.locator(".rich")).to_contain_text(re.compile(r"APT-[0-9A-F]{8}"))


async def test_a_question_about_the_shop_is_answered_with_its_source(page: Page) -> None:
    reply = await ask(page, "What is your return policy?")
    await expect(reply.locator(".rich")).to_contain_text("30 days")
    await expect(reply.locator(".sources")).to_contain_text("Returns and refunds")


def _next_weekday(moment: datetime) -> datetime:
    """A day that the shop is open, and certainly not over."""
    day = moment + timedelta(days=1)
    return day if day.weekday() < 5 else _next_weekday(day)
