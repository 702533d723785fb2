"""The widget: servers, networks, browsers and visitors that do what they should not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import ask, delta, pass_time, replies, tool, visit, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Your message")


async def answer_with(page: Page, pattern: str, body: str, kind: str = "application/json") -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(status=200, content_type=kind, body=body)

    await page.route(pattern, answer)


class TestRefusals:
    @pytest.mark.parametrize(
        ("refusal", "said", "is_worth_a_retry"),
        [
            ((401, "key_unknown", {}), "not available here", False),
            ((403, "origin_refused", {}), "not available here", False),
            ((401, "user_token_invalid", {}), "reload the page", True),
            ((413, "body_too_large", {}), "too long", False),
            ((422, "message_too_long", {}), "too long", False),
            ((429, "rate_limited", {}), "wait a moment", True),
            ((429, "limit_reached", {}), "reached its limit", False),
            ((500, "internal", {}), "went wrong on our side", True),
            ((500, "internal", {"Retry-After": "999999999999"}), "went wrong on our side", True),
        ],
    )
    async def test_a_refusal_is_explained_and_its_words_are_kept(
        self,
        page: Page,
        server: FakeServer,
        refusal: tuple[int, str, dict[str, str]],
        said: str,
        is_worth_a_retry: bool,
    ) -> None:
        wrong = watch(page, server)
        server.scripts["my long story"] = Script(refusals=[refusal])
        await visit(page, server, open="")
        await ask(page, "my long story")
        await expect(replies(page).locator(".failure")).to_contain_text(said)
        await expect(page.locator("csai-widget .visitor")).to_contain_text("my long story")
        await expect(replies(page).locator(".retry")).to_have_count(int(is_worth_a_retry))
        await expect(field(page)).to_have_value("" if is_worth_a_retry else "my long story")
        if "Retry-After" in refusal[2]:
            await expect(replies(page).locator(".retry")).to_have_text(re.compile(r"in 3\d{3} s"))
        await page.reload()
        if is_worth_a_retry:
            await expect(page.locator("csai-widget .visitor")).to_contain_text("my long story")
            await replies(page).get_by_role("button", name="Try again").click()
            await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        else:
            await expect(field(page)).to_have_value("my long story")
        assert wrong == []

    async def test_with_no_server_at_all_the_bubble_says_so_and_the_next_click_tries_again(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        await page.route(re.compile(r"/api/|/chat/"), lambda route: route.abort("connectionrefused"))
        await visit(page, server)
        bubble = page.get_by_role("button", name="Open chat")
        await bubble.click()
        await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
        await page.unroute_all()
        await bubble.click()
        await ask(page, "anybody?")
        await expect(replies(page)).to_contain_text("Fine.")
        assert wrong == []

    async def test_without_its_configuration_nobody_writes_as_they_would_not_be_told_what_it_asks(
        self, page: Page, server: FakeServer
    ) -> None:
        server.config["notices"] = {"is_consent_required": True}
        # Asked for by the page, by the pointer that comes and by the click.
        server.config_refusals = [500, 503] * 5
        await visit(page, server)
        bubble = page.get_by_role("button", name="Open chat")
        await bubble.click()
        await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        server.config_refusals.clear()
        await bubble.click()
        await expect(page.get_by_role("dialog").get_by_role("button", name="I agree")).to_be_visible()

    async def test_a_server_that_takes_its_time_is_explained_and_then_asked_again(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        script = server.scripts["q"] = Script(answers_late=True, holds_before=0)
        await page.clock.install()
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).get_by_role("img", name="Writing an answer")).to_be_visible()
        await page.clock.run_for(13_000)
        await expect(page.get_by_text("longer than usual")).to_be_visible()
        await page.clock.run_for(50_000)
        await expect(page.locator("csai-widget .banner")).to_have_text("Reconnecting…")
        await page.clock.run_for(2_000)
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        await expect(page.get_by_text("longer than usual")).to_be_hidden()
        first, second = server.posted()
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
        assert wrong == []


class TestMalformed:
    async def test_events_that_make_no_sense_are_passed_over(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        nonsense = [
            "",
            "{",
            "null",
            "7",
            "[]",
            '"x"',
            "{}",
            '{"text": 7, "name": {}, "id": [], "details": 3}',
        ]
        kinds = [
            *("turn.started", "text.delta", "text.reset", "tool.started", "tool.finished"),
            *("confirm.requested", "handoff", "unheard.of", "message", ""),
        ]
        events = [(kind, data) for kind in kinds for data in nonsense]
        server.scripts["q"] = Script(text="All is well.", events=[*events, delta("All is "), delta("well.")])
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("All is well.")
        await expect(page.get_by_role("button", name="Send message")).to_be_visible()
        assert len(server.posted()) == 1
        assert wrong == []

    async def test_an_ending_that_cannot_be_read_is_asked_for_again(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        server.scripts["q"] = Script(unreadable_endings=2)
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        await expect(page.locator("csai-widget .banner")).to_be_hidden()
        assert len(server.resumed()) == 2
        assert wrong == []

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("text/html", "<html><script>alert(1)</script>Please log in to the hotel's network"),
            *(("application/json", body) for body in ("", "null", "[]", "7", "{}", '{"status": "odd"}')),
            ("text/event-stream", ""),
            ("text/event-stream", "data"),
            ("text/event-stream", "event: turn.completed\ndata: null\n\n"),
        ],
    )
    async def test_an_answer_that_is_none_ends_in_a_retry(
        self, page: Page, server: FakeServer, kind: str, body: str
    ) -> None:
        wrong = watch(page, server)
        await page.clock.install()
        await visit(page, server, open="")
        await answer_with(page, "**/chat/message", body, kind)
        await ask(page, "q")
        await expect(page.locator("csai-widget .banner")).to_have_text("Reconnecting…")
        await pass_time(page, replies(page).locator(".failure"))
        await page.unroute("**/chat/message")
        await replies(page).get_by_role("button", name="Try again").click()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        assert wrong == []

    @pytest.mark.parametrize(
        "body", ["", "<html>", "null", "[]", '{"branding": 7, "client": "x"}', '{"locale": ["he"]}']
    )
    async def test_a_configuration_that_is_none_is_asked_for_again(
        self, page: Page, server: FakeServer, body: str
    ) -> None:
        wrong = watch(page, server)
        await answer_with(page, "**/api/config?*", body)
        await visit(page, server)
        bubble = page.get_by_role("button", name="Open chat")
        await bubble.click()
        await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
        await page.unroute_all()
        await bubble.click()
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert wrong == []

    async def test_what_is_odd_in_a_configuration_leaves_the_defaults(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        server.config = {
            "client": {"name": {"a": 1}},
            "branding": {
                "primary_color": 7,
                "greeting": [],
                "title": None,
                "position": {},
                "theme": "loud",
                "logo_url": "javascript:alert(1)",
                "image_hosts": "x",
                "link_hosts": [1, None],
            },
            "features": {"handoff": "yes", "rating": 1},
            "notices": {"ai": 7, "privacy": {"url": "javascript:alert(1)"}, "is_consent_required": "no"},
            "quick_replies": {"a": 1},
        }
        await visit(page, server, open="")
        await expect(page.get_by_role("dialog", name="Chat with us")).to_contain_text("How can I help")
        await expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(0)
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert wrong == []

    async def test_a_history_that_is_none_does_not_stop_the_conversation(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        bodies = [
            *("<html>", "null", '{"messages": 7, "confirmations": "x"}'),
            '{"messages": [null, 7, {"role": "assistant", "content": {}}], "next": {}}',
            '{"confirmations": [{}, {"details": [null]}]}',
        ]
        for number, body in enumerate(bodies):
            await answer_with(page, "**/chat/history/**", body)
            await page.reload()
            await ask(page, f"again {number}")
            await expect(replies(page).last).to_contain_text("Fine.")
        assert wrong == []


class TestBrowser:
    REFUSED = """
        for (const kind of ["localStorage", "sessionStorage"]) Object.defineProperty(window, kind, {
          get() { throw new DOMException("refused", "SecurityError"); } });"""
    FULL = """
        Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };"""
    FULL_OF_OLD = (
        """
        localStorage.setItem("csai:pk_test_1", '{"session":{"id":"old","token":"old"}}');"""
        + FULL
    )

    @pytest.mark.parametrize("storage", [REFUSED, FULL, FULL_OF_OLD], ids=["refused", "full", "old"])
    async def test_without_storage_the_conversation_lasts_as_long_as_the_page(
        self, page: Page, server: FakeServer, storage: str
    ) -> None:
        wrong = watch(page, server)
        await page.add_init_script(storage)
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page).last).to_contain_text("Fine.")
        await ask(page, "two")
        await expect(page.locator("csai-widget .visitor")).to_have_count(2)
        await expect(replies(page).last).to_contain_text("Fine.")
        first, second = server.posted()
        assert first.body == {"message": "one"}
        assert second.body == {"message": "two", "session_id": "session-1"}
        assert wrong == []

    @pytest.mark.parametrize("year", [1970, 2099])
    async def test_a_clock_that_is_wrong_changes_nothing(
        self, page: Page, server: FakeServer, year: int
    ) -> None:
        wrong = watch(page, server)
        await page.clock.set_system_time(f"{year}-01-02T00:00:00Z")
        script = Script(text="one two", events=[delta("one "), delta("two")], holds_before=2, drops_after=2)
        server.scripts["q"] = script
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("one")
        await page.clock.set_system_time(f"{4069 - year}-06-06T00:00:00Z")
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("one two")
        assert wrong == []


class TestVisitor:
    async def test_a_message_of_100_kB_is_kept_whole_and_said_to_be_too_long(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        long, longest = "word " * 20_000 + "😀", "😀" * 200 + "a" * 15_800
        await visit(page, server, open="")
        await field(page).fill(long)
        await expect(page.locator("csai-widget footer")).to_contain_text("too long for one message")
        await expect(page.locator("csai-widget footer")).to_contain_text("100001 / 16000")
        await field(page).press("Enter")
        await expect(page.get_by_role("button", name="Send message")).to_be_disabled()
        await page.reload()
        await expect(field(page)).to_have_value(long)
        await field(page).fill(longest)
        await expect(page.locator("csai-widget footer")).not_to_contain_text("too long")
        await field(page).press("Enter")
        await expect(replies(page)).to_contain_text("Fine.")
        assert [request.body["message"] for request in server.posted()] == [longest]
        assert wrong == []

    async def test_an_answer_of_100_kB_is_shown(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        piece = "**bold** `code` [link](https://shop.example/) _em_ ![x](https://x.example/y)\n\n- item\n"
        long = piece * 1_200
        server.scripts["q"] = Script(
            text=long, events=[delta(long[at : at + 5_000]) for at in range(0, len(long), 5_000)]
        )
        await visit(page, server, open="")
        await ask(page, "q")
        await expect(replies(page).locator("strong")).to_have_count(1_200)
        assert wrong == []

    async def test_what_is_typed_survives_a_reload_and_a_running_answer(
        self, page: Page, server: FakeServer
    ) -> None:
        script = Script(events=[tool("started", "get_order"), delta("Fine.")], holds_before=2)
        server.scripts["one"] = script
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page).locator(".tool.running")).to_be_visible()
        await field(page).fill("half a thou")
        await field(page).press("Enter")
        await expect(field(page)).to_have_value("half a thou")
        await page.reload()
        await expect(field(page)).to_have_value("half a thou")
        script.released.set()
        await expect(replies(page)).to_contain_text("Fine.")
        await expect(field(page)).to_have_value("half a thou")
        await field(page).press("Enter")
        await expect(replies(page).last).to_contain_text("Fine.")
        await page.reload()
        await expect(page.locator("csai-widget .visitor")).to_have_count(2)
        await expect(field(page)).to_have_value("")

    async def test_a_double_click_sends_once_and_stops_nothing(self, page: Page, server: FakeServer) -> None:
        script = Script(events=[delta("Fine.")], holds_before=1)
        server.scripts["q"] = script
        await page.clock.install()
        await visit(page, server, open="")
        await field(page).fill("q")
        # Both clicks at one moment, however long a busy machine is at the first.
        await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        await page.get_by_role("button", name="Send message").dblclick()
        await page.clock.resume()
        await expect(page.get_by_role("button", name="Stop answering")).to_be_visible()
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        assert len(server.posted()) == 1
        assert server.posted("/chat/stop") == []

    async def test_a_double_click_retries_once(self, page: Page, server: FakeServer) -> None:
        server.scripts["q"] = Script(refusals=[(500, "internal", {})])
        await visit(page, server, open="")
        await ask(page, "q")
        await replies(page).get_by_role("button", name="Try again").dblclick()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        assert len(server.posted()) == 2

    async def test_a_double_click_on_the_bubble_opens_it(self, page: Page, server: FakeServer) -> None:
        await visit(page, server)
        await page.get_by_role("button", name="Open chat").dblclick()
        await expect(page.get_by_role("dialog")).to_be_visible()
