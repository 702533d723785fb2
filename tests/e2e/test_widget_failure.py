"""The widget: whatever goes wrong on the way."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import ask, delta, embed, pass_time, replies, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")


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

    async def test_what_the_business_says_in_place_of_an_answer_is_no_failure(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["q"] = Script(text="We are back at nine.", events=[], status="blocked")
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("We are back at nine.")
        await expect(replies(page).locator(".failure, .retry, .thumb")).to_have_count(0)

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
        (resumed,) = server.resumed()
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
        await pass_time(page, replies(page).locator(".failure"))
        await expect(replies(page)).to_contain_text("did not get through")
        await expect(page.get_by_role("status")).to_be_hidden()  # nobody tries any more
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
