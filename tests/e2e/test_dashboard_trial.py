"""The test chat of the dashboard: its plugins, what it confirms, and sessions that are gone on with."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.dashboard import Dashboard, dashboard, findings, settled, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

ORDER = "Where is my order ORD-1001?"


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Page]:
    """The owner's page, with the test chat."""
    async with signed_in(browser, dashboard, is_refused=True) as page:
        await page.goto(dashboard.path("clients/CLIENT/test-chat"))
        await settled(page)
        yield page


async def say(page: Page, text: str) -> Locator:
    """Returns the chat, with its answer there."""
    answered = page.get_by_role("log", name="Chat").get_by_text("Answered", exact=True)
    before = await answered.count()
    await page.get_by_label("Message").fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(answered).to_have_count(before + 1)
    return page.get_by_role("log", name="Chat")


async def read(page: Page, dashboard: Dashboard, path: str) -> Any:
    answer = await page.context.request.get(dashboard.path(f"../admin/clients/{dashboard.client_id}/{path}"))
    assert answer.ok, await answer.text()
    return await answer.json()


async def test_a_plugin_is_off_for_this_test_alone(desk: Page, dashboard: Dashboard) -> None:
    plugins = desk.get_by_role("region", name="Plugins of this test")
    await plugins.locator("summary").click()
    switch = plugins.get_by_role("switch", name="demo_shop in this test")
    await expect(switch).to_be_checked()
    await switch.click()
    await expect(plugins.locator("summary")).to_have_text("1 is other than at the client")
    assert await findings(desk) == []
    await say(desk, ORDER)
    await expect(desk.get_by_role("region", name="Tool calls")).to_contain_text("No tool was called.")
    assert (await read(desk, dashboard, "plugins/demo_shop"))["enabled"] is True
    visitor = dashboard.say(ORDER)
    assert [call["name"] for call in visitor["tool_calls"]] == ["get_order_status"], "visitors have it"

    await plugins.get_by_role("button", name="As the client has them").click()
    await expect(switch).to_be_checked()
    await say(desk, ORDER)
    await expect(desk.get_by_role("region", name="Tool calls")).to_contain_text("get_order_status")


async def test_a_write_action_is_confirmed_and_done_or_declined(desk: Page) -> None:
    chat = await say(desk, "Cancel my order ORD-1002")
    asked = chat.get_by_role("region", name="Cancel order")
    await expect(asked).to_contain_text("ORD-1002")
    await expect(desk.get_by_role("region", name="Tool calls")).to_contain_text("No tool was called.")
    assert await findings(desk) == []
    await asked.get_by_role("button", name="Decline").click()
    await expect(asked).to_contain_text("Declined")
    await expect(asked.get_by_role("button")).to_have_count(0)
    await expect(chat.get_by_text("Answered", exact=True)).to_have_count(2)
    await expect(desk.get_by_role("region", name="Tool calls")).to_contain_text("No tool was called.")

    await say(desk, "Cancel my order ORD-1002")
    again = chat.get_by_role("region", name="Cancel order").last
    await again.get_by_role("button", name="Confirm").click()
    await expect(chat).to_contain_text("is cancelled")
    calls = desk.get_by_role("region", name="Tool calls")
    await expect(calls).to_contain_text("cancel_order")
    await expect(calls).to_contain_text("Succeeded")


async def test_what_waits_for_a_word_comes_back_with_an_earlier_test(desk: Page) -> None:
    await say(desk, "Cancel my order ORD-1003")
    await desk.reload()
    await settled(desk)
    earlier = desk.get_by_role("combobox", name="Go on with an earlier test")
    await earlier.select_option(await earlier.locator("option").nth(1).get_attribute("value"))
    chat = desk.get_by_role("log", name="Chat")
    asked = chat.get_by_role("region", name="Cancel order")
    await expect(asked).to_contain_text("ORD-1003")
    await asked.get_by_role("button", name="Decline").click()
    await expect(asked).to_contain_text("Declined")
    await expect(chat.get_by_text("Answered", exact=True)).to_be_visible()


async def test_an_earlier_test_is_gone_on_with(desk: Page, dashboard: Dashboard) -> None:
    await say(desk, "What is your return policy?")
    await desk.reload()
    await settled(desk)
    chat = desk.get_by_role("log", name="Chat")
    await expect(chat).to_contain_text("Nothing was said yet")
    earlier = desk.get_by_role("combobox", name="Go on with an earlier test")
    newest = earlier.locator("option").nth(1)
    await earlier.select_option(await newest.get_attribute("value"))
    await expect(chat).to_contain_text("What is your return policy?")
    assert await findings(desk) == []
    models = desk.get_by_role("region", name="Model calls")
    await expect(models.get_by_role("heading", name=re.compile("^Turn"))).to_have_count(1)
    await say(desk, "And how long does that take?")
    await expect(models.get_by_role("heading", name=re.compile("^Turn"))).to_have_count(2)
    await models.locator("summary").last.click()
    request = models.get_by_role("group", name="Request").last
    await expect(request).to_contain_text("What is your return policy?")
    await desk.get_by_role("button", name="New session").click()
    await expect(chat).to_contain_text("Nothing was said yet")
    await expect(earlier).to_have_value("")
