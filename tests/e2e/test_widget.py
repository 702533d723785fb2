"""The widget in a browser, against a server whose every answer the test has written."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from tests.e2e.fake_server import FakeServer, Script

pytestmark = pytest.mark.asyncio(loop_scope="module")

XSS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "xss"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
KEY = "pk_test_1"


def delta(text: str) -> tuple[str, dict[str, Any]]:
    return ("text.delta", {"text": text})


def tool(kind: str, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return (f"tool.{kind}", {"id": name, "name": name, **more})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
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


def embed(**attributes: str) -> str:
    given = {
        "data-api-key": KEY,
        **{f"data-{name.replace('_', '-')}": value for name, value in attributes.items()},
    }
    written = " ".join(f'{name}="{value}"' for name, value in given.items())
    return f'<script src="/widget.js" {written}></script>'


async def visit(page: Page, server: FakeServer, body: str = "", **attributes: str) -> None:
    await page.goto(server.page(body + embed(**attributes)))
    await expect(page.locator("csai-widget .launcher")).to_be_visible()


async def ask(page: Page, text: str) -> None:
    field = page.get_by_role("textbox", name="Your message")
    await field.fill(text)
    await field.press("Enter")


def replies(page: Page) -> Locator:
    """The answers, without the greeting."""
    return page.locator("csai-widget .reply:not(:first-child)")


class TestTurn:
    async def test_an_answer_streams_in_with_its_tools_and_sources(
        self, page: Page, server: FakeServer
    ) -> None:
        script = Script(
            text="It is **on its way**.",
            events=[
                tool("started", "get_order_status"),
                tool("finished", "get_order_status", success=True, duration_ms=3),
                delta("It is **on "),
                delta("its way**."),
            ],
            citations=[
                {"title": "Delivery", "url": "https://shop.example/d"},
                {"title": "Bad", "url": "javascript:x"},
            ],
            holds_before=2,
        )
        server.scripts["Where is it?"] = script
        await visit(page, server, open="")
        await ask(page, "Where is it?")
        await expect(replies(page).locator(".tool.running")).to_have_text("Checking order status…")
        await expect(replies(page).get_by_role("img", name="Writing an answer")).to_be_visible()
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("It is on its way.")
        await expect(replies(page).locator("strong")).to_have_text("on its way")
        await expect(replies(page).locator(".tool.done")).to_have_text("Checked order status")
        await expect(replies(page).locator(".sources li")).to_have_text(["1Delivery", "2Bad"])
        await expect(replies(page).locator(".sources a")).to_have_count(1)

    async def test_the_second_message_goes_on_in_the_session_of_the_first(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page).nth(0)).to_contain_text("Fine.")
        await ask(page, "two")
        await expect(replies(page).nth(1)).to_contain_text("Fine.")
        first, second = server.posted()
        assert first.body == {"message": "one"}
        assert second.body == {"message": "two", "session_id": "session-1"}
        assert "X-Session-Token" not in first.headers
        assert second.headers["X-Session-Token"] == "token-of-session-1"
        keys = {uuid.UUID(request.headers["Idempotency-Key"]) for request in (first, second)}
        assert len(keys) == 2
        assert {request.headers["X-API-Key"] for request in (first, second)} == {KEY}

    async def test_text_that_another_provider_replaces_is_taken_back(
        self, page: Page, server: FakeServer
    ) -> None:
        script = Script(
            text="Right.", events=[delta("Wrong"), ("text.reset", {}), delta("Right.")], holds_before=3
        )
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).get_by_role("img", name="Writing an answer")).to_be_visible()
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("Right.")

    async def test_a_stopped_answer_keeps_what_was_said(self, page: Page, server: FakeServer) -> None:
        server.scripts["q"] = Script(
            text="The first", events=[delta("The first"), delta(" and more")], holds_before=2
        )
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("The first")
        await page.get_by_role("button", name="Stop answering").click()
        await expect(replies(page)).to_contain_text("Stopped")
        await expect(replies(page).locator(".rich")).to_have_text("The first")
        assert server.posted("/chat/stop")[0].body == {"session_id": "session-1"}
        await expect(page.get_by_role("button", name="Send message")).to_be_visible()

    async def test_a_handoff_is_announced(self, page: Page, server: FakeServer) -> None:
        server.scripts["human"] = Script(text="", events=[("handoff", {})], status="handed_off")
        await visit(page, server, open="")
        await ask(page, "human")
        await expect(page.locator("csai-widget .notice")).to_have_text(
            "A person from our team is taking over."
        )

    async def test_only_a_finished_answer_is_read_out(self, page: Page, server: FakeServer) -> None:
        script = Script(text="All of it.", events=[delta("All "), delta("of it.")], holds_before=2)
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("All")
        await expect(page.locator("csai-widget [aria-live]")).to_be_empty()
        script.released.set()
        await expect(page.locator("csai-widget [aria-live]")).to_have_text("All of it.")


class TestFailure:
    async def test_after_a_429_the_same_key_is_sent_again_when_its_time_has_come(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["q"] = Script(refusals=[(429, "rate_limited", {"Retry-After": "20"})])
        await page.clock.install()
        await visit(page, server, open="")
        await ask(page, "q")
        retry = replies(page).locator(".retry")
        await expect(retry).to_be_disabled()
        await expect(retry).to_have_text(re.compile(r"Try again in \d+ s"))
        await page.clock.run_for(21_000)
        await expect(retry).to_have_text("Try again")
        await retry.click()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        first, second = server.posted()
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]

    async def test_a_used_up_plan_offers_no_retry(self, page: Page, server: FakeServer) -> None:
        server.scripts["q"] = Script(refusals=[(429, "limit_reached", {})])
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("reached its limit")
        await expect(replies(page).locator(".retry")).to_have_count(0)

    async def test_a_connection_that_drops_is_resumed_where_it_broke(
        self, page: Page, server: FakeServer
    ) -> None:
        script = Script(
            text="one two three",
            events=[delta("one "), delta("two "), delta("three")],
            holds_before=3,
            drops_after=3,
        )
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("one two")
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("one two three")
        await expect(page.get_by_role("status")).to_be_hidden()
        (resumed,) = [request for request in server.requests if request.path == "/chat/events/session-1"]
        assert resumed.headers["Last-Event-ID"] == "turn-1:3"
        assert resumed.headers["X-Session-Token"] == "token-of-session-1"
        assert len(server.posted()) == 1

    async def test_where_nothing_can_be_resumed_the_message_is_posted_under_its_key(
        self, page: Page, server: FakeServer
    ) -> None:
        server.refuses_resume = True
        script = Script(text="one two", events=[delta("one "), delta("two")], holds_before=2, drops_after=2)
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("one")
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("one two")
        first, second = server.posted()
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
        assert first.body == second.body

    async def test_without_a_connection_the_visitor_is_told_and_can_retry(
        self, page: Page, server: FakeServer
    ) -> None:
        await page.clock.install()
        await visit(page, server, open="")
        await page.route("**/chat/message", lambda route: route.abort())
        await ask(page, "q")
        await expect(page.get_by_role("status")).to_have_text("Reconnecting…")
        for _ in range(8):
            await page.clock.run_for(5_000)
        await expect(replies(page)).to_contain_text("did not get through")
        await page.unroute("**/chat/message")
        await replies(page).get_by_role("button", name="Try again").click()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        await expect(page.get_by_role("status")).to_be_hidden()

    async def test_a_failed_turn_shows_its_words_and_retries_as_a_new_message(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["q"] = Script(
            text="Sorry, that went wrong.", events=[delta("Half an")], status="failed"
        )
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".failure")).to_contain_text("Sorry, that went wrong.")
        await expect(replies(page)).not_to_contain_text("Half an")
        server.scripts["q"] = Script()
        await replies(page).get_by_role("button", name="Try again").click()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        first, second = server.posted()
        assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
        assert second.body == {"message": "q", "session_id": "session-1"}

    async def test_a_conversation_that_was_ended_elsewhere_begins_anew(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page).nth(0)).to_contain_text("Fine.")
        server.ended.add("session-1")
        await ask(page, "two")
        await expect(replies(page).nth(1)).to_contain_text("Fine.")
        assert server.posted()[-1].body == {"message": "two"}

    async def test_a_refused_key_leaves_the_page_without_a_widget(
        self, page: Page, server: FakeServer
    ) -> None:
        server.refuses_key = True
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await page.goto(server.page(embed()))
        await expect(page.locator("csai-widget")).to_have_count(0)
        assert any("data-api-key" in text for text in said)


class TestMemory:
    async def test_a_reload_shows_what_was_said(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.reload()
        await expect(page.locator("csai-widget .visitor")).to_contain_text("one")
        await expect(replies(page)).to_contain_text("Fine.")
        assert len(server.posted()) == 1

    async def test_a_reload_in_the_middle_of_an_answer_goes_on_with_it(
        self, page: Page, server: FakeServer
    ) -> None:
        script = Script(text="one two", events=[delta("one "), delta("two")], holds_before=2)
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("one")
        await page.reload()
        await expect(replies(page).locator(".rich")).to_have_text("one")
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("one two")
        await expect(page.locator("csai-widget .visitor")).to_have_count(1)
        first, second = server.posted()
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]

    async def test_starting_over_ends_the_conversation_and_forgets_it(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.get_by_role("button", name="New conversation").click()
        await page.get_by_role("button", name="Start over").click()
        await expect(page.locator("csai-widget .entry")).to_have_count(1)
        await ask(page, "two")
        await expect(replies(page)).to_contain_text("Fine.")
        assert server.ended == {"session-1"}
        assert server.posted()[-1].body == {"message": "two"}


class TestHostPage:
    async def test_it_works_under_a_strict_policy(self, page: Page, server: FakeServer) -> None:
        violations: list[str] = []
        page.on(
            "console",
            lambda message: violations.append(message.text) if "policy" in message.text.lower() else None,
        )
        policy = (
            "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"
        )
        await page.goto(server.page(embed(open="", primary_color="#aa2200"), csp=policy))
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await expect(page.locator("csai-widget .visitor .bubble")).to_have_css(
            "background-color", "rgb(170, 34, 0)"
        )
        assert violations == []

    async def test_the_page_s_styles_do_not_reach_it(self, page: Page, server: FakeServer) -> None:
        hostile = """<style>
            html { font-size: 40px; direction: rtl; }
            html > *:not(body), body *, csai-widget {
              all: unset !important; display: none !important; opacity: 0 !important;
              position: static !important; transform: scale(3) !important; }
            body { transform: rotate(9deg); filter: blur(4px); }
            button, textarea, p, div { font-size: 60px !important; color: lime !important; }
        </style>"""
        await visit(page, server, hostile, open="")
        panel = page.get_by_role("dialog")
        await expect(panel).to_be_visible()
        box = await panel.bounding_box()
        assert box is not None
        assert (box["width"], box["x"] + box["width"]) == (400, 980)
        await expect(page.locator("csai-widget .entry .rich").first).to_have_css("font-size", "15px")
        await expect(page.locator("csai-widget .root")).to_have_css("direction", "ltr")

    async def test_its_styles_do_not_reach_the_page(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, "<p id=mine>text</p><button id=own>b</button>", open="")
        await expect(page.locator("#mine")).to_have_css("margin-top", "16px")
        assert (
            await page.evaluate(
                "document.adoptedStyleSheets.length + document.querySelectorAll('style').length"
            )
            == 0
        )

    async def test_inserted_twice_and_late_it_is_there_once(self, page: Page, server: FakeServer) -> None:
        await visit(page, server)
        await page.evaluate(
            """([key]) => { const again = document.createElement("script");
            again.src = "/widget.js"; again.dataset.apiKey = key; document.head.append(again);
            return new Promise((loaded) => again.addEventListener("load", loaded)); }""",
            [KEY],
        )
        await expect(page.locator("csai-widget")).to_have_count(1)
        assert len([request for request in server.requests if request.path == "/api/config"]) == 1

    async def test_it_talks_to_a_server_of_another_origin(self, page: Page, server: FakeServer) -> None:
        script = f'<script src="{server.other_url}/widget.js" data-api-key="{KEY}" data-open></script>'
        await page.goto(server.page(script))
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert server.posted()[0].headers["Host"].startswith("localhost")

    async def test_the_page_s_word_goes_before_the_server_s(self, page: Page, server: FakeServer) -> None:
        server.config["branding"] = {"greeting": "From the server", "title": "Server", "position": "top-left"}
        await visit(page, server, greeting="From the page")
        box = await page.locator("csai-widget .launcher").bounding_box()
        assert box == {"x": 20, "y": 20, "width": 60, "height": 60}
        await page.get_by_role("button", name="Open chat").click()
        await expect(page.get_by_role("dialog", name="Server")).to_contain_text("From the page")

    async def test_text_on_a_light_brand_colour_is_dark(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, primary_color="gold", open="")
        await expect(page.locator("csai-widget header")).to_have_css("color", "rgb(0, 0, 0)")

    async def test_the_page_can_drive_it(self, page: Page, server: FakeServer) -> None:
        await visit(page, server)
        await page.evaluate(
            """() => { window.heard = [];
            for (const name of ["open", "close", "message", "reply"])
              csai.on(name, (detail) => heard.push([name, detail ?? null]));
            csai.open(); csai.send("q"); csai.close(); }"""
        )
        await expect(page.locator("csai-widget .badge")).to_have_text("1")
        heard = [["open", None], ["message", "q"], ["close", None], ["reply", "Fine."]]
        assert await page.evaluate("heard") == heard
        await page.evaluate("csai.destroy()")
        await expect(page.locator("csai-widget")).to_have_count(0)

    async def test_on_a_phone_it_fills_the_screen(self, page: Page, server: FakeServer) -> None:
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.goto(server.page(embed(open="")))
        box = await page.get_by_role("dialog").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
        await expect(page.locator("csai-widget .launcher")).to_be_hidden()


class TestKeyboard:
    async def test_focus_goes_into_the_field_and_escape_brings_it_back(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, "<button id=help>Help</button>")
        await page.evaluate("() => { help.onclick = () => csai.open(); }")
        await page.locator("#help").press("Enter")
        await expect(page.get_by_role("textbox", name="Your message")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("csai-widget .panel")).to_be_hidden()
        await expect(page.locator("#help")).to_be_focused()

    async def test_shift_enter_makes_a_line_and_enter_sends_both(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="")
        field = page.get_by_role("textbox", name="Your message")
        single = await field.bounding_box()
        await field.press_sequentially("one")
        await field.press("Shift+Enter")
        await field.press_sequentially("two")
        double = await field.bounding_box()
        assert single is not None
        assert double is not None
        assert double["height"] > single["height"]
        await field.press("Enter")
        await expect(replies(page)).to_contain_text("Fine.")
        assert server.posted()[0].body == {"message": "one\ntwo"}

    async def test_the_page_s_shortcuts_stay_quiet_while_writing(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="")
        await page.evaluate("window.pressed = 0; document.addEventListener('keydown', () => pressed++)")
        await page.get_by_role("textbox", name="Your message").press_sequentially("abc")
        assert await page.evaluate("pressed") == 0


class TestScrolling:
    async def test_it_follows_the_answer_unless_the_visitor_reads_above(
        self, page: Page, server: FakeServer
    ) -> None:
        long = "\n\n".join(f"line {number}" for number in range(60))
        script = Script(text=f"{long}\n\nend", events=[delta(long), delta("\n\nend")], holds_before=2)
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        last = page.locator("csai-widget .entry p", has_text="line 59")
        await expect(last).to_be_in_viewport()
        await page.locator("csai-widget .scroller").hover()
        await page.mouse.wheel(0, -500)
        latest = page.get_by_role("button", name="Go to the latest message")
        await expect(latest).to_be_visible()
        script.released.set()
        end = page.locator("csai-widget .entry p", has_text="end")
        await expect(end).to_be_attached()
        await expect(last).not_to_be_in_viewport()
        await latest.click()
        await expect(end).to_be_in_viewport()


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
