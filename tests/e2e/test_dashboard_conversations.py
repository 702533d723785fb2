"""Conversations on the dashboard: found, exported, followed as they go on, and read with what each took."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.dashboard import PHONE, Dashboard, dashboard, findings, settled, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "hebrew": {"locale": "he-IL"},
    "phone": {"viewport": PHONE, "has_touch": True},
    "hebrew on a phone": {"viewport": PHONE, "locale": "he-IL"},
}


@pytest.fixture(scope="module")
def order(dashboard: Dashboard) -> dict[str, Any]:
    """An answer with a tool that its visitor did not like, between two without."""
    dashboard.say("Do you ship narwhals to Norway?")
    said = dashboard.say("Where is my order ORD-1001?")
    dashboard.think(said, message_id=said["message"]["id"], thumb="down", comment="That is too short.")
    dashboard.think(said, rating=2, comment="Hm.")
    dashboard.say("Do you ship narwhals to Finland?")
    return said


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, dashboard: Dashboard, order: dict[str, Any]) -> AsyncIterator[Page]:
    async with signed_in(browser, dashboard) as page:
        yield page


def rows(page: Page) -> Locator:
    return page.locator("tbody tr")


def records(saved: Path) -> list[dict[str, str]]:
    with saved.open(newline="") as file:
        return list(csv.DictReader(file))


async def test_conversations_are_filtered_and_the_filter_is_kept_in_the_address(
    page: Page, dashboard: Dashboard
) -> None:
    await page.goto(dashboard.path("conversations?q=narwhals"))
    await expect(rows(page)).to_have_count(2)
    await expect(rows(page).first).to_contain_text("Kettle & Cloth")
    await page.get_by_text("More filters").click()
    await page.get_by_label("Tools", exact=True).select_option("A tool ran")
    await expect(page.get_by_text("No conversation fits")).to_be_visible()
    await settled(page)
    assert await findings(page) == []
    await page.get_by_role("button", name="Clear the filters").click()
    await expect(page).to_have_url(dashboard.path("conversations"))
    await page.get_by_label("Feedback", exact=True).select_option("Thumbs down")
    await page.get_by_label("Client", exact=True).select_option("Kettle & Cloth")
    await expect(rows(page)).to_have_count(1)
    await settled(page)
    assert await findings(page) == []
    await page.reload()
    await expect(page.get_by_text("More filters (1 set)")).to_be_visible()
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page).first).to_contain_text("2 of 5")
    await page.get_by_label("To", exact=True).fill("2020-01-01")
    await expect(page.get_by_text("No conversation fits")).to_be_visible()


async def test_words_that_were_said_are_found(page: Page, dashboard: Dashboard) -> None:
    await page.goto(dashboard.path("conversations"))
    await page.get_by_role("searchbox", name="Words that were said").fill("norw")
    await expect(rows(page)).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"q=norw"))


async def test_the_export_has_what_fits_the_filter(page: Page, dashboard: Dashboard) -> None:
    await page.goto(dashboard.path("conversations?q=norway"))
    await settled(page)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export as CSV").click()
    saved = await (await download.value).path()
    assert (await download.value).suggested_filename == "conversations.csv"
    assert len(records(saved)) == 1


async def test_an_answer_is_read_with_its_tool_its_cost_and_what_was_thought_of_it(
    page: Page, dashboard: Dashboard
) -> None:
    await page.goto(dashboard.path("conversations?tools=true&feedback=down"))
    await rows(page).get_by_role("link", name="Dana K.").click()
    await expect(page.get_by_role("heading", name="Dana K.", level=1)).to_be_visible()
    main = page.get_by_role("main")
    await expect(main).to_contain_text("Where is my order ORD-1001?")
    await expect(main).to_contain_text("That is too short.")
    await expect(main).to_contain_text("2 of 5")
    bars = page.get_by_role("list", name="What took the time").get_by_role("listitem")
    await expect(bars).to_have_count(3)
    await expect(bars.filter(has_text="get_order_status").locator("rect")).to_have_count(1)
    await expect(page.get_by_role("table", name="Calls of models").locator("tbody tr")).to_have_count(2)
    await page.get_by_text("get_order_status").last.click()
    await expect(page.get_by_role("group", name="Arguments")).to_contain_text("ORD-1001")
    await expect(page.get_by_role("group", name="Response")).to_contain_text("Island Post")
    assert await findings(page) == []
    await page.get_by_role("link", name="At the desk").click()
    await expect(page).to_have_url(re.compile(rf"/clients/{dashboard.client_id}/desk/"))
    await expect(page.get_by_role("log")).to_contain_text("Where is my order ORD-1001?")


async def test_the_neighbours_are_those_of_the_filter(page: Page, dashboard: Dashboard) -> None:
    await page.goto(dashboard.path("conversations?q=narwhals"))
    await expect(rows(page)).to_have_count(2)
    await rows(page).get_by_role("link").first.click()
    ways = page.get_by_role("navigation", name="Other conversations of the list")
    await expect(ways.get_by_role("button", name="Previous")).to_be_disabled()
    await ways.get_by_role("link", name="Next").click()
    await expect(page.get_by_role("main")).to_contain_text("Do you ship narwhals to Norway?")
    await expect(ways.get_by_role("button", name="Next")).to_be_disabled()
    await ways.get_by_role("link", name="Previous").click()
    await expect(page.get_by_role("main")).to_contain_text("Do you ship narwhals to Finland?")
    await ways.get_by_role("link", name="Back to the list").click()
    await expect(page).to_have_url(dashboard.path("conversations?q=narwhals"))


async def test_what_goes_on_is_marked_at_its_place_and_what_begins_waits_until_it_is_asked_for(
    page: Page, dashboard: Dashboard
) -> None:
    said = await asyncio.to_thread(dashboard.say, "Is the blue zither in stock?")
    await asyncio.to_thread(dashboard.say, "Do you tune zithers?")
    async with page.expect_response(re.compile("/admin/conversations/events")):
        await page.goto(dashboard.path("clients/CLIENT/conversations?q=zither"))
    await expect(rows(page)).to_have_count(2)
    await asyncio.to_thread(dashboard.say, "And the red one?", said)
    await expect(rows(page).nth(1)).to_contain_text("Changed")
    await expect(rows(page).nth(1).locator("td").nth(3)).to_have_text("4")
    await expect(rows(page).nth(0)).not_to_contain_text("Changed")
    await asyncio.to_thread(dashboard.say, "Do you have a shop in Akureyri?")
    await asyncio.to_thread(dashboard.say, "A zither for a child?")
    await expect(page.get_by_text("1 conversation has begun or gone on")).to_be_visible()
    await expect(rows(page)).to_have_count(2)
    assert await findings(page) == []
    await page.get_by_role("button", name="Show them").click()
    await expect(rows(page)).to_have_count(3)
    await expect(rows(page).nth(0)).not_to_contain_text("Changed")
    await expect(page.get_by_text("Changed", exact=True)).to_have_count(0)


async def test_pages_of_twenty_follow_on_each_other(page: Page, dashboard: Dashboard) -> None:
    def speak() -> None:
        for number in range(21):
            dashboard.say(f"Teaspoon number {number}?", visitor=f"Guest {number}")

    await asyncio.to_thread(speak)
    await page.goto(dashboard.path("conversations?q=teaspoon"))
    await expect(rows(page)).to_have_count(20)
    await page.get_by_role("button", name="Next page").click()
    await expect(rows(page)).to_have_count(1)
    await rows(page).get_by_role("link").click()
    await expect(page.get_by_role("main")).to_contain_text("Teaspoon number 0?")
    await page.go_back()
    await expect(rows(page)).to_have_count(1)


@pytest.mark.parametrize("look", LOOKS)
async def test_a_conversation_is_sound_in_every_look(
    browser: Browser, dashboard: Dashboard, order: dict[str, Any], look: str
) -> None:
    async with signed_in(browser, dashboard, **LOOKS[look]) as page:
        await page.goto(dashboard.path("conversations?feedback=down"))
        await rows(page).get_by_role("link").click()
        await expect(page.locator("main ol rect").first).to_be_visible()
        await page.locator("main details details > summary").click()
        assert await findings(page) == []
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")


async def test_a_conversation_that_there_is_not_is_said_so(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard, is_refused=True) as page:
        await page.goto(dashboard.path("conversations/0198c5a0-0000-7000-8000-000000000000"))
        await expect(page.get_by_role("alert")).to_contain_text("There is no such thing")
        assert await findings(page) == []
