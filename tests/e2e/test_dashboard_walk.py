"""Whole days at the dashboard, through its screens alone: an operator's, and a teammate's of one client.

At each step axe looks at the page; at the end no page may have noted an error or broken its policy.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.dashboard import Dashboard, dashboard, findings, settled, signed_in, visiting
from tests.e2e.widget_page import ask, choose, replies

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

ORDER = "Where is my order ORD-1001?"
CHOSEN = "another sentence of mine"
UNKNOWN = "0198c5a0-0000-7000-8000-000000000000"


async def test_an_operators_day_with_a_new_client(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard) as page:
        key = await make_client(page, dashboard, "Northwind")
        await brand(page, title="Northwind answers")
        await switch_plugin_on(page, "demo_shop")
        await add_tool(page, "get_order_status")
        await try_tool(page)
        await talk_to_the_assistant(page)
        async with visitor(browser, dashboard, key) as widget:
            await expect(widget.get_by_role("dialog")).to_contain_text("Northwind answers")
            await ask(widget, ORDER)
            await expect(replies(widget).last).to_contain_text("on its way")
        await read_transcript(page)
        await export(page)


async def test_a_teammates_day_at_the_desk_of_their_client(browser: Browser, dashboard: Dashboard) -> None:
    said = await asyncio.to_thread(dashboard.say, "A word for Kettle & Cloth alone")
    async with signed_in(browser, dashboard) as owner:
        key = await make_client(owner, dashboard, "Harbour Books")
        link = await invite(owner, dashboard, "tess@example.com", client="Harbour Books")
        others = await conversation_of(owner, dashboard, said["session_id"])
    async with visitor(browser, dashboard, key) as widget, visiting(browser, dashboard.url) as page:
        await ask(widget, "Do you sell atlases?")
        await expect(replies(widget).last.locator(".rich")).not_to_be_empty()
        await choose(widget, "Talk to a person")
        await come_in(page, link)
        await sees_the_desk_alone(page, "Harbour Books")
        await take_and_answer(page, "We do: on the second floor.")
        await expect(replies(widget).last).to_contain_text("We do: on the second floor.")
        await expect(widget.locator("csai-widget header")).to_contain_text("Tess")
        await hand_back(page)
        await expect(widget.locator("csai-widget .notice").last).to_have_text(
            "The AI assistant answers again."
        )
        await finds_nothing_of_others(page, dashboard, others)


async def make_client(page: Page, dashboard: Dashboard, name: str) -> str:
    """Its publishable key, which is shown with the others this once."""
    await page.goto(dashboard.path("clients"))
    await page.get_by_role("button", name="Add a client").click()
    form = page.get_by_role("dialog", name="Add a client")
    await form.get_by_label("Name").fill(name)
    await form.get_by_label("Origins").fill(site(dashboard))
    assert await findings(page) == []
    await form.get_by_role("button", name="Add a client").click()
    made = page.get_by_role("dialog", name=f"{name} is made")
    publishable = await made.get_by_role("group", name="Publishable key, for web pages").inner_text()
    secret = await made.get_by_role("group", name="Secret key, for servers").inner_text()
    assert await findings(page) == []
    await made.get_by_role("link", name="To the client").click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    await settled(page)
    assert await findings(page) == []
    shown = await page.content()
    assert publishable not in shown
    assert secret not in shown
    return publishable


async def brand(page: Page, *, title: str) -> None:
    await go_to(page, "Branding")
    preview = page.frame_locator("iframe").locator("csai-widget")
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Colour", exact=True).first.fill("#7a2048")
    await expect(preview.get_by_text(title).first).to_be_visible()
    assert await findings(page) == []
    await save(page)


async def switch_plugin_on(page: Page, plugin: str) -> None:
    await go_to(page, "Plugins")
    switch = page.get_by_role("switch", name=f"{plugin} for this client")
    await switch.click()
    look = page.get_by_role("dialog", name=f"Switch {plugin} on?")
    await expect(look).to_contain_text("get_order_status")
    assert await findings(page) == []
    await look.get_by_role("button", name="Switch on").click()
    await page.get_by_text(f"{plugin} is on").wait_for()
    await expect(switch).to_be_checked()


async def add_tool(page: Page, tool: str) -> None:
    await go_to(page, "Tools")
    switch = page.get_by_role("switch", name=f"{tool} for this client")
    await expect(switch).not_to_be_checked()
    await switch.click()
    await page.get_by_text(f"{tool} is on").wait_for()
    assert await findings(page) == []
    await page.get_by_role("link", name=tool).click()
    await expect(page.get_by_role("heading", name=tool, level=1)).to_be_visible()


async def try_tool(page: Page) -> None:
    await settled(page)
    await page.get_by_label("Order Id").fill("ORD-1001")
    await page.get_by_role("button", name="Run").click()
    await expect(page.get_by_role("group", name="Answer")).to_contain_text("ORD-1001")
    assert await findings(page) == []


async def talk_to_the_assistant(page: Page) -> None:
    await go_to(page, "Test chat")
    await page.get_by_label("Message").fill(ORDER)
    await page.get_by_role("button", name="Send").click()
    chat = page.get_by_role("log", name="Chat")
    await expect(chat.get_by_text("Answered", exact=True)).to_be_visible()
    await expect(chat).to_contain_text("on its way")
    await expect(page.get_by_role("region", name="Tool calls")).to_contain_text("get_order_status")
    assert await findings(page) == []


async def read_transcript(page: Page) -> None:
    """The visitor's: what was tried beforehand is in no list."""
    await go_to(page, "Conversations")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Unnamed visitor").click()
    main = page.get_by_role("main")
    await expect(main).to_contain_text(ORDER)
    await expect(main).to_contain_text("on its way")
    await expect(main).to_contain_text("get_order_status")
    await settled(page)
    assert await findings(page) == []


