"""A visitor whose message comes while the AI is switched off: in their language, and heard by a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from csai.chat.pause import REASON
from csai.handoffs.service import Handoffs
from csai.kit.identifier import new_id
from csai.models import Conversation, Message, Turn
from csai_sdk import Locale, english_labels, event, hookimpl
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory, sse_events

PAUSED, QUEUED = english_labels()["server.paused"], english_labels()["server.queued"]
ES = {"server.paused": "El asistente descansa.", "server.queued": "Le responderá una persona."}


class Spanish(Locale):
    code = "es"

    def matches(self, text: str) -> float:
        return 1.0 if "¿" in text else 0.0

    def labels(self) -> Mapping[str, str]:
        return ES


class Plugins:
    def __init__(self) -> None:
        self.heard: list[event.Handoff] = []

    @hookimpl
    def register_locales(self) -> list[Locale]:
        return [Spanish()]

    @hookimpl
    async def handoff(self, event: event.Handoff) -> None:
        self.heard.append(event)


@pytest.fixture
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture
async def server(make_server: ServerFactory, plugins: Plugins) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True), plugins={"es": plugins})


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def switch(operator: Operator, method: str = "POST", *, is_all: bool = False) -> None:
    path = "/admin/spending/stop" if is_all else f"/admin/clients/{operator.server.client.id}/pause"
    assert (await operator.ask(method, path)).status_code == 200


async def say(server: Server, text: str, before: Any = None, **how: Any) -> tuple[str, str]:
    answer = (await server.say(text, before, **how)).json()
    return answer["status"], answer["message"]["content"]


@pytest.mark.parametrize("is_all", [False, True], ids=["one client", "all spending"])
async def test_the_message_waits_for_a_teammate_and_its_visitor_is_told_so_once(
    server: Server, operator: Operator, plugins: Plugins, is_all: bool
) -> None:
    await switch(operator, is_all=is_all)

    first = (await server.say("Where is my order?")).json()

    assert (first["status"], first["message"]["content"]) == ("blocked", QUEUED)
    (conversation,) = await server.rows(Conversation)
    assert (conversation["state"], conversation["message_count"]) == ("queued", 2)
    assert [(row["author"], row["content"]) for row in await server.rows(Message)] == [
        ("visitor", "Where is my order?"),
        ("ai", QUEUED),
    ]
    assert plugins.heard == [event.Handoff(server.client.id, conversation["id"], "queued", REASON)]
    assert {used for used, _ in (await server.counters()).values()} <= {0}
    assert await say(server, "Hello?", first) == ("handed_off", "")
    assert len(plugins.heard) == 1


async def test_a_page_hears_of_the_queue_and_of_the_words(server: Server, operator: Operator) -> None:
    await switch(operator)

    answer = await server.http.post(
        "/chat/message",
        json={"message": "Hi"},
        headers={**server.as_page(), "Accept": "text/event-stream"},
    )

    events = sse_events(answer.text)
    assert [name for name, _ in events] == ["turn.started", "handoff", "turn.failed"]
    assert events[1][1] == {"state": "queued"}
    assert events[2][1]["message"]["content"] == QUEUED


async def test_a_repeat_of_the_request_is_told_the_same(server: Server, operator: Operator) -> None:
    await switch(operator)

    key = new_id()
    answers = [(await server.say("Hi", message_id=key)).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(await server.rows(Turn)) == 1


async def test_once_it_is_lifted_new_conversations_are_the_ais_and_queued_ones_the_teammates(
    server: Server,
    operator: Operator,
) -> None:
    await switch(operator)
    first = (await server.say("Hi")).json()
    await switch(operator, "DELETE")

    assert await say(server, "Hi again") == ("completed", "Hello!")
    assert await say(server, "Hello?", first) == ("handed_off", "")
    await server.http.post(
        "/chat/state",
        json={"session_id": first["session_id"], "state": "ai"},
        headers={"X-API-Key": server.client.secret_key},
    )
    assert await say(server, "And now?", first) == ("completed", "Hello!")


async def test_the_visitor_reads_it_in_the_language_they_write(server: Server, operator: Operator) -> None:
    await switch(operator)

    assert await say(server, "¿Qué tal?") == ("blocked", ES["server.queued"])


async def test_what_was_said_before_tells_the_language_of_an_order_number(
    server: Server, operator: Operator
) -> None:
    first = (await server.say("¿Dónde está mi pedido?")).json()
    await switch(operator)

    assert await say(server, "12345", first) == ("blocked", ES["server.queued"])


async def test_where_nobody_may_be_asked_for_the_message_is_blocked_and_not_counted(
    server: Server, operator: Operator
) -> None:
    client = await server.add_client(settings={"provider": "scripted"}, branding={"handoff": False})
    await switch(operator, is_all=True)

    assert await say(server, "Hi", client=client) == ("blocked", PAUSED)
    assert await say(server, "¿Qué tal?", client=client) == ("blocked", ES["server.paused"])

    assert {row["state"] for row in await server.rows(Conversation)} == {"ai"}
    assert {used for used, _ in (await server.counters()).values()} <= {0}


async def test_a_test_chat_asks_for_nobody(server: Server, operator: Operator) -> None:
    await switch(operator)

    answer = await operator.ask(
        "POST", f"/admin/clients/{server.client.id}/test-chat/message", json={"message": "Hi"}
    )

    told = answer.json()
    assert (told["status"], told["message"]["content"]) == ("blocked", PAUSED)
    assert [row["state"] for row in await server.rows(Conversation)] == ["ai"]


async def test_the_turn_ends_where_nobody_can_be_asked_for(
    server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_args: Any, **_how: Any) -> None:
        raise RuntimeError("no queue today")

    monkeypatch.setattr(Handoffs, "ask", fail)
    await switch(operator)

    assert await say(server, "Hi") == ("blocked", PAUSED)


async def test_a_teammate_who_comes_at_that_moment_has_it_to_themselves(
    server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Handoffs.ask

    async def taken_first(self: Handoffs, view: Any, session: str, conversation: str, reason: str) -> Any:
        await self.change(view, session, conversation, "teammate", teammate="Dana")
        return await ask(self, view, session, conversation, reason)

    monkeypatch.setattr(Handoffs, "ask", taken_first)
    await switch(operator)

    assert await say(server, "Hi") == ("handed_off", "")
    assert [row["state"] for row in await server.rows(Conversation)] == ["teammate"]
