"""The dashboard's pictures: each of its pages, some in other looks too. `make screenshots` takes them.

A new page is a line in `PAGES`. Any page can be had in any look: `NAMES="dashboard-audit-hebrew"`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from csai.admins.service import COOKIE
from playwright.async_api import Browser, Page, expect

from scripts.installation import ENDPOINT, ORDER, Installation
from tests.e2e.dashboard import settled

PREFIX = "dashboard"
MAX_BYTES = 100_000
LOOKS: dict[str, dict[str, Any]] = {
    "": {},
    "dark": {"color_scheme": "dark"},
    "hebrew": {"locale": "he-IL"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "hebrew-phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "locale": "he-IL",
        "color_scheme": "dark",
    },
}
"""How a browser is set up: by what the picture's name ends with."""
WINDOW = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", "reduced_motion": "reduce"}
Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Shown:
    """A page, what is done on it before it is taken and after that, and in which looks the docs show it."""

    path: str
    act: Act | None = None
    then: Act | None = None
    looks: Collection[str] = ("",)
    is_signed_in: bool = True


async def try_tool(page: Page) -> None:
    await page.get_by_label("Order Id").fill("ORD-1001")
    await page.locator("main form").first.locator("button[type=submit]").click()
    await expect(page.locator("main [role=status] pre")).to_be_visible()


async def talk(page: Page) -> None:
    form = page.locator("main form")
    await form.locator("textarea").fill(ORDER)
    await form.locator("button[type=submit]").click()
    await expect(page.locator("main [role=log]")).to_contain_text("is on its way")
    await page.locator("main details summary").last.click()


async def write_schema(page: Page) -> None:
    await page.get_by_label("Schema", exact=True).fill(json.dumps(ENDPOINT["parameters_schema"], indent=2))
    await expect(page.locator("main form").last.get_by_text("order_id")).to_be_visible()


async def look_at_widget(page: Page) -> None:
    await expect(page.frame_locator("iframe").locator("csai-widget").get_by_role("dialog")).to_be_visible()


async def look_at_change(page: Page) -> None:
    await page.locator("tbody tr").first.get_by_role("button").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def open_palette(page: Page) -> None:
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox").fill("in")


async def open_menu(page: Page) -> None:
    await page.locator("header button").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def pause(page: Page) -> None:
    await page.locator("main header button").first.click()
    await page.get_by_role("dialog").get_by_role("button").last.click()
    await expect(page.locator("main").get_by_role("status").first).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def resume(page: Page) -> None:
    await page.locator("main").get_by_role("status").first.get_by_role("button").click()
    await page.get_by_role("dialog").get_by_role("button").last.click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


PAGES = {
    "sign-in": Shown("login", is_signed_in=False),
    "home": Shown("", looks=("", "dark", "hebrew", "phone")),
    "palette": Shown("", open_palette),
    "menu": Shown("", open_menu, looks=("phone",)),
    "clients": Shown("clients"),
    "client": Shown("clients/CLIENT", looks=("", "hebrew")),
    "paused": Shown("clients/CLIENT", pause, resume),
    "desk": Shown("clients/CLIENT/desk?state=all"),
    "desk-conversation": Shown("clients/CLIENT/desk/WAITING", looks=("", "hebrew-phone")),
    "conversations": Shown("conversations", looks=("", "dark", "phone")),
    "conversation": Shown("conversations/CONVERSATION", looks=("", "dark", "hebrew")),
    "branding": Shown("clients/CLIENT/branding", look_at_widget),
    "client-plugins": Shown("clients/CLIENT/plugins"),
    "client-plugin": Shown("clients/CLIENT/plugins/n8n"),
    "tools": Shown("clients/CLIENT/tools", looks=("", "phone")),
    "tool": Shown("clients/CLIENT/tools/get_order_status", try_tool),
    "tool-calls": Shown("clients/CLIENT/tool-calls"),
    "integrations": Shown("clients/CLIENT/integrations"),
    "integration": Shown("clients/CLIENT/integrations/INTEGRATION"),
    "knowledge": Shown("clients/CLIENT/knowledge"),
    "answering": Shown("clients/CLIENT/models"),
    "test-chat": Shown("clients/CLIENT/test-chat", talk),
    "experiments": Shown("clients/CLIENT/experiments"),
    "experiment": Shown("clients/CLIENT/experiments/EXPERIMENT"),
    "channels": Shown("clients/CLIENT/channels"),
    "channel": Shown("clients/CLIENT/channels/CHANNEL"),
    "feedback": Shown("clients/CLIENT/feedback"),
    "client-usage": Shown("clients/CLIENT/usage"),
    "client-invoices": Shown("clients/CLIENT/invoices"),
    "payer": Shown("clients/CLIENT/payer"),
    "usage": Shown("usage"),
    "invoices": Shown("invoices"),
    "invoice": Shown("invoices/PAID"),
    "plans": Shown("plans"),
    "plan": Shown("plans/growth"),
    "catalog": Shown("tools"),
    "catalog-tool": Shown("tools/get_order_status"),
    "catalog-add": Shown("add-tool", write_schema),
    "models": Shown("models"),
    "plugins": Shown("plugins"),
    "jobs": Shown("jobs"),
    "health": Shown("health"),
    "admins": Shown("admins"),
    "admin": Shown("admins/ADMIN"),
    "tokens": Shown("tokens"),
    "account": Shown("account"),
    "audit": Shown("audit", looks=("", "hebrew")),
    "audit-change": Shown("audit", look_at_change),
}


def names() -> list[str]:
    """Those that the docs show."""
    return [_name(page, look) for page, shown in PAGES.items() for look in shown.looks]


def is_known(name: str) -> bool:
    return name in _every()


async def take(
    browser: Browser,
    made: Installation,
    wanted: Collection[str],
    keep: Callable[[Page, str], Awaitable[None]],
) -> None:
    every = _every()
    for name in wanted:
        page_name, look = every[name]
        shown = PAGES[page_name]
        async with _window(browser, made, look, is_signed_in=shown.is_signed_in) as page:
            await page.goto(made.path(shown.path))
            await settled(page)
            if shown.act:
                await shown.act(page)
            await page.mouse.move(0, 0)
            await keep(page, name)
            if shown.then:
                await shown.then(page)


@asynccontextmanager
async def _window(
    browser: Browser, made: Installation, look: str, *, is_signed_in: bool
) -> AsyncIterator[Page]:
    context = await browser.new_context(**{**WINDOW, **LOOKS[look]})
    if is_signed_in:
        await context.add_cookies([{"name": COOKIE, "value": made.token, "url": f"{made.url}/admin"}])
    # As for whoever looked at the shop before.
    await context.add_init_script(f"localStorage.setItem('csai.client', '{made.client_id}')")
    try:
        yield await context.new_page()
    finally:
        await context.close()


def _every() -> dict[str, tuple[str, str]]:
    return {_name(page, look): (page, look) for page in PAGES for look in LOOKS}


def _name(page: str, look: str) -> str:
    return "-".join(part for part in (PREFIX, page, look) if part)
