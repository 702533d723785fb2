"""The widget: what others wrote, and the page that shows it off."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import KEY, STRICT, ask, delta, embed, replies, tool, visit, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

XSS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "xss"


class TestHostileText:
    ALLOWED = frozenset(
        "DIV P SPAN BDI STRONG EM CODE PRE UL OL LI A BR svg path I BUTTON".split()  # noqa: SIM905
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


ROUND = """
    (line) => new Promise((done) => {
      const drawn = () => requestAnimationFrame(() => requestAnimationFrame(done));
      const off = csai.on("reply", () => { off(); drawn(); });
      csai.send(line);
    })"""
REMOUNT = """
    ([key, attributes]) => new Promise((done) => {
      window.csai?.destroy();
      const look = () => {
        const dialog = document.querySelector("csai-widget")?.shadowRoot.querySelector(".panel.open");
        if (dialog) done();
        else requestAnimationFrame(look);
      };
      const script = document.createElement("script");
      window.host ??= trustedTypes.createPolicy("host", { createScriptURL: (url) => url });
      script.src = host.createScriptURL("/widget.js");
      Object.assign(script.dataset, { apiKey: key, open: "", ...attributes });
      document.head.append(script);
      look();
    })"""
LOOK = """
    () => {
      const { shadowRoot } = document.querySelector("csai-widget");
      const all = [...shadowRoot.querySelectorAll("*")];
      const text = (selector) => [...shadowRoot.querySelectorAll(selector)].at(-1)?.textContent;
      const isActive = (name) => /^on|^src|^srcdoc|^formaction|^action/.test(name);
      return {
        tags: [...new Set(all.map(({ localName }) => localName))],
        active: all.flatMap((element) => element.getAttributeNames().filter(isActive)),
        links: all.filter(({ localName }) => localName === "a").map(({ protocol, rel }) => [protocol, rel]),
        visitor: text(".visitor .bubble div"),
        answer: text(".reply .rich"),
        tools: [...shadowRoot.querySelectorAll(".tool")].map(({ textContent }) => textContent),
        wish: text(".wish"),
        name: text("header h2"),
        label: shadowRoot.querySelector("[role=dialog]").getAttribute("aria-label"),
      };
    }"""


def attack_lines() -> list[str]:
    if not XSS.exists():
        pytest.skip("the recorded attack strings (../shared/vectors/xss) are absent")
    lines = [line for file in sorted(XSS.iterdir()) for line in file.read_text().splitlines()]
    return [line for line in lines if line.strip()]


def bare(text: str) -> str:
    """What no reading of a text as Markdown takes away."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


