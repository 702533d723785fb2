"""The widget: one turn, well answered, and what it remembers of it."""

from __future__ import annotations

import uuid

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import KEY, ask, choose, delta, replies, tool, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
        await expect(replies(page).get_by_role("img", name="Writing an answer")).to_be_hidden()
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


CANCEL = {
    "id": "turn-1.0.0",
    "tool": "cancel_order",
    "title": "Cancel order",
    "details": [{"label": "Order id", "value": "<b>ORD-1002</b>"}],
    "expires_at": "2026-01-01T00:00:00+00:00",
}


class TestConfirmation:
    """A write action is done only when the visitor agrees to what is shown."""

    async def ask_to_cancel(self, page: Page, server: FakeServer) -> Locator:
        server.scripts["Cancel it"] = Script(
            text="Shall I?",
            events=[("confirm.requested", CANCEL), delta("Shall I?")],
            confirmations=[CANCEL],
        )
        await visit(page, server, open="")
        await ask(page, "Cancel it")
        return page.get_by_role("group", name="Please confirm: Cancel order")

    async def test_the_visitor_sees_what_would_be_done_and_confirms_it_once(
        self, page: Page, server: FakeServer
    ) -> None:
        card = await self.ask_to_cancel(page, server)
        await expect(card.locator("dd")).to_have_text("<b>ORD-1002</b>")
        server.scripts["Confirm: Cancel order"] = Script(text="It is cancelled.")
        await card.get_by_role("button", name="Confirm", exact=True).dblclick()
        await expect(replies(page).last.locator(".rich")).to_have_text("It is cancelled.")
        await expect(card).to_contain_text("Confirmed")
        await expect(card.get_by_role("button")).to_have_count(0)
        (posted,) = server.posted("/chat/confirm")
        assert posted.body == {
            "message": "Confirm: Cancel order",
            "session_id": "session-1",
            "confirmation_id": CANCEL["id"],
            "decision": "approve",
        }
        assert posted.headers["X-Session-Token"] == "token-of-session-1"

    async def test_the_visitor_declines(self, page: Page, server: FakeServer) -> None:
        card = await self.ask_to_cancel(page, server)
        await card.get_by_role("button", name="Do not do it").click()
        await expect(card).to_contain_text("Declined")
        await server.until(lambda: bool(server.posted("/chat/confirm")))
        assert server.posted("/chat/confirm")[0].body["decision"] == "decline"

    async def test_a_question_that_is_no_longer_open_is_said_to_be_so(
        self, page: Page, server: FakeServer
    ) -> None:
        card = await self.ask_to_cancel(page, server)
        server.scripts["Confirm: Cancel order"] = Script(refusals=[(409, "confirmation_expired", {})])
        await card.get_by_role("button", name="Confirm", exact=True).click()
        await expect(replies(page).last).to_contain_text("can no longer be confirmed")
        await expect(page.get_by_role("button", name="Try again")).to_have_count(0)

    async def test_a_reloaded_page_asks_again(self, page: Page, server: FakeServer) -> None:
        await expect(await self.ask_to_cancel(page, server)).to_be_visible()
        server.waiting = [CANCEL]
        await page.reload()
        card = page.get_by_role("group", name="Please confirm: Cancel order")
        await card.get_by_role("button", name="Confirm", exact=True).click()
        await expect(card).to_contain_text("Confirmed")
        await expect(replies(page).last).to_contain_text("Fine.")
        assert len(server.posted("/chat/confirm")) == 1


class TestMemory:
    async def test_a_reload_shows_what_was_said(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.reload()
        await expect(page.locator("csai-widget .visitor")).to_contain_text("one")
        await expect(replies(page)).to_contain_text("Fine.")
        assert len(server.posted()) == 1

    async def test_a_long_history_is_read_page_by_page(self, page: Page, server: FakeServer) -> None:
        server.history_page = 3
        await visit(page, server, open="")
        for number in range(4):
            await ask(page, f"message {number}")
            await expect(replies(page)).to_have_count(number + 1)
            await expect(replies(page).last).to_contain_text("Fine.")
        await page.reload()
        said = [f"You: message {number}" for number in range(4)]
        await expect(page.locator("csai-widget .visitor")).to_have_text(said)
        await expect(replies(page)).to_have_count(4)

    async def test_a_window_shows_the_end_of_what_was_said(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await ask(page, "line\n" * 80)
        await expect(replies(page)).to_contain_text("Fine.")
        await page.reload()
        await expect(replies(page)).to_be_in_viewport()
        await expect(page.locator("csai-widget .latest")).to_be_hidden()

    @pytest.mark.parametrize("opened", ["by the page", "by the visitor"])
    async def test_all_of_a_draft_is_seen(self, page: Page, server: FakeServer, opened: str) -> None:
        await visit(page, server, open="")
        field = page.get_by_role("textbox", name="Your message")
        await field.fill("one\ntwo\nthree")
        await visit(page, server, **({"open": ""} if opened == "by the page" else {}))
        if opened == "by the visitor":
            await page.locator("csai-widget .launcher").click()
        await expect(field).to_have_value("one\ntwo\nthree")
        assert await field.evaluate("(field) => field.scrollHeight - field.clientHeight") == 0

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
        await choose(page, "New conversation")
        await page.get_by_role("button", name="Start over").click()
        await expect(page.locator("csai-widget .entry")).to_have_count(1)
        await ask(page, "two")
        await expect(replies(page)).to_contain_text("Fine.")
        await server.until(lambda: bool(server.ended))
        assert server.ended == {"session-1"}
        assert server.posted()[-1].body == {"message": "two"}


class TestTabs:
    """Two tabs of one browser know one conversation."""

    async def _second(self, page: Page, server: FakeServer) -> Page:
        """Another tab, after an answer in the first."""
        other = await page.context.new_page()
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        await visit(other, server, open="")
        return other

    async def test_an_answer_in_one_does_not_forget_the_message_of_the_other(
        self, page: Page, server: FakeServer
    ) -> None:
        other = await self._second(page, server)
        quick = server.scripts["quick"] = Script(holds_before=1)
        slow = server.scripts["slow"] = Script(text="Slow and steady.", holds_before=1)
        await ask(page, "quick")
        await expect(page.get_by_role("button", name="Stop")).to_be_visible()
        await ask(other, "slow")
        await expect(other.get_by_role("button", name="Stop")).to_be_visible()
        quick.released.set()
        await expect(replies(page).nth(1)).to_contain_text("Fine.")
        await other.reload()
        await expect(other.get_by_role("button", name="Stop")).to_be_visible()
        slow.released.set()
        await expect(replies(other).last).to_contain_text("Slow and steady.")

    async def test_what_was_begun_anew_in_one_stays_so_when_the_other_has_its_answer(
        self, page: Page, server: FakeServer
    ) -> None:
        other = await self._second(page, server)
        slow = server.scripts["slow"] = Script(text="Slow and steady.", holds_before=1)
        await ask(other, "slow")
        await expect(other.get_by_role("button", name="Stop")).to_be_visible()
        await choose(page, "New conversation")
        await page.get_by_role("button", name="Start over").click()
        await expect(page.locator("csai-widget .visitor")).to_have_count(0)
        slow.released.set()
        await expect(replies(other).last).to_contain_text("Slow and steady.")
        await page.reload()
        await ask(page, "anew")
        await expect(replies(page)).to_contain_text("Fine.")
        assert server.posted()[-1].body == {"message": "anew"}
