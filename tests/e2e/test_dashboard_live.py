"""What is on the screen is followed as it happens, and says so where it is not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.dashboard import Dashboard, dashboard, findings, settled, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

EVENTS = "**/admin/conversations/events*"
TURNS = "main ol > li > div > details"


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Page]:
    async with signed_in(browser, dashboard, broken="/admin/conversations/events") as page:
        yield page


async def begun(dashboard: Dashboard, text: str, *, visitor: str, is_queued: bool = False) -> dict[str, Any]:
    said = await asyncio.to_thread(dashboard.say, text, visitor=visitor)
    if is_queued:
        await asyncio.to_thread(dashboard.ask_for_a_human, said)
    return said


async def opened(page: Page, path: str, visitor: str) -> None:
    """The visitor's conversation, from the list at the path."""
    await page.goto(path)
    await page.get_by_role("link", name=visitor).click()
    await expect(page.get_by_role("heading", name=visitor, level=1)).to_be_visible()


async def followed(page: Page) -> None:
    """From now on what is read by itself is read once a minute: no test waits for that."""
    await expect(page.get_by_role("status").filter(has_text="Live")).to_have_text("Live")


async def test_a_conversation_that_is_read_grows_and_changes_hands_before_the_readers_eyes(
    page: Page, dashboard: Dashboard
) -> None:
    said = await begun(dashboard, "Is the loom in stock?", visitor="Lena")
    await opened(page, dashboard.path("conversations"), "Lena")
    await followed(page)
    main = page.get_by_role("main")
    await expect(page.locator(TURNS)).to_have_count(1)

    await asyncio.to_thread(dashboard.say, "And the spindle?", said)

    await expect(main).to_contain_text("And the spindle?")
    await expect(page.locator(TURNS)).to_have_count(2)
    await asyncio.to_thread(dashboard.ask_for_a_human, said)
    await expect(main.get_by_text("Waits", exact=True)).to_be_visible()
    await asyncio.to_thread(dashboard.think, said, rating=1, comment="Too slow.")
    await expect(main).to_contain_text("Too slow.")
    assert await findings(page) == []


async def test_what_is_opened_stays_open_as_the_conversation_grows(page: Page, dashboard: Dashboard) -> None:
    said = await begun(dashboard, "Is the anvil in stock?", visitor="Anna")
    await asyncio.to_thread(dashboard.say, "And the tongs?", said)
    await opened(page, dashboard.path("conversations"), "Anna")
    await followed(page)
    await expect(page.locator(f"{TURNS}[open]")).to_have_count(2)

    await asyncio.to_thread(dashboard.say, "And the bellows?", said)

    await expect(page.locator(TURNS)).to_have_count(3)
    await expect(page.locator(f"{TURNS}[open]")).to_have_count(2)


async def test_who_asks_for_a_human_comes_up_at_the_desk_and_is_heard_there(
    page: Page, dashboard: Dashboard
) -> None:
    await page.goto(dashboard.path("clients/CLIENT/desk"))
    await settled(page)
    await followed(page)

    said = await begun(dashboard, "A human, please", visitor="Quentin", is_queued=True)

    await page.get_by_role("link", name="Quentin").click()
    await followed(page)
    await page.get_by_label("Your name").fill("Tess")
    await page.get_by_role("button", name="Take over").click()
    await expect(page.get_by_label("Your reply")).to_be_visible()
    await page.get_by_label("Your reply").fill("Half a sen")
    await asyncio.to_thread(dashboard.say, "Are you there?", said)
    await expect(page.get_by_role("log")).to_contain_text("Are you there?")
    await expect(page.get_by_label("Your reply")).to_have_value("Half a sen")