class TestAttacks:
    """Every recorded attack, in every place where others' words are shown, under the strictest policy."""

    TAGS = frozenset(
        "div section header span h2 p i button svg path ol ul li footer form textarea "  # noqa: SIM905
        "a br strong em code pre dl dt dd bdi".split()
    )

    def check(self, found: dict[str, Any], line: str) -> None:
        assert set(found["tags"]) <= self.TAGS, line
        assert found["active"] == [], line
        assert {protocol for protocol, _ in found["links"]} <= {"http:", "https:", "mailto:"}, line
        assert all({"noopener", "nofollow"} <= set(rel.split()) for _, rel in found["links"]), line

    async def test_said_by_visitor_model_and_tool_it_is_text(self, page: Page, server: FakeServer) -> None:
        lines = attack_lines()
        wrong = watch(page, server)
        await page.goto(server.page(embed(open=""), csp=STRICT))
        await expect(page.locator("csai-widget .launcher")).to_be_visible()
        for line in lines:
            asked = {"id": "c", "tool": line, "title": line, "details": [{"label": line, "value": line}]}
            server.scripts[line.strip()] = Script(
                text=line,
                events=[
                    tool("started", line),
                    tool("finished", line, success=True, result=line, summary=line),
                    delta(line[:7]),
                    delta(line[7:]),
                ],
                citations=[{"title": line, "url": line}],
                confirmations=[asked],
            )
            await page.evaluate(ROUND, line)
            found = await page.evaluate(LOOK)
            self.check(found, line)
            assert found["visitor"] == line.strip()
            assert bare(found["answer"]) == bare(line), line
            assert found["wish"].count(line) == 3
        assert len(server.posted()) == len(lines)
        assert await page.evaluate("document.body.children.length") == 1
        assert wrong == []

    async def test_as_a_link_or_a_picture_it_leads_nowhere(self, page: Page, server: FakeServer) -> None:
        lines = attack_lines()
        wrong = watch(page, server)
        await page.goto(server.page(embed(open=""), csp=STRICT))
        await expect(page.locator("csai-widget .launcher")).to_be_visible()
        wraps = ["[x]({})", "![x]({})", "<{}>", "[{}](https://shop.example/)", "[x](https://shop.example/{})"]
        server.scripts["q"] = Script(
            text="\n\n".join(wrap.replace("{}", line) for line in lines for wrap in wraps)
        )
        await page.evaluate(ROUND, "q")
        self.check(await page.evaluate(LOOK), "q")
        assert wrong == []

    async def test_as_name_and_greeting_it_is_text(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        policy = f"{STRICT} host"
        await page.goto(server.page(embed(open=""), csp=policy))
        await expect(page.locator("csai-widget .launcher")).to_be_visible()
        for line in attack_lines():
            server.config = {"client": {"name": line}, "branding": {"greeting": line, "primary_color": line}}
            await page.evaluate(REMOUNT, [KEY, {}])
            found = await page.evaluate(LOOK)
            self.check(found, line)
            assert (found["name"], found["label"]) == (line, line)
            assert bare(found["answer"]) == bare(line), line
            server.config = {}
            said = dict.fromkeys(("title", "greeting", "primaryColor", "position", "theme", "lang"), line)
            await page.evaluate(REMOUNT, [KEY, said])
            found = await page.evaluate(LOOK)
            self.check(found, line)
            assert (found["name"], bare(found["answer"])) == (line, bare(line))
        assert await page.locator("csai-widget").count() == 1
        assert wrong == []


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class TestHosts:
    PICTURES = (
        "![mine](https://cdn.shop.example/a.png) ![theirs](https://evil.example/?q=secret) "
        "[home](https://shop.example/) [away](https://evil.example/login)"
    )

    async def show(self, page: Page, server: FakeServer, **attributes: str) -> Locator:
        async def pixel(route: Route) -> None:
            await route.fulfill(content_type="image/png", body=PIXEL)

        await page.route("https://cdn.shop.example/**", pixel)
        server.scripts["q"] = Script(text=self.PICTURES)
        await visit(page, server, open="", **attributes)
        await ask(page, "q")
        answer = replies(page).locator(".rich")
        await expect(answer).to_contain_text("home")
        return answer

    async def test_unless_a_client_allows_hosts_pictures_are_links(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        answer = await self.show(page, server)
        await expect(answer.locator("img")).to_have_count(0)
        await expect(answer.locator("a")).to_have_text(["mine", "theirs", "home", "away"])
        for rel in ("noopener", "noreferrer", "nofollow"):
            await expect(answer.locator("a").last).to_have_attribute("rel", re.compile(rel))
        await expect(answer.locator("a").last).to_have_attribute("target", "_blank")
        assert wrong == []

    async def test_pictures_come_from_allowed_hosts_only(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        server.config["branding"] = {"image_hosts": ["*.shop.example"]}
        answer = await self.show(page, server)
        await expect(answer.get_by_role("img", name="mine")).to_be_visible()
        await expect(answer.locator("img")).to_have_count(1)
        await expect(answer.locator("a")).to_have_text(["theirs", "home", "away"])
        assert wrong == ["https://cdn.shop.example/a.png"]

    async def test_a_picture_that_does_not_load_is_a_link(self, page: Page, server: FakeServer) -> None:
        server.scripts["q"] = Script(text="![mine](https://cdn.shop.example/gone.png)")
        await visit(page, server, open="", image_hosts="cdn.shop.example")
        await page.route("https://cdn.shop.example/**", lambda route: route.abort())
        await ask(page, "q")
        await expect(replies(page).get_by_role("link", name="mine")).to_be_visible()
        await expect(replies(page).locator("img")).to_have_count(0)

    async def test_links_to_other_hosts_are_written_out(self, page: Page, server: FakeServer) -> None:
        answer = await self.show(page, server, link_hosts="shop.example, help.example")
        await expect(answer.locator("a")).to_have_text(["home"])
        await expect(answer).to_contain_text("away (https://evil.example/login)")


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
