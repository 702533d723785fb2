"""The widget: what others wrote, and the page that shows it off."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import KEY, ask, delta, replies, tool, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

XSS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "xss"


class TestHostileText:
    ALLOWED = frozenset(
        "DIV P SPAN STRONG EM CODE PRE UL OL LI A BR svg path I BUTTON".split()  # noqa: SIM905
    )

    async def test_nothing_an_answer_says_becomes_markup(self, page: Page, server: FakeServer) -> None:
        if not XSS.exists():
            pytest.skip("the recorded attack strings (../shared/vectors/xss) are absent")
        attacks = [line for file in sorted(XSS.iterdir()) for line in file.read_text().splitlines() if line]
        everything = "\n\n".join(
            [*attacks, *(f"[x]({line})" for line in attacks), *(f"![x]({line})" for line in attacks)]
        )
        attack = "<img src=x onerror=alert(1)><script>alert(1)</script>"
        server.config = {
            "client": {"name": attack},
            "branding": {"greeting": everything, "primary_color": attack},
        }
        server.scripts[attack] = Script(
            text=everything,
            events=[tool("started", attack), delta(everything)],
            citations=[
                {"title": attack, "url": "javascript:alert(1)"},
                {"title": attack, "url": "data:text/html,x"},
            ],
        )
        dialogs: list[str] = []
        requested: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        page.on("request", lambda request: requested.append(request.url))
        await visit(page, server, open="")
        await ask(page, attack)
        await expect(replies(page).locator(".sources li")).to_have_count(2)
        await expect(replies(page).locator(".rich")).to_contain_text("INJECTX")
        found = await page.evaluate(
            """() => {
              const { shadowRoot } = document.querySelector("csai-widget");
              const all = [...shadowRoot.querySelectorAll(".entry *")];
              const isActive = (name) => /^on|^style|^src/.test(name);
              const links = all.filter((element) => element.tagName === "A");
              return {
                tags: [...new Set(all.map((element) => element.tagName))],
                handlers: all.filter((element) => element.getAttributeNames().some(isActive)).length,
                links: links.map((link) => [link.protocol, link.rel]),
              };
            }"""
        )
        assert set(found["tags"]) <= self.ALLOWED
        assert found["handlers"] == 0
        assert {protocol for protocol, _ in found["links"]} <= {"http:", "https:", "mailto:"}
        assert all("noopener" in rel for _, rel in found["links"])
        assert dialogs == []
        assert {url.split("/")[2] for url in requested} == {server.url.split("/")[2]}


class TestDemoPage:
    async def test_a_suggested_question_is_asked(self, page: Page, server: FakeServer) -> None:
        await page.goto(f"{server.url}/demo/?key={KEY}")
        await page.get_by_role("button", name="Is the blue kettle in stock?").click()
        await expect(page.get_by_role("dialog", name="Kettle & Cloth")).to_contain_text("Fine.")
        assert server.posted()[0].body == {"message": "Is the blue kettle in stock?"}
        assert server.posted()[0].headers["X-API-Key"] == KEY

    async def test_without_a_key_it_says_where_to_get_one(self, page: Page, server: FakeServer) -> None:
        await page.goto(f"{server.url}/demo/")
        await expect(page.get_by_role("alert")).to_contain_text("csai demo")

    async def test_hebrew_is_written_from_the_right(self, page: Page, server: FakeServer) -> None:
        server.scripts["איפה ההזמנה שלי ORD-1001?"] = Script(text="ההזמנה בדרך.\n\n- קומקום\n\nSee you soon.")
        await page.goto(f"{server.url}/demo/?key={KEY}")
        await page.locator("[data-ask][lang=he]").click()
        await expect(replies(page).locator("p").first).to_have_css("direction", "rtl")
        await expect(replies(page).locator("ul.tools + .bubble ul")).to_have_css("direction", "rtl")
        await expect(replies(page).locator("p").last).to_have_css("direction", "ltr")
