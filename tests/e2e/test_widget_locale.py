"""The widget in Hebrew and Arabic, and with languages mixed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from csai.locales.language import widget_locale
from csai_locale_arabic.locale import Arabic
from csai_locale_hebrew.locale import Hebrew
from playwright.async_api import Locator, Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import delta, embed, replies, tool, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = """\
iPhone 15 Pro Max במלאי, ומחירו 4,299.00 ₪.

- קומקום כחול בנפח של ליטר וחצי
- The lid is sold apart
- 050-123-4567

Your order is on its way.

1,234.50 ₪

`npm install`
"""


def speak(server: FakeServer) -> None:
    server.locales = {code: widget_locale([Hebrew(), Arabic()], code, "") for code in ("he", "ar")}


async def ask(page: Page, text: str, label: str) -> None:
    field = page.get_by_role("textbox", name=label)
    await field.fill(text)
    await field.press("Enter")


async def directions(blocks: Locator) -> Sequence[str]:
    found: Sequence[str] = await blocks.evaluate_all("all => all.map(one => getComputedStyle(one).direction)")
    return found


class TestWords:
    @pytest.mark.parametrize(
        ("page_lang", "attributes", "language"),
        [
            ("he", {}, "he"),
            ("en", {"lang": "he-IL"}, "he"),
            ("ar-SA", {}, "ar"),
            ("he", {"lang": "en"}, "en"),
        ],
    )
    async def test_are_those_of_the_attribute_or_the_page(
        self, page: Page, server: FakeServer, page_lang: str, attributes: dict[str, str], language: str
    ) -> None:
        speak(server)
        await page.goto(server.page(embed(open="", **attributes), lang=page_lang))
        root = page.locator("csai-widget .root")
        await expect(root).to_have_attribute("lang", language)
        await expect(root).to_have_attribute("dir", "ltr" if language == "en" else "rtl")

    async def test_all_that_is_said_is_said_in_them(self, page: Page, server: FakeServer) -> None:
        speak(server)
        server.scripts["?"] = Script(status="failed", events=[tool("started", "get_order")])
        server.scripts["?"].holds_before = 2
        await page.goto(server.page(embed(open="", title="קומקומים"), lang="he"))
        await ask(page, "?", "ההודעה שלכם")
        await expect(replies(page).locator(".tool")).to_have_text("בודקים…")
        server.scripts["?"].released.set()
        await expect(page.get_by_role("button", name="ניסיון נוסף")).to_be_visible()
        said = await page.locator("csai-widget .panel").inner_text()
        labels = await page.locator("csai-widget .root").evaluate(
            "root => [...root.querySelectorAll('[aria-label],[placeholder],[title]')].map("
            "(one) => `${one.ariaLabel ?? ''} ${one.title ?? ''} ${one.placeholder ?? ''}`).join(' ')"
        )
        foreign = [word for word in f"{said} {labels}".split() if word.isascii() and word.isalpha()]
        assert set(foreign) <= {"AI", "Fine"}


class TestLayout:
    async def test_is_mirrored(self, page: Page, server: FakeServer) -> None:
        speak(server)
        server.scripts["שלום"] = Script(text="שלום!")
        await page.goto(server.page(embed(open="", position="bottom-left"), lang="he"))
        await ask(page, "שלום", "ההודעה שלכם")
        await expect(replies(page)).to_contain_text("שלום!")
        await expect(page.locator("csai-widget .action.send")).to_be_visible()
        boxes = {}
        for name in (
            ".crest",
            ".close-button",
            ".action.send",
            "textarea",
            ".visitor .bubble",
            ".reply .avatar",
        ):
            box = await page.locator(f"csai-widget {name}").last.bounding_box()
            assert box
            boxes[name] = box["x"] + box["width"] / 2
        assert boxes[".crest"] > boxes[".close-button"]
        assert boxes["textarea"] > boxes[".action.send"]
        assert boxes[".reply .avatar"] > boxes[".visitor .bubble"]

    async def test_nothing_stands_out_of_the_window(self, page: Page, server: FakeServer) -> None:
        speak(server)
        server.scripts["?"] = Script(text=ANSWER)
        await page.set_viewport_size({"width": 360, "height": 640})
        await page.goto(server.page(embed(open=""), lang="ar"))
        await ask(page, "?", "رسالتكم")
        await expect(replies(page)).to_contain_text("npm install")
        overflow = await page.locator("csai-widget .scroller").evaluate(
            "one => one.scrollWidth - one.clientWidth"
        )
        assert overflow <= 0


class TestDirection:
    async def test_each_block_runs_by_its_dominant_letters(self, page: Page, server: FakeServer) -> None:
        server.scripts["?"] = Script(text=ANSWER)
        await visit(page, server, open="")
        await ask(page, "?", "Your message")
        reply = replies(page)
        await expect(reply).to_contain_text("npm install")
        assert await directions(reply.locator(".rich > *")) == ["rtl", "rtl", "ltr", "ltr", "ltr"]
        assert await directions(reply.locator(".line")) == ["rtl", "ltr", "rtl"]
        assert (
            await reply.locator(".line").evaluate_all(
                "all => all.map(one => getComputedStyle(one).textAlign)"
            )
            == ["right"] * 3
        )
        await expect(reply.locator("code")).to_have_css("direction", "ltr")
        assert await reply.locator(".line").evaluate_all("all => all.map(one => one.lang)") == [
            "he",
            "",
            "",
        ]
        apart = ["iPhone 15 Pro Max", "4,299.00", "The lid is sold apart", "050-123-4567"]
        assert await reply.locator("bdi").all_inner_texts() == apart

    async def test_a_list_of_names_stays_with_the_text_around_it(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["?"] = Script(text="המוצרים שלנו:\n\n- iPhone 15 Pro\n- Galaxy S24")
        await visit(page, server, open="")
        await ask(page, "?", "Your message")
        await expect(replies(page).locator("ul.tools + .bubble ul")).to_have_css("direction", "rtl")
        assert await directions(replies(page).locator(".line")) == ["ltr", "ltr"]

    async def test_numbers_keep_their_order_among_hebrew_and_arabic(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["?"] = Script(text="חייגו +972 50 123 4567 עכשיו\n\nاتصلوا 050-123-4567 الآن")
        await visit(page, server, open="")
        await ask(page, "?", "Your message")
        numbers = replies(page).locator("bdi")
        await expect(numbers).to_have_count(2)
        for index, (first, last) in enumerate([(0, 15), (0, 11)]):
            places = await numbers.nth(index).evaluate(
                """(one, at) => at.map((offset) => {
                     const range = document.createRange();
                     range.setStart(one.firstChild, offset);
                     range.setEnd(one.firstChild, offset + 1);
                     return range.getBoundingClientRect().x;
                   })""",
                [first, last],
            )
            assert places[0] < places[1]

    async def test_a_sign_before_a_number_stays_before_it(self, page: Page, server: FakeServer) -> None:
        """As the browser has it without the widget: nobody writes `1042#`."""
        signs = ["#1042", "₪149.90", "$49", "-€5"]
        server.scripts["?"] = Script(text="\n\n".join(f"הזמנה {sign} בדרך" for sign in signs))
        await visit(page, server, open="")
        await ask(page, "?", "Your message")
        await expect(replies(page).locator("bdi")).to_have_text(signs)

    async def test_a_name_that_ends_with_a_number_keeps_its_order(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["?"] = Script(text="יש לנו iPhone 15, והוא במלאי")
        await visit(page, server, open="")
        await ask(page, "?", "Your message")
        name = replies(page).locator("bdi")
        await expect(name).to_have_text("iPhone 15")
        await expect(name).to_have_css("direction", "ltr")

    async def test_what_is_to_be_confirmed_keeps_its_signs(self, page: Page, server: FakeServer) -> None:
        speak(server)
        details = [{"label": "טלפון", "value": "+972501234567"}]
        card = {"id": "c", "tool": "book", "title": "Book", "details": details}
        server.scripts["?"] = Script(confirmations=[card])
        await page.goto(server.page(embed(open=""), lang="he"))
        await ask(page, "?", "ההודעה שלכם")
        value = page.locator("csai-widget dd bdi")
        await expect(value).to_have_text("+972501234567")
        await expect(value).to_have_css("direction", "ltr")

    async def test_a_visitor_s_lines_run_as_they_are_written(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await ask(page, "iPhone שלי לא נדלק\nthe screen is black\n<b>4,299 ₪</b> מחיר", "Your message")
        lines = page.locator("csai-widget .visitor .bubble > div")
        await expect(lines).to_have_count(3)
        assert await directions(lines) == ["rtl", "ltr", "rtl"]
        assert (await lines.last.inner_text()) == "<b>4,299 ₪</b> מחיר"

    async def test_the_field_runs_as_what_is_typed(self, page: Page, server: FakeServer) -> None:
        speak(server)
        await page.goto(server.page(embed(open=""), lang="he"))
        field = page.get_by_role("textbox", name="ההודעה שלכם")
        for text, direction in [("", "rtl"), ("Where is", "ltr"), ("OK אז מתי", "rtl"), ("050", "rtl")]:
            await field.fill(text)
            await expect(field).to_have_css("direction", direction)

    @pytest.mark.parametrize("question", ["איפה ההזמנה?", "Where is it?"])
    async def test_an_answer_that_comes_bit_by_bit_does_not_jump(
        self, page: Page, server: FakeServer, question: str
    ) -> None:
        text = "iPhone 15 Pro Max Titanium במלאי אצלנו, ומגיע בתוך שלושה ימים"
        pieces = [delta(text[at : at + 4]) for at in range(0, len(text), 4)]
        server.scripts[question] = Script(text=text, events=pieces)
        await visit(page, server, open="")
        await page.locator("csai-widget .entries").evaluate(
            """(list) => {
                 window.seen = [];
                 const look = () => {
                   const block = list.querySelector('.reply:not(:first-child) .rich > p');
                   const now = block && getComputedStyle(block).direction;
                   if (now && now !== window.seen.at(-1)) window.seen.push(now);
                 };
                 new MutationObserver(look).observe(list, {childList: true, subtree: true, attributes: true});
               }"""
        )
        await ask(page, question, "Your message")
        await expect(replies(page).locator("p").first).to_have_text(text)
        await expect(replies(page).locator("p").first).to_have_css("direction", "rtl")
        assert await page.evaluate("window.seen") in (["rtl"], ["ltr", "rtl"])


async def test_hostile_labels_stay_text(page: Page, server: FakeServer) -> None:
    evil = "<img src=x onerror=alert(1)>"
    labels = dict.fromkeys(Hebrew().labels(), evil)
    server.locales = {"he": {"language": '"><script>', "direction": "rtl", "labels": labels}}
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.goto(server.page(embed(open=""), lang="he"))
    await ask(page, "?", evil)
    await expect(replies(page)).to_contain_text("Fine.")
    assert await page.locator("csai-widget .root img, csai-widget .root script").count() == 0
    assert dialogs == []