async def export(page: Page) -> None:
    await page.get_by_role("link", name="Back to the list").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export as CSV").click()
    with (await (await download.value).path()).open(newline="") as file:
        (record,) = csv.DictReader(file)
    assert (record["channel"], record["tool_calls"]) == ("widget", "1")


async def invite(owner: Page, dashboard: Dashboard, email: str, *, client: str) -> str:
    """The one-time link of a teammate of this client."""
    await owner.goto(dashboard.path("admins"))
    await owner.get_by_role("button", name="Invite an admin").click()
    form = owner.get_by_role("dialog", name="Invite an admin")
    await form.get_by_label("E-mail address").fill(email)
    await form.get_by_label("Role", exact=True).select_option("Teammate")
    await form.get_by_label("May operate").select_option("Only some clients")
    await form.get_by_label(client).check()
    assert await findings(owner) == []
    await form.get_by_role("button", name="Invite an admin").click()
    made = owner.get_by_role("dialog", name=f"{email} is invited")
    return await made.get_by_role("group", name="One-time link").inner_text()


async def conversation_of(owner: Page, dashboard: Dashboard, session_id: str) -> str:
    answer = await owner.context.request.get(dashboard.path("../admin/conversations"))
    listed: list[dict[str, Any]] = (await answer.json())["conversations"]
    return next(str(each["id"]) for each in listed if each["session_id"] == session_id)


async def come_in(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_label("Password", exact=True).fill(CHOSEN)
    await page.get_by_label("The same again").fill(CHOSEN)
    assert await findings(page) == []
    await page.get_by_role("button", name="Come in").click()


async def sees_the_desk_alone(page: Page, client: str) -> None:
    await expect(page.get_by_role("heading", name="Desk")).to_be_visible()
    await settled(page)
    menu = page.get_by_role("navigation", name="Main menu").get_by_role("link")
    await expect(menu).to_have_text(["API tokens", "Desk", "Conversations"])
    await expect(page.get_by_role("button", name=f"Choose a client: {client}")).to_be_disabled()
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert await findings(page) == []


async def take_and_answer(page: Page, answer: str) -> None:
    await page.get_by_role("link", name="Unnamed visitor").click()
    await expect(page.get_by_role("log")).to_contain_text("Do you sell atlases?")
    await page.get_by_label("Your name").fill("Tess")
    await page.get_by_role("button", name="Take over").click()
    await page.get_by_label("Your reply").fill(answer)
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("log")).to_contain_text(answer)
    assert await findings(page) == []


async def hand_back(page: Page) -> None:
    await page.get_by_role("button", name="Hand back to the AI").click()
    await expect(page.get_by_text("Take the conversation over to answer.")).to_be_visible()
    assert await findings(page) == []


async def finds_nothing_of_others(page: Page, dashboard: Dashboard, conversation_id: str) -> None:
    """Another client's is answered as what there is not, to the byte; the installation's is refused."""
    for there, nowhere in (
        ("clients/CLIENT", f"clients/{UNKNOWN}"),
        ("clients/CLIENT/plugins", f"clients/{UNKNOWN}/plugins"),
        (f"conversations/{conversation_id}", f"conversations/{UNKNOWN}"),
    ):
        found, missed = [await problem(page, dashboard, path) for path in (there, nowhere)]
        assert found == missed
        assert found["status"] == 404
    for path in (f"clients/CLIENT/desk/{conversation_id}", f"conversations/{conversation_id}"):
        await page.goto(dashboard.path(path))
        await expect(page.get_by_role("alert")).to_contain_text("There is no such thing")
        assert await findings(page) == []
    await page.goto(dashboard.path("jobs"))
    await expect(page.get_by_role("alert")).to_contain_text("This is for admins of the whole installation.")


async def problem(page: Page, dashboard: Dashboard, path: str) -> dict[str, Any]:
    answer = await page.context.request.get(dashboard.path(f"../admin/{path}"))
    told: dict[str, Any] = await answer.json()
    del told["request_id"]
    return told


async def go_to(page: Page, name: str) -> None:
    """By the menu, to a page of the client."""
    menu = page.get_by_role("navigation", name="Main menu").get_by_role("list", name="Client", exact=True)
    await menu.get_by_role("link", name=name, exact=True).click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    await settled(page)
    assert await findings(page) == []


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Save").click()
    await page.get_by_text("Saved").wait_for()


def site(dashboard: Dashboard) -> str:
    """The origin of the demo's page, which takes any client's key."""
    return dashboard.url.removesuffix("/dashboard/")


@asynccontextmanager
async def visitor(browser: Browser, dashboard: Dashboard, key: str) -> AsyncIterator[Page]:
    """A page of the client's site, the widget open."""
    async with visiting(browser, dashboard.url, is_refused=False) as page:
        await page.goto(f"{site(dashboard)}/demo/?key={key}")
        await page.locator("csai-widget .launcher").click()
        yield page
