"""The widget for those who do not see it, see it otherwise, or use no mouse. axe looks at every state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.test_widget_turn import CANCEL
from tests.e2e.widget_page import KEY, ask, choose, delta, embed, replies, tool, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = Path(__file__).resolve().parents[2] / "widget" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGE = "<main><h1>A shop</h1><p>Its page.</p></main>"
RTL = {"language": "he", "direction": "rtl", "labels": {"greeting": "שלום! איך אפשר לעזור?"}}
RICH = (
    "It is **on its way**, `ORD-1001`:\n\n1. packed\n2. sent\n\n- one\n- [two](https://shop.example/)\n\n"
    "```\ncode\n```\n\n# Heading\n\n![picture](https://shop.example/a.png)"
)


CONTRAST = """
    () => {
      const { shadowRoot } = document.querySelector("csai-widget");
      const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const luminance = (colors) => {
        pen.clearRect(0, 0, 1, 1);
        for (const color of colors) { pen.fillStyle = color; pen.fillRect(0, 0, 1, 1); }
        const [red, green, blue] = [...pen.getImageData(0, 0, 1, 1).data].map((channel) => {
          const share = channel / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const behind = (element) => {
        const colors = [];
        for (let each = element; each; each = each.parentElement) {
          const { backgroundColor, backgroundImage } = getComputedStyle(each);
          const accent = getComputedStyle(each).getPropertyValue("--accent");
          if (backgroundImage !== "none") return [accent, ...colors];
          colors.unshift(backgroundColor);
        }
        return ["white", ...colors];
      };
      const poor = [];
      for (const element of shadowRoot.querySelectorAll(".panel *")) {
        const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!isText || !element.checkVisibility() || element.closest(":disabled, .hidden")) continue;
        const back = behind(element);
        const front = [...back, getComputedStyle(element).color];
        const [darker, lighter] = [luminance(front), luminance(back)].sort((a, b) => a - b);
        const ratio = (lighter + 0.05) / (darker + 0.05);
        if (ratio < 4.5) poor.push(`${element.localName}.${element.className} ${ratio.toFixed(2)}`);
      }
      return poor;
    }"""
"""axe cannot tell what colour `light-dark()` and gradients come to; this draws them."""


async def findings(page: Page) -> list[str]:
    found: dict[str, Any] = await page.evaluate(
        "(levels) => axe.run(document, { runOnly: levels, resultTypes: ['violations'] })", LEVELS
    )
    poor: list[str] = await page.evaluate(CONTRAST)
    return poor + [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is absent: `make setup` installs it")
class TestAxe:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    @pytest.mark.parametrize("locale", [None, RTL], ids=["ltr", "rtl"])
    @pytest.mark.parametrize("color", ["#3451d1", "gold"])
    async def test_no_state_has_a_finding(
        self, page: Page, server: FakeServer, theme: str, locale: dict[str, Any] | None, color: str
    ) -> None:
        server.locales["he"] = locale
        rich = Script(
            text=RICH,
            events=[
                tool("started", "get_order"),
                tool("finished", "get_order", success=True),
                tool("started", "find_shop"),
                delta(RICH),
                delta("."),
            ],
            citations=[{"title": "Delivery", "url": "https://shop.example/"}, {"title": "Returns"}],
            confirmations=[CANCEL],
            holds_before=2,
        )
        server.scripts["where?"] = rich
        server.scripts["fail"] = Script(refusals=[(500, "internal", {})])
        server.scripts["wait"] = Script(refusals=[(429, "rate_limited", {"Retry-After": "30"})])
        server.scripts["human"] = Script(text="", events=[("handoff", {})], status="handed_off")
        await visit(page, server, PAGE, theme=theme, primary_color=color, lang="he" if locale else "en")
        await page.add_script_tag(path=AXE)
        seen: dict[str, list[str]] = {"closed": await findings(page)}
        await page.evaluate("csai.open()")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator("csai-widget .root")).to_have_css("direction", "rtl" if locale else "ltr")
        seen["open"] = await findings(page)
        await ask(page, "where?")
        await expect(replies(page).locator(".tool.running")).to_be_visible()
        seen["waiting"] = await findings(page)
        rich.released.set()
        await expect(replies(page).get_by_role("group")).to_be_visible()
        seen["answered"] = await findings(page)
        await ask(page, "fail")
        await expect(page.locator("csai-widget .retry:enabled")).to_be_visible()
        await ask(page, "wait")
        await expect(page.locator("csai-widget .retry:disabled")).to_be_visible()
        await ask(page, "human")
        await expect(page.locator("csai-widget .notice")).to_be_visible()
        seen["failed"] = await findings(page)
        await page.get_by_role("textbox").fill("a" * 16_001)
        await page.locator("csai-widget .tool-button").first.click()
        seen["menu"] = await findings(page)
        await choose(page, "New conversation")
        seen["too long, asked to start over"] = await findings(page)
        await page.get_by_role("textbox").fill("")
        await page.context.set_offline(True)
        await expect(page.locator("csai-widget .banner")).to_be_visible()
        seen["offline"] = await findings(page)
        assert {state: found for state, found in seen.items() if found} == {}

    @pytest.mark.parametrize("theme", ["light", "dark"])
    @pytest.mark.parametrize("locale", [None, RTL], ids=["ltr", "rtl"])
    async def test_no_offer_has_a_finding(
        self, page: Page, server: FakeServer, theme: str, locale: dict[str, Any] | None
    ) -> None:
        server.locales["he"] = locale
        server.config |= {
            "features": dict.fromkeys(
                ("handoff", "email_follow_up", "feedback", "rating", "transcript"), True
            ),
            "notices": {
                "privacy": {"text": "We keep this for 30 days.", "url": "https://shop.example/privacy"},
                "is_consent_required": True,
            },
            "quick_replies": ["Where is my order?", "מתי אתם פתוחים?"],
        }
        server.scripts["q"] = Script(text="| a | b |\n|---|---|\n| c | d |")
        await visit(page, server, PAGE, theme=theme, open="", lang="he" if locale else "en")
        await page.add_script_tag(path=AXE)
        await expect(page.get_by_role("button", name="I agree")).to_be_visible()
        seen = {"asked to agree": await findings(page)}
        await page.get_by_role("button", name="I agree").click()
        await ask(page, "q")
        await replies(page).get_by_role("button", name="This did not help").click()
        await expect(page.get_by_role("textbox", name="Your comment")).to_be_visible()
        seen["asked what was wrong"] = await findings(page)
        await choose(page, "Talk to a person")
        await expect(page.get_by_role("textbox", name="Your e-mail address")).to_be_visible()
        server.tell("handoff.queue", position=3)
        await expect(page.locator("csai-widget .banner")).to_be_visible()
        seen["in the queue"] = await findings(page)
        server.tell("handoff", state="teammate", teammate="Dana")
        server.tell("teammate.message", message={"id": "m", "role": "assistant", "content": "Hello"})
        await expect(replies(page).last).to_contain_text("Hello")
        seen["with a teammate"] = await findings(page)
        server.tell("conversation.ended")
        await page.get_by_role("radio").nth(3).check(force=True)
        seen["asked for a rating"] = await findings(page)
        assert {state: found for state, found in seen.items() if found} == {}


class TestSight:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    async def test_any_brand_colour_can_be_read_on_and_as_text(
        self, page: Page, server: FakeServer, theme: str
    ) -> None:
        server.scripts["q"] = Script(
            text=RICH,
            citations=[{"title": "Delivery", "url": "https://shop.example/"}],
            confirmations=[CANCEL],
        )
        server.config["quick_replies"] = ["Where is my order?"]
        await visit(page, server, open="", theme=theme)
        await ask(page, "q")
        await expect(replies(page).get_by_role("group")).to_be_visible()
        poor = await page.evaluate(
            f"""() => {{
              const find = {CONTRAST};
              const root = document.querySelector("csai-widget").shadowRoot.querySelector(".root");
              const poor = [];
              for (let color = 0; color < 216; color++) {{
                const [red, green, blue] = [color % 6, Math.floor(color / 6) % 6, Math.floor(color / 36)];
                root.style.setProperty("--accent", `rgb(${{red * 51}} ${{green * 51}} ${{blue * 51}})`);
                poor.push(...find().map((each) => `${{red}}${{green}}${{blue}} ${{each}}`));
              }}
              return poor;
            }}"""
        )
        assert poor == []

    async def test_a_brand_colour_that_reads_already_is_left_alone(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="", theme="light", primary_color="#3451d1")
        drawn = await page.locator("csai-widget .avatar").first.evaluate(
            """(avatar) => {
              const pen = document.createElement("canvas").getContext("2d");
              pen.fillStyle = getComputedStyle(avatar).color;
              pen.fillRect(0, 0, 1, 1);
              return [...pen.getImageData(0, 0, 1, 1).data];
            }"""
        )
        assert drawn == [0x34, 0x51, 0xD1, 255]

    async def test_at_200_percent_everything_can_be_reached(self, page: Page, server: FakeServer) -> None:
        server.scripts["q"] = Script(text=RICH, confirmations=[CANCEL])
        await page.set_viewport_size({"width": 640, "height": 400})
        await page.goto(server.page(embed(open="")))
        await ask(page, "q")
        await expect(replies(page).get_by_role("group")).to_be_visible()
        for control in ("Send message", "More", "Close chat", "Confirm", "Do not do it"):
            button = page.get_by_role("dialog").get_by_role("button", name=control, exact=True)
            await button.scroll_into_view_if_needed()
            await expect(button).to_be_in_viewport(ratio=1)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        scroller = page.locator("csai-widget .scroller")
        assert await scroller.evaluate("({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth")
        assert await scroller.evaluate("({ clientHeight }) => clientHeight > 60")

    async def test_forced_colours_leave_borders_where_colours_said_it(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["fail"] = Script(refusals=[(500, "internal", {})])
        await page.emulate_media(forced_colors="active")
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await ask(page, "fail")
        await expect(page.locator("csai-widget .failure")).to_be_visible()
        parts = (
            ".launcher",
            ".panel",
            ".visitor .bubble",
            ".reply .bubble",
            ".failure",
            ".composer",
            ".send",
        )
        for part in parts:
            width = await page.locator(f"csai-widget {part}").first.evaluate(
                "(part) => parseFloat(getComputedStyle(part).borderTopWidth)"
            )
            assert width >= 1, part
        await expect(page.get_by_role("textbox", name="Your message")).to_be_focused()
        outline = await page.locator("csai-widget .composer").evaluate(
            "(field) => getComputedStyle(field).outlineStyle"
        )
        assert outline == "solid", "the field's own sign of focus is a shadow"

    async def test_a_button_below_the_pointer_can_be_read(self, page: Page, server: FakeServer) -> None:
        server.config["notices"] = {"is_consent_required": True}
        server.scripts["q"] = Script(text="line\n\n" * 60)
        await visit(page, server, open="")
        agree = page.get_by_role("button", name="I agree")
        await agree.hover()
        assert await page.evaluate(CONTRAST) == []
        await agree.click()
        await ask(page, "q")
        await expect(replies(page).locator(".rich p").last).to_be_in_viewport()
        await page.locator("csai-widget .scroller").hover()
        await page.mouse.wheel(0, -900)
        latest = page.get_by_role("button", name="Go to the latest message")
        before = await latest.evaluate("(latest) => getComputedStyle(latest).backgroundColor")
        await latest.hover()
        await expect(latest).to_have_css("background-color", before)

    async def test_a_window_of_little_height_gives_it_to_what_is_said(
        self, page: Page, server: FakeServer
    ) -> None:
        """A desktop of 1280 by 720 at 200 %, and less than a phone that lies on its side."""
        await page.set_viewport_size({"width": 640, "height": 360})
        await page.goto(server.page(embed(open="")))
        box = await page.get_by_role("dialog").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 640, "height": 360}
        scroller = page.locator("csai-widget .scroller")
        assert await scroller.evaluate("({ clientHeight }) => clientHeight >= 180")

    async def test_words_without_an_end_stay_in_the_window(self, page: Page, server: FakeServer) -> None:
        word = "Donaudampfschiffahrt" * 6
        asked = {**CANCEL, "title": word, "details": [{"label": word, "value": word}]}
        server.scripts["q"] = Script(
            text=word,
            confirmations=[asked],
            events=[tool("finished", "x"), tool("started", word), delta(word)],
        )
        server.config["quick_replies"] = [word]
        await visit(page, server, open="", title=word)
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("button", name=word)).to_be_visible()
        out = """(panel) => [...panel.querySelectorAll(":not(.hidden, .hidden *, .title, .name *)")].filter(
            (one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth
        ).map((one) => `${one.localName}.${one.className} ${one.scrollWidth} ${one.clientWidth}`)"""
        assert await page.locator("csai-widget .panel").evaluate(out) == []
        await ask(page, "q")
        await expect(dialog.get_by_role("button", name="Confirm", exact=True)).to_be_visible()
        server.tell("handoff", state="teammate", teammate=word)
        await expect(page.locator("csai-widget .notice")).to_be_visible()
        assert await page.locator("csai-widget .panel").evaluate(out) == []

    async def test_words_in_a_wide_table_are_not_broken(self, page: Page, server: FakeServer) -> None:
        row = "| Kettle, blue enamel | Quantity | 49.00 | 3.20 | 52.20 | Handle-with-care |"
        server.scripts["q"] = Script(text=f"{row}\n{'|---' * 6}|\n{row}")
        await visit(page, server, open="")
        await ask(page, "q")
        lines = (
            await replies(page)
            .locator("td", has_text="Quantity")
            .evaluate(
                """(cell) => { const range = document.createRange(); range.selectNodeContents(cell);
            return range.getClientRects().length; }"""
            )
        )
        assert lines == 1
        table = replies(page).locator(".table")
        assert await table.evaluate("({ scrollWidth, clientWidth }) => scrollWidth > clientWidth")
        scroller = page.locator("csai-widget .scroller")
        assert await scroller.evaluate("({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth")


HELP = "<button id=help onclick='csai.open()'>Help</button>"


class TestReader:
    """For who hears the page, or goes through it key by key."""

    async def test_what_happened_is_read_out_as_well_as_answers(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"handoff": True}
        live = page.locator("csai-widget [aria-live]")
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(live).to_contain_text("Fine.")
        await choose(page, "Talk to a person")
        await expect(live).to_contain_text("A person from our team is taking over.")
        server.tell("handoff", state="teammate", teammate="Dana")
        await expect(live).to_contain_text("Dana has joined the conversation.")
        await expect(live).not_to_contain_text("Fine.")

    async def test_an_answer_and_what_it_leads_to_are_both_read_out(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["q"] = Script(text="I will ask somebody.", status="handed_off")
        await visit(page, server, open="")
        await ask(page, "q")
        live = page.locator("csai-widget [aria-live]")
        await expect(live).to_contain_text("A person from our team is taking over.")
        await expect(live).to_contain_text("I will ask somebody.")

    async def test_who_chose_from_the_menu_is_not_lost(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"transcript": True}
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.get_by_role("button", name="More").press("Enter")
        async with page.expect_download():
            await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="More")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("csai-widget .panel")).to_be_hidden()

    async def test_a_page_that_is_covered_is_out_of_reach(self, page: Page, server: FakeServer) -> None:
        await page.set_viewport_size({"width": 390, "height": 844})
        await visit(page, server, HELP)
        for leave in ("csai.close()", "csai.destroy()"):
            await page.locator("#help").press("Enter")
            await expect(page.get_by_role("textbox", name="Your message")).to_be_focused()
            for _ in range(8):
                await page.keyboard.press("Tab")
                assert await page.evaluate("document.activeElement.id") != "help"
            await page.evaluate(leave)
            await page.locator("#help").focus()
            await expect(page.locator("#help")).to_be_focused()

    async def test_a_page_beside_the_window_stays_in_reach(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, HELP)
        await page.locator("#help").press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        help_has = "(has) => (help.blur(), help.focus(), document.activeElement === help) === has"
        for width, is_covered in ((1000, False), (390, True), (1000, False)):
            await page.set_viewport_size({"width": width, "height": 600})
            await page.wait_for_function(help_has, arg=not is_covered)

    async def test_two_windows_that_cover_the_page_leave_the_focus_where_it_is(
        self, page: Page, server: FakeServer
    ) -> None:
        await page.set_viewport_size({"width": 390, "height": 844})
        await visit(page, server, HELP + embed(api_key="pk_test_2"))
        for key in ("pk_test_2", KEY):
            await page.evaluate("(key) => csai.get(key).open()", key)
            host = page.locator(f"csai-widget[data-key={key}]")
            await expect(host.get_by_role("textbox", name="Your message")).to_be_focused()
            await page.evaluate("help.focus()")
            assert await page.evaluate("document.activeElement !== help")
