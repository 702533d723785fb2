"""The widget: what a page can say to it, and the kinds of page it has to live in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.test_widget_turn import CANCEL
from tests.e2e.widget_page import KEY, ask, delta, embed, replies, visit, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

INSERT = """
    ([key, attributes]) => new Promise((done) => {
      document.addEventListener("csai:ready", ({ detail }) => done(detail === csai.get(key)), { once: true });
      const script = document.createElement("script");
      script.src = "/widget.js";
      Object.assign(script.dataset, { apiKey: key, ...attributes });
      document.head.append(script);
    })"""


def token(visitor: str, number: int = 1) -> str:
    """Signed by nobody: the widget only looks at who it is about."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": visitor, "exp": number}).encode()).decode()
    return f"e30.{claims.rstrip('=')}.signature"


async def identify(page: Page, identity: dict[str, Any] | None) -> None:
    await page.evaluate("(identity) => csai.identify(identity)", identity)


class TestIdentity:
    async def test_a_token_goes_with_every_message_and_is_not_kept(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["cancel"] = Script(confirmations=[CANCEL])
        await visit(page, server, open="")
        await identify(page, {"user_token": token("7")})
        await ask(page, "cancel")
        await replies(page).get_by_role("button", name="Confirm").click()
        await expect(replies(page)).to_have_count(2)
        await expect(replies(page).last).to_contain_text("Fine.")
        (message,), (confirmation,) = server.posted(), server.posted("/chat/confirm")
        assert message.body == {"message": "cancel", "user_token": token("7")}
        assert confirmation.body["user_token"] == token("7")
        assert token("7") not in await page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    async def test_a_hash_goes_with_the_identifier_that_it_proves(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="", user_identifier="7", user_hash="abc")
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert server.posted()[0].body == {"message": "q", "user_identifier": "7", "user_hash": "abc"}

    async def test_a_token_may_stand_in_the_page(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="", user_token=token("7"))
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert server.posted()[0].body == {"message": "q", "user_token": token("7")}

    async def test_who_signs_in_goes_on_and_a_renewed_token_is_the_same_person(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        await identify(page, {"user_token": token("7")})
        await identify(page, {"user_token": token("7", 2)})
        await ask(page, "two")
        await expect(replies(page)).to_have_count(2)
        await expect(replies(page).last).to_contain_text("Fine.")
        assert server.posted()[1].body == {
            "message": "two",
            "session_id": "session-1",
            "user_token": token("7", 2),
        }

    @pytest.mark.parametrize("other", [{"user_token": token("8")}, {"user_identifier": "8"}, None])
    async def test_another_person_sees_nothing_of_what_was_said_before(
        self, page: Page, server: FakeServer, other: dict[str, Any] | None
    ) -> None:
        await visit(page, server, open="", user_token=token("7"))
        await ask(page, "my secret")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.get_by_role("textbox").fill("my draft")
        await identify(page, other)
        await expect(page.locator("csai-widget .visitor")).to_have_count(0)
        await expect(page.get_by_role("textbox")).to_have_value("")
        await expect(page.locator("csai-widget .entry")).to_have_count(1)
        await ask(page, "hello")
        await expect(replies(page)).to_contain_text("Fine.")
        await server.until(lambda: bool(server.ended))
        assert server.ended == {"session-1"}
        assert server.posted()[1].body == {"message": "hello", **(other or {})}
        assert "secret" not in await page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    async def test_another_person_on_the_next_page_sees_nothing_either(
        self, page: Page, server: FakeServer
    ) -> None:
        await visit(page, server, open="", user_token=token("7"))
        await ask(page, "my secret")
        await expect(replies(page)).to_contain_text("Fine.")
        await visit(page, server, open="", user_token=token("8"))
        await expect(page.locator("csai-widget .entry")).to_have_count(1)
        assert not [request for request in server.requests if "/history/" in request.path]

    async def test_a_page_hears_of_a_token_that_has_ended_and_brings_another(
        self, page: Page, server: FakeServer
    ) -> None:
        server.scripts["q"] = Script(refusals=[(401, "user_token_invalid", {})])
        await visit(page, server, open="", user_token=token("7"))
        await page.evaluate(
            """(fresh) => { window.told = 0;
            csai.on("unverified", () => { told++; csai.identify({ user_token: fresh }); }); }""",
            token("7", 2),
        )
        await ask(page, "q")
        await replies(page).get_by_role("button", name="Try again").click()
        await expect(replies(page).locator(".rich")).to_have_text("Fine.")
        first, second = server.posted()
        assert await page.evaluate("told") == 1
        assert second.body == {"message": "q", "user_token": token("7", 2)}
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


class TestPages:
    async def test_inserted_late_it_works(self, page: Page, server: FakeServer) -> None:
        wrong = watch(page, server)
        await page.goto(server.page("<p>Long there"))
        assert await page.evaluate("window.csai === undefined")
        assert await page.evaluate(INSERT, [KEY, {"open": ""}])
        await ask(page, "q")
        await expect(replies(page)).to_contain_text("Fine.")
        assert wrong == []

    async def test_a_new_route_keeps_the_conversation_and_the_running_answer(
        self, page: Page, server: FakeServer
    ) -> None:
        script = Script(text="one two", events=[delta("one "), delta("two")], holds_before=2)
        server.scripts["q"] = script
        await visit(page, server, "<main>first</main>", open="")
        await ask(page, "q")
        await expect(replies(page).locator(".rich")).to_have_text("one")
        await page.evaluate(
            """() => { history.pushState({}, "", "/page/second");
            const body = Object.assign(document.createElement("body"), { innerText: "second" });
            document.body.replaceWith(body); }"""
        )
        await expect(page.get_by_role("dialog")).to_be_visible()
        script.released.set()
        await expect(replies(page).locator(".rich")).to_have_text("one two")
        await ask(page, "again")
        await expect(replies(page)).to_have_count(2)
        await expect(replies(page).last).to_contain_text("Fine.")
        assert server.posted()[1].body == {"message": "again", "session_id": "session-1"}

    async def test_destroyed_and_put_back_it_goes_on(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await ask(page, "one")
        await expect(replies(page)).to_contain_text("Fine.")
        await page.evaluate("csai.destroy()")
        assert await page.evaluate("window.csai === undefined")
        assert await page.evaluate(INSERT, [KEY, {"open": ""}])
        await expect(page.locator("csai-widget .visitor")).to_contain_text("one")
        await ask(page, "two")
        await expect(replies(page)).to_have_count(2)
        await expect(replies(page).last).to_contain_text("Fine.")
        assert server.posted()[1].body == {"message": "two", "session_id": "session-1"}

    @pytest.mark.parametrize("sandbox", ["", "sandbox='allow-scripts allow-forms'"])
    async def test_it_works_in_a_frame(self, page: Page, server: FakeServer, sandbox: str) -> None:
        wrong = watch(page, server)
        inner = server.page(embed(open=""), name="inner")
        frame = f"<iframe {sandbox} src='{inner}' style='width: 500px; height: 700px'></iframe>"
        await page.goto(server.page(frame))
        inside = page.frame_locator("iframe")
        field = inside.get_by_role("textbox", name="Your message")
        for number in (1, 2):
            await field.fill(f"message {number}")
            await field.press("Enter")
            await expect(inside.locator("csai-widget .reply")).to_have_count(1 + number)
            await expect(inside.locator("csai-widget .reply").last).to_contain_text("Fine.")
        assert server.posted()[1].body == {"message": "message 2", "session_id": "session-1"}
        assert wrong == []

    async def test_two_keys_are_two_widgets_that_know_nothing_of_each_other(
        self, page: Page, server: FakeServer
    ) -> None:
        wrong = watch(page, server)
        second = embed(position="bottom-left", title="Second").replace(KEY, "pk_test_2")
        await page.goto(server.page(second + embed(title="First", open="")))
        await expect(page.locator("csai-widget")).to_have_count(2)
        await page.evaluate(f"csai.get('{KEY}').send('to the first')")
        await page.evaluate("csai.get('pk_test_2').send('to the second')")
        await page.evaluate("csai.get('pk_test_2').open()")
        first = page.get_by_role("dialog", name="First")
        other = page.get_by_role("dialog", name="Second")
        for dialog, words in ((first, "to the first"), (other, "to the second")):
            await expect(dialog.locator(".visitor")).to_contain_text(words)
            await expect(dialog.locator(".visitor")).to_have_count(1)
            await expect(dialog.locator(".reply").last).to_contain_text("Fine.")
        keys = {request.body["message"]: request.headers["X-API-Key"] for request in server.posted()}
        assert keys == {"to the first": KEY, "to the second": "pk_test_2"}
        assert await page.evaluate("csai.get('pk_test_3') === undefined")
        await page.evaluate(f"csai.get('{KEY}').destroy()")
        assert await page.evaluate("csai === csai.get('pk_test_2')")
        await expect(other).to_be_visible()
        await page.evaluate("csai.destroy()")
        assert await page.evaluate("window.csai === undefined")
        assert wrong == []

    async def test_on_a_phone_no_bubble_of_another_lies_over_an_open_one(
        self, page: Page, server: FakeServer
    ) -> None:
        await page.set_viewport_size({"width": 390, "height": 844})
        other = embed(position="bottom-left").replace(KEY, "pk_other")
        await page.goto(server.page(embed() + other))
        await expect(page.locator("csai-widget .launcher")).to_have_count(2)
        for key in (KEY, "pk_other"):
            await page.evaluate(f"csai.get('{key}').open()")
            field = page.locator(f"[data-key={key}] .composer textarea")
            await expect(field).to_be_focused()
            await field.click(position={"x": 20, "y": 20})
            await page.evaluate(f"csai.get('{key}').close()")

    async def test_a_listener_that_throws_harms_nothing_else(self, page: Page, server: FakeServer) -> None:
        await visit(page, server, open="")
        await expect(page.get_by_role("dialog")).to_be_visible()
        heard = await page.evaluate(
            """() => { const heard = []; csai.close();
            csai.on("open", () => { throw new Error("the page's own"); });
            const off = csai.on("open", () => heard.push("open"));
            csai.open(); csai.close(); off(); csai.open(); return heard; }"""
        )
        assert heard == ["open"]
