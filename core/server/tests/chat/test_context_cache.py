"""The context cache: what a turn is told of those before it, without asking the database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai.chat.repository import HistoryRow, TurnRepository
from csai.models import Conversation
from csai_sdk import ProviderRequestError, ToolCall, ToolMessage, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory


@tool(read_only=True)
def look_up(order_id: str) -> dict[str, str]:
    """Looks an order up."""
    return {"order": order_id, "state": "shipped"}


async def stored(server: Server, answer: Any) -> list[HistoryRow]:
    (conversation,) = await server.rows(Conversation, session_id=answer["session_id"])
    step = TurnRepository(server.client.id).history(conversation["id"], after=0, before=1_000, count=20)
    return [HistoryRow(*row) for row in (await server.services.database.fetch(step))[0]]


async def kept(server: Server, answer: Any) -> Any:
    found = await server.services.cache.get(key(server, answer))
    return json.loads(found) if found is not None else None


def key(server: Server, answer: Any) -> str:
    return f"conversation:{server.client.id}:{answer['session_id']}"


def said(provider: ScriptedProvider) -> list[str]:
    return [
        message.text for message in provider.requests[-1].messages if not isinstance(message, ToolMessage)
    ]


async def test_what_is_kept_is_what_the_database_holds_after_every_kind_of_turn(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(
        ["Hello <b>&</b> שלום."],
        ["Let me look.", ToolCall("c1", "look_up", {"order_id": "A-1"})],
        ["It has shipped."],
        [ProviderRequestError("too long", status=400)],
        ["Once more.", ToolCall("c1", "look_up", {"order_id": "A-2"})],
        [ProviderRequestError("too long", status=400)],
        ["Bye."],
    )
    server = await make_server(provider, tools=[look_up])
    answer: Any = None
    statuses = []
    for number in range(1, 6):
        answer = (await server.say(f" Question {number}\n\t ", answer)).json()
        statuses.append(answer["status"])
        await server.services.live.ended()

        found = await kept(server, answer)
        assert [HistoryRow(*row) for row in found["rows"]] == await stored(server, answer)
        assert (found["next"], found["after"]) == (2 * number + 1, 0)

    assert statuses == ["completed", "completed", "failed", "failed", "completed"]


async def test_a_turn_that_finds_its_context_asks_the_database_for_none(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = ScriptedProvider(["Yes."], is_endless=True)
    server = await make_server(provider)
    answer = (await server.say("One")).json()
    await server.services.live.ended()

    with monkeypatch.context() as patched:
        patched.delattr(TurnRepository, "history")
        answer = (await server.say("Two", answer)).json()

    assert answer["status"] == "completed"
    assert said(provider) == ["One", "Yes.", "Two"]


@pytest.mark.parametrize("what", ["older", "broken", "of another shape"])
async def test_a_context_that_is_not_the_last_is_not_believed(make_server: ServerFactory, what: str) -> None:
    provider = ScriptedProvider(["Yes."], is_endless=True)
    server = await make_server(provider)
    cache = server.services.cache
    answer = (await server.say("One")).json()
    await server.services.live.ended()
    older = await cache.get(key(server, answer))
    assert older is not None
    answer = (await server.say("Two", answer)).json()
    await server.services.live.ended()

    value = {"older": older, "broken": b"{oops", "of another shape": b'{"next": 5, "after": 0}'}[what]
    await cache.set(key(server, answer), value, lifetime_s=60)
    await server.say("Three", answer)

    assert said(provider) == ["One", "Yes.", "Two", "Yes.", "Three"]


async def test_nothing_is_kept_where_it_is_switched_off(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Yes."], is_endless=True)
    server = await make_server(provider, context_cache_s=0)
    answer = (await server.say("One")).json()
    await server.services.live.ended()

    await server.say("Two", answer)

    assert await kept(server, answer) is None
    assert said(provider) == ["One", "Yes.", "Two"]
