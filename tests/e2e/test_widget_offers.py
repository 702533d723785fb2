"""What the widget offers beside talking: opinions, a copy, being forgotten, a beginning, notices."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer
from tests.e2e.widget_page import ask, choose, replies, visit, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGO = Path(__file__).resolve().parents[2] / "docs" / "images" / "demo.png"


class TestOpinions:
    async def test_a_thumb_is_sent_at_once_and_can_be_changed(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        server.config["features"] = {"feedback": True}
        await visit(page, server, open="")
        await ask(page, "q")
        up = replies(page).get_by_role("button", name="This helped")
        await up.press("Enter")
        await expect(up).to_have_attribute("aria-pressed", "true")
        await expect(up).to_be_focused()
        await server.until(lambda: len(server.posted("/api/feedback")) == 1)
        await replies(page).get_by_role("button", name="This did not help").click()
        await expect(up).to_have_attribute("aria-pressed", "false")
        comment = page.get_by_role("textbox", name="Your comment")
        await expect(comment).to_be_focused()
        await server.until(lambda: len(server.posted("/api/feedback")) == 2)
        await comment.fill("Wrong price.")
        await page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
        await expect(comment).to_have_count(0)
        await expect(page.locator("csai-widget .question")).to_be_hidden()
        await server.until(lambda: len(server.posted("/api/feedback")) == 3)
        about = {"session_id": "session-1", "message_id": "answer-turn-1"}
        assert [each.body for each in server.posted("/api/feedback")] == [
            {**about, "thumb": "up", "comment": ""},
            {**about, "thumb": "down", "comment": ""},
            {**about, "thumb": "down", "comment": "Wrong price."},
        ]
        assert wrong == []

    async def test_a_thumb_that_is_not_taken_is_taken_back(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"feedback": True}
        server.refuses["/api/feedback"] = 500
        await visit(page, server, open="")
        await ask(page, "q")
        up = replies(page).get_by_role("button", name="This helped")
        await up.click()
        await expect(page.locator("csai-widget .notice")).to_have_text("Something went wrong on our side.")
        await expect(up).to_have_attribute("aria-pressed", "false")

    async def test_neither_the_greeting_nor_a_failure_is_judged(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"feedback": True}
        server.refuses["/chat/message"] = 500
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(page.locator("csai-widget .failure")).to_be_visible()
        await expect(page.get_by_role("button", name="This helped")).to_have_count(0)

    async def test_starting_over_asks_how_it_was(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"rating": True}
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await choose(page, "New conversation")
        await page.get_by_role("button", name="Start over").click()
        stars = page.get_by_role("radiogroup", name="How was this conversation?")
        await expect(stars.get_by_role("radio")).to_have_count(5)
        await stars.get_by_role("radio").first.press("ArrowRight")
        await page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator("csai-widget .notice")).to_have_text("Thank you for your feedback.")
        assert server.posted("/api/feedback")[0].body == {
            "session_id": "session-1",
            "rating": 2,
            "comment": "",
        }


class TestOwnData:
    async def test_the_conversation_is_downloaded_as_a_file(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"transcript": True}
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        async with page.expect_download() as loading:
            await choose(page, "Download this conversation")
        file = await loading.value
        assert file.suggested_filename == "conversation.html"
        assert (await file.path()).read_text() == "<p>all of it"

    async def test_what_was_said_is_erased_after_a_question(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await choose(page, "Erase my data")
        await page.get_by_role("button", name="Keep it").click()
        await expect(replies(page)).to_contain_text("Fine.")
        await choose(page, "Erase my data")
        await page.get_by_role("button", name="Erase it").click()
        await expect(page.locator("csai-widget .notice")).to_have_text("Your data has been erased.")
        await expect(page.locator("csai-widget .visitor")).to_have_count(0)
        assert [each.body for each in server.posted("/api/erase")] == [{"session_id": "session-1"}]
        assert server.posted("/chat/end") == []
        await page.reload()
        await expect(page.locator("csai-widget .entry")).to_have_count(1)

    async def test_with_a_token_all_of_the_visitor_is_erased(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="", user_token="e30.e30.x")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await choose(page, "Erase my data")
        await page.get_by_role("button", name="Erase it").click()
        await expect(page.locator("csai-widget .notice")).to_be_visible()
        assert server.posted("/api/erase")[0].body == {"user_token": "e30.e30.x"}

    async def test_what_could_not_be_erased_stays(self, page: Page, server: FakeServer) -> None:
        server.refuses["/api/erase"] = 500
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await choose(page, "Erase my data")
        await page.get_by_role("button", name="Erase it").click()
        await expect(page.locator("csai-widget .notice")).to_have_text("Something went wrong on our side.")
        await expect(page.locator("csai-widget .visitor")).to_have_count(1)


class TestBeginning:
    async def test_a_question_to_begin_with_is_asked_by_a_click(self, page: Page, server: FakeServer) -> None:
        server.config["quick_replies"] = ["Where is my order?", "מתי אתם פתוחים?"]
        await visit(page, server, open="")
        await expect(page.get_by_role("button", name="מתי אתם פתוחים?")).to_have_attribute("dir", "rtl")
        await page.get_by_role("button", name="Where is my order?").click()
        await expect(page.locator("csai-widget .visitor")).to_contain_text("Where is my order?")
        await expect(page.get_by_role("button", name="Where is my order?")).to_have_count(0)
        await expect(replies(page)).to_contain_text("Fine.")
        await page.reload()
        await expect(replies(page)).to_contain_text("Fine.")
        await expect(page.get_by_role("button", name="Where is my order?")).to_have_count(0)

    async def test_the_business_says_what_it_has_to(self, page: Page, server: FakeServer) -> None:
        server.config["notices"] = {
            "ai": {"is_shown": True, "text": "A machine answers."},
            "privacy": {"text": "We keep this for 30 days.", "url": "https://shop.example/privacy"},
        }
        await visit(page, server, open="")
        line = page.locator("csai-widget .ai")
        await expect(line).to_contain_text("A machine answers.")
        await expect(line).to_contain_text("We keep this for 30 days.")
        await expect(line.get_by_role("link", name="Privacy")).to_have_attribute(
            "href", "https://shop.example/privacy"
        )

    async def test_a_notice_that_is_hidden_is_hidden(self, page: Page, server: FakeServer) -> None:
        server.config["notices"] = {"ai": {"is_shown": False, "text": "A machine answers."}}
        await visit(page, server, open="")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.get_by_text("A machine answers.")).to_be_hidden()

    async def test_nothing_is_sent_before_the_visitor_agrees(self, page: Page, server: FakeServer) -> None:
        server.config["notices"] = {
            "privacy": {"text": "We keep this.", "url": ""},
            "is_consent_required": True,
        }
        server.config["quick_replies"] = ["Where is my order?"]
        await visit(page, server, open="")
        question = page.locator("csai-widget .question")
        await expect(question).to_contain_text("do you agree")
        await expect(question).to_contain_text("We keep this.")
        await expect(page.get_by_role("textbox", name="Your message")).to_be_disabled()
        await page.evaluate("csai.send('from the page')")
        await page.keyboard.press("Escape")
        await page.evaluate("csai.close(); csai.open()")
        agree = question.get_by_role("button", name="I agree")
        await expect(agree).to_be_focused()
        assert server.posted() == []
        await agree.press("Enter")
        await expect(page.locator("csai-widget .visitor")).to_contain_text("from the page")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.reload()
        await expect(page.get_by_role("textbox", name="Your message")).to_be_enabled()
        await expect(question).to_be_hidden()

    async def test_what_has_to_be_agreed_to_stands_again_after_another_question(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["notices"] = {"is_consent_required": True}
        await visit(page, server, open="")
        for answer in ("Keep it", "Escape", "Start over"):
            await choose(page, "New conversation")
            if answer == "Escape":
                await page.keyboard.press("Escape")
            else:
                await page.get_by_role("button", name=answer).click()
        await page.get_by_role("button", name="I agree").click()
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        await expect(page.locator("csai-widget .question")).to_be_hidden()

    async def test_the_logo_takes_the_place_of_the_drawing(self, page: Page, server: FakeServer) -> None:
        await page.route("https://shop.example/logo.png", lambda route: route.fulfill(path=LOGO))
        server.config["branding"] = {"logo_url": "https://shop.example/logo.png"}
        await visit(page, server, open="")
        await expect(page.locator("csai-widget .crest img")).to_be_visible()
