"""Every page of the dashboard: with data, in both languages and themes, on a phone. axe looks at each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.dashboard import PHONE, Dashboard, dashboard, findings, settled, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["dashboard"]

PAGES = {
    "": "Dashboard",
    "clients": "Clients",
    "clients/CLIENT": "Kettle & Cloth",
    "conversations": "Conversations",
    "plugins": "Plugins",
    "plans": "Plans",
    "plans/default": "Plan default",
    "tools": "Tool catalog",
    "tools/get_order_status": "get_order_status",
    "add-tool": "Add a tool",
    "jobs": "Jobs",
    "health": "System health",
    "models": "Models",
    "usage": "Usage of all clients",
    "invoices": "Invoices",
    "admins": "Admins",
    "tokens": "API tokens",
    "account": "My account",
    "audit": "Audit log",
    "clients/CLIENT/plugins": "Plugins",
    "clients/CLIENT/plugins/n8n": "n8n",
    "clients/CLIENT/tools": "Tools",
    "clients/CLIENT/tools/get_order_status": "get_order_status",
    "clients/CLIENT/tool-calls": "Calls",
    "clients/CLIENT/integrations": "Integrations",
    "clients/CLIENT/channels": "Channels",
    "clients/CLIENT/knowledge": "Knowledge",
    "clients/CLIENT/branding": "Branding",
    "clients/CLIENT/models": "Answering",
    "clients/CLIENT/test-chat": "Test chat",
    "clients/CLIENT/experiments": "Experiments",
    "clients/CLIENT/conversations?tools=true": "Conversations",
    "clients/CLIENT/desk?state=all": "Desk",
    "clients/CLIENT/feedback": "Feedback",
    "clients/CLIENT/usage": "Usage",
    "clients/CLIENT/invoices": "Invoices",
    "clients/CLIENT/payer": "Who pays",
}
"""Each with its heading. What is not here is reached from one of these in a test of its own."""

LISTED = Path(__file__).resolve().parents[2] / "admin" / "src" / "pages.ts"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "hebrew": {"locale": "he-IL", "color_scheme": "light"},
    "phone": {"viewport": PHONE, "has_touch": True},
    "hebrew on a dark phone": {"viewport": PHONE, "locale": "he-IL", "color_scheme": "dark"},
}


@pytest.fixture(scope="module", autouse=True)
def visitors(dashboard: Dashboard) -> None:
    """Something to show."""
    dashboard.say("What is your return policy?")
    dashboard.ask_for_a_human(dashboard.say("Where is my order ORD-1001?"))


@pytest.mark.timeout(300)  # Dozens of pages, and axe takes its time with each.
@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_is_sound(browser: Browser, dashboard: Dashboard, look: str, tmp_path: Path) -> None:
    async with signed_in(browser, dashboard, **LOOKS[look]) as page:
        for path, heading in PAGES.items():
            await page.goto(dashboard.path(path))
            await settled(page)
            if "hebrew" not in look:
                await expect(page.locator("main h1")).to_have_text(heading)
                await expect(page).to_have_title(f"{heading} · csai")
            assert await findings(page) == [], path
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, f"{path} scrolls sideways"
            assert len(await page.screenshot(path=tmp_path / "page.png")) > 5_000


async def test_hebrew_is_written_from_right_to_left(browser: Browser, dashboard: Dashboard) -> None:
    async with signed_in(browser, dashboard, locale="he-IL") as page:
        await page.goto(dashboard.path("plugins"))
        await settled(page)
        assert await page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
            "he",
            "rtl",
        ]
        menu, main = [await page.locator(part).bounding_box() for part in ("aside", "main")]
        assert menu is not None
        assert main is not None
        assert menu["x"] > main["x"]
        await expect(page.locator("main h1")).to_have_text(re.compile("[א-ת]"))


async def test_every_page_that_there_is_has_been_looked_at() -> None:
    """Those with a place in the menu; the others are met where a test does something with them."""
    named = re.findall(r'\{ path: "([^"]*)".*title:', LISTED.read_text())
    looked_at = {path.partition("?")[0].replace("CLIENT", ":clientId") for path in PAGES}
    assert set(named) - looked_at == set()
