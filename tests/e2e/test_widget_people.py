"""People in the widget: asking for one, the queue, teammates, leaving an address, an ending."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import ask, choose, replies, visit, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFERED = {"handoff": True, "email_follow_up": True}


def notices(page: Page) -> Locator:
    return page.locator("csai-widget .notice")


def banner(page: Page) -> Locator:
    return page.locator("csai-widget .banner")


async def talk(page: Page, server: FakeServer) -> None:
    """Open a window in which something was said."""
    await visit(page, server, open="")
    await ask(page, "q")
    await expect(replies(page)).to_contain_text("Fine.")


class TestAsking:
    async def test_a_person_comes_speaks_and_goes(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        server.config["features"] = {"handoff": True}
        await talk(page, server)
        await choose(page, "Talk to a person")
        await expect(notices(page)).to_have_text("A person from our team is taking over.")
        server.tell("handoff.queue", position=2)
        await expect(banner(page)).to_have_text("Your place in the queue: 2")
        server.tell("handoff.queue", position=1)
        await expect(banner(page)).to_have_text("Your place in the queue: 1")
        server.tell("teammate.joined", teammate="Dana")
        server.tell("handoff", state="teammate", teammate="Dana")
        await expect(banner(page)).to_be_hidden()
        await expect(notices(page).last).to_have_text("Dana has joined the conversation.")
        await expect(page.locator("csai-widget header")).to_contain_text("Dana")
        server.tell(
            "teammate.message", message={"id": "m1", "role": "assistant", "content": "Hello from *me*"}
        )
        await expect(replies(page).last.locator(".rich")).to_have_text("Hello from me")
        await expect(page.locator("csai-widget [aria-live]")).to_contain_text("Hello from me")
        await expect(page.locator("csai-widget .aside", has_text="Team")).to_have_count(1)
        server.tell("teammate.left")
        server.tell("handoff", state="ai", teammate=None)
        await expect(notices(page).last).to_have_text("The AI assistant answers again.")
        await expect(page.locator("csai-widget header")).to_contain_text("AI assistant")
        assert [each.body for each in server.posted("/chat/handoff")] == [{"session_id": "session-1"}]
        assert wrong == []

    async def test_before_anything_was_said_the_wish_begins_the_conversation(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["features"] = {"handoff": True}
        await visit(page, server, open="")
        await choose(page, "Talk to a person")
        await expect(page.locator("csai-widget .visitor")).to_contain_text(
            "I would like to talk to a person."
        )
        await expect(notices(page)).to_have_text("A person from our team is taking over.")
        assert [each.body for each in server.posted("/chat/handoff")] == [{"session_id": "session-1"}]

    async def test_an_address_is_asked_for_and_can_be_withheld(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = OFFERED
        await talk(page, server)
        await choose(page, "Talk to a person")
        address = page.get_by_role("textbox", name="Your e-mail address")
        await expect(address).to_be_focused()
        await address.fill("no address")
        await address.press("Enter")
        await expect(address).to_be_visible()
        await address.fill("ada@example.com")
        await address.press("Enter")
        await expect(notices(page).last).to_contain_text("We will write to you")
        assert server.posted("/chat/handoff")[-1].body == {
            "session_id": "session-1",
            "email": "ada@example.com",
        }
        for _ in range(2):
            server.tell("handoff", state="ai", teammate=None)
            server.tell("handoff", state="queued", teammate=None)
            await page.get_by_role("button", name="No, thank you").click()
            await expect(address).to_have_count(0)

    async def test_whoever_talks_to_a_person_is_no_longer_asked_for_an_address(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["features"] = OFFERED
        await talk(page, server)
        await choose(page, "Talk to a person")
        address = page.get_by_role("textbox", name="Your e-mail address")
        await expect(address).to_be_visible()
        server.tell("handoff", state="teammate", teammate="Dana")
        await expect(address).to_have_count(0)

    async def test_where_nobody_is_offered_there_is_nobody_to_ask_for(
        self, page: Page, server: FakeServer
    ) -> None:
        await talk(page, server)
        await page.get_by_role("button", name="More").click()
        await expect(page.get_by_role("button", name="New conversation")).to_be_visible()
        await expect(page.get_by_role("button", name="Talk to a person")).to_have_count(0)

    async def test_a_wish_that_is_not_taken_is_said_to_be_so(self, page: Page, server: FakeServer) -> None:
        server.config["features"] = {"handoff": True}
        server.refuses["/chat/handoff"] = 503
        await talk(page, server)
        await choose(page, "Talk to a person")
        await expect(notices(page)).to_have_text("Something went wrong on our side.")


class TestFollowing:
    async def test_while_the_window_is_closed_words_of_a_teammate_are_counted(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["human"] = Script(text="", status="handed_off")
        await visit(page, server, open="")
        await ask(page, "human")
        await expect(notices(page)).to_have_text("A person from our team is taking over.")
        await page.evaluate("csai.close()")
        for number in range(2):
            message = {"id": f"m{number}", "role": "assistant", "content": "Hello"}
            server.tell("teammate.message", message=message)
        await expect(page.get_by_role("button", name="Open chat (2 new)")).to_be_visible()
        await page.get_by_role("button", name="Open chat").click()
        await expect(replies(page)).to_have_count(2)

    async def test_a_reload_in_the_queue_misses_nothing_and_repeats_nothing(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["features"] = OFFERED
        await talk(page, server)
        server.state = {"state": "teammate", "teammate": "Dana"}
        server.tell("handoff", **server.state)
        server.tell("teammate.message", message={"id": "m1", "role": "assistant", "content": "One"})
        await expect(replies(page)).to_have_count(2)
        server.history.append({"id": "m1", "role": "assistant", "author": "teammate", "content": "One"})
        await page.reload()
        await expect(replies(page)).to_have_count(2)
        await expect(page.locator("csai-widget header")).to_contain_text("Dana")
        await expect(notices(page)).to_have_count(0)
        server.tell("teammate.message", message={"id": "m2", "role": "assistant", "content": "Two"})
        await expect(replies(page).last).to_contain_text("Two")
        await expect(replies(page)).to_have_count(3)

    async def test_a_closed_window_follows_nothing_while_the_ai_answers(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server)
        await page.evaluate("csai.send('q')")
        await expect(page.get_by_role("button", name="Open chat (1 new)")).to_be_visible()
        assert [each for each in server.requests if "live" in each.query] == []
        async with page.expect_request("**/chat/events/**"):
            await page.get_by_role("button", name="Open chat").click()

    async def test_an_ended_conversation_is_rated_and_the_next_words_begin_another(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["features"] = {"rating": True}
        await talk(page, server)
        server.ended.add("session-1")
        server.tell("conversation.ended")
        await expect(notices(page)).to_contain_text("This conversation has ended.")
        await page.get_by_role("radio", name="4 of 5").check(force=True)
        await page.get_by_role("textbox", name="Your comment").fill("quick")
        await page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
        await expect(notices(page).last).to_have_text("Thank you for your feedback.")
        assert server.posted("/api/feedback")[-1].body == {
            "session_id": "session-1",
            "rating": 4,
            "comment": "quick",
        }
        server.told.clear()
        await ask(page, "again")
        await expect(replies(page).last).to_contain_text("Fine.")
        assert server.posted()[-1].body == {"message": "again"}
