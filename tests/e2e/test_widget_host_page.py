"""The widget: a guest on a page that is not its own."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import KEY, ask, delta, embed, replies, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")


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

    async def test_nothing_on_the_page_lies_over_it(self, page: Page, server: FakeServer) -> None:
        cover = (
            "<style>#cover { position: fixed; inset: 0; z-index: 2147483647; }</style><div id=cover></div>"
        )
        await visit(page, server, cover)
        await page.get_by_role("button", name="Open chat").click()
        await expect(page.get_by_role("dialog")).to_be_visible()

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
        # The bubble does not wait for a slow server to say where it wants it.
        await expect(page.locator("csai-widget .root")).to_contain_class("top left")
        box = await page.locator("csai-widget .launcher").bounding_box()
        assert box == {"x": 20, "y": 20, "width": 60, "height": 60}
        await page.get_by_role("button", name="Open chat").click()
        await expect(page.get_by_role("dialog", name="Server")).to_contain_text("From the page")

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

    async def test_fingers_that_enlarge_a_phone_s_screen_do_not_make_it_smaller(
        self, page: Page, server: FakeServer
    ) -> None:
        await page.set_viewport_size({"width": 390, "height": 844})
        devtools = await page.context.new_cdp_session(page)
        screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        await devtools.send("Emulation.setDeviceMetricsOverride", screen)
        await page.goto(server.page('<meta name="viewport" content="width=device-width">' + embed(open="")))
        await expect(page.get_by_role("dialog")).to_be_visible()
        resized = """() => { window.resized = new Promise((done) => visualViewport.addEventListener("resize",
            () => requestAnimationFrame(() => done(visualViewport.scale)), { once: true })); }"""
        await page.evaluate(resized)
        await devtools.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 2})
        assert await page.evaluate("resized") == 2
        height = "document.querySelector('csai-widget').shadowRoot.querySelector('.panel').offsetHeight"
        assert await page.evaluate(height) == 844


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

    async def test_opened_by_the_page_s_markup_it_takes_no_focus(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, "<input autofocus id=search>", open="")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator("#search")).to_be_focused()

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

    @pytest.mark.parametrize("is_composing", [True, False], ids=["most", "Safari, at the end of a word"])
    async def test_keys_that_an_input_method_takes_neither_send_nor_close(
        self, page: Page, server: FakeServer, is_composing: bool
    ) -> None:
        await visit(page, server, open="")
        field = page.get_by_role("textbox", name="Your message")
        await field.fill("にほん")
        for key in ("Enter", "Escape"):
            taken = {"key": key, "keyCode": 229, "isComposing": is_composing, "bubbles": True}
            await field.dispatch_event("keydown", taken)
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(field).to_have_value("にほん")
        await field.press("Enter")
        await expect(replies(page)).to_contain_text("Fine.")
        assert len(server.posted()) == 1
        await field.press("Escape")
        await expect(page.locator("csai-widget .panel")).to_be_hidden()

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