@pytest.mark.parametrize("status", [503, 429, None], ids=["full", "too many tabs", "cut off"])
async def test_without_a_connection_it_is_said_and_read_all_the_same_until_there_is_one_again(
    page: Page, dashboard: Dashboard, status: int | None
) -> None:
    async def refuse(route: Route) -> None:
        await (route.abort() if status is None else route.fulfill(status=status, json={}))

    visitor = f"Walter {status}"
    said = await begun(dashboard, "A human, please", visitor=visitor, is_queued=True)
    await page.clock.install()
    await page.route(EVENTS, refuse)
    await opened(page, dashboard.path("clients/CLIENT/desk"), visitor)
    await page.clock.fast_forward(6_000)
    await expect(page.get_by_text("Not live: read every 10 seconds")).to_be_visible()
    assert await findings(page) == []

    await asyncio.to_thread(dashboard.say, "Is nobody there?", said)
    await page.clock.fast_forward(11_000)
    await expect(page.get_by_role("log")).to_contain_text("Is nobody there?")

    await page.unroute(EVENTS)
    await page.clock.fast_forward(31_000)
    await followed(page)
    await asyncio.to_thread(dashboard.say, "Hello?", said)
    await expect(page.get_by_role("log")).to_contain_text("Hello?")


async def test_a_page_has_one_connection_and_gives_it_up_while_nobody_looks(
    page: Page, dashboard: Dashboard
) -> None:
    said = await begun(dashboard, "A human, please", visitor="Otto", is_queued=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
    await opened(page, dashboard.path("clients/CLIENT/desk"), "Otto")
    await followed(page)
    assert len([url for url in asked if "conversation_id" in url]) == 1

    await look_away(page, is_hidden=True)
    await asyncio.to_thread(dashboard.say, "While you were away", said)
    async with page.expect_request(lambda asked: "conversation_id" in asked.url and "/events" in asked.url):
        await look_away(page, is_hidden=False)

    await expect(page.get_by_role("log")).to_contain_text("While you were away")
    assert len([url for url in asked if "conversation_id" in url]) == 2


async def look_away(page: Page, *, is_hidden: bool) -> None:
    await page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        is_hidden,
    )


async def test_who_writes_while_the_ai_is_off_reads_it_in_their_language_and_is_found_at_the_desk(
    page: Page, browser: Browser, dashboard: Dashboard
) -> None:
    await page.goto(dashboard.path("clients/CLIENT"))
    await page.get_by_role("button", name="Pause the AI").click()
    await page.get_by_role("dialog").get_by_role("button", name="Pause the AI").click()
    await expect(page.get_by_text("The AI of this client is off")).to_be_visible()
    await page.goto(dashboard.path("clients/CLIENT/desk"))
    await settled(page)
    await followed(page)

    context = await browser.new_context(locale="he-IL")
    shop = await context.new_page()
    await shop.route(re.compile(r"/demo/(\?|$)"), in_hebrew)
    await shop.goto(dashboard.shop)
    await shop.locator("csai-widget .launcher").click()
    field = shop.locator("csai-widget").get_by_role("textbox").last
    await field.fill("שלום, איפה ההזמנה שלי?")
    await field.press("Enter")

    messages = shop.locator("csai-widget")
    await expect(messages).to_contain_text("העוזר בהפסקה. מישהו מהצוות שלנו יקרא את ההודעה ויענה.")
    await expect(messages).to_contain_text("לאן אפשר להשיב לכם?")
    await page.get_by_role("link", name="Unnamed visitor").click()
    await expect(page.get_by_role("log")).to_contain_text("שלום, איפה ההזמנה שלי?")
    await page.get_by_label("Your name").fill("Tess")
    await page.get_by_role("button", name="Take over").click()
    await page.get_by_label("Your reply").fill("שלום, אני כאן.")
    await page.keyboard.press("Control+Enter")
    await expect(messages).to_contain_text("שלום, אני כאן.")
    await context.close()
    await page.get_by_role("button", name="Let the AI answer again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Let the AI answer again").click()
    await expect(page.get_by_text("The AI of this client is off")).to_have_count(0)


async def in_hebrew(route: Route) -> None:
    answer = await route.fetch()
    page = (await answer.text()).replace('<html lang="en"', '<html lang="he" dir="rtl"')
    await route.fulfill(content_type="text/html; charset=utf-8", body=page)
