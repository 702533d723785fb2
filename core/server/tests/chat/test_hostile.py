"""Vendors, plugins and visitors that misbehave: the turn still ends once, and the books stay right."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from csai.models import Conversation, Counter, LedgerEntry, Turn
from csai.tools.execution_repository import ToolExecutionRepository
from csai_sdk import HookRefusal, ModelReply, ModelRequest, PluginContext, ToolCall, Usage, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory, sse_events

PATIENCE_S = 10
ROOMY = {"tokens": 10**9, "cost": 10**9, "tool_calls": 100}


@tool
async def book(slot: str) -> str:
    """Books a slot."""
    return f"booked {slot}"


class Named(ScriptedProvider):
    """Answers under a name that no model has."""

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> Any:
        async for item in super().stream(request, ctx):
            is_end = isinstance(item, ModelReply)
            yield ModelReply("Hello", "end", Usage(1, 1), "m\x00" * 300) if is_end else item


class Refuser:
    """A plugin that allows no tool call, in words that no database takes."""

    @hookimpl
    async def before_tool_call(self) -> None:
        raise HookRefusal("not\x00now \ud800")


async def test_a_model_name_that_cannot_be_stored_ends_no_turn(make_server: ServerFactory) -> None:
    server = await make_server(Named(["Hello"]))

    answer = await asyncio.wait_for(server.say("Hi"), PATIENCE_S)

    assert answer.json()["message"]["content"] == "Hello"
    await _assert_settled(server, "completed")


async def test_a_refusal_that_cannot_be_stored_ends_no_turn(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ToolCall("c1", "book", {"slot": "9:00"})], ["It cannot be now."])
    server = await make_server(provider, tools=[book], plugins={"refuser": Refuser()})

    answer = await asyncio.wait_for(server.say("Book 9:00"), PATIENCE_S)

    assert answer.json()["message"]["content"] == "It cannot be now."
    await _assert_settled(server, "completed")


async def test_a_turn_that_cannot_be_stored_fails_visibly_and_books_what_it_spent(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = ScriptedProvider([ToolCall("c1", "book", {"slot": "9:00"})], ["Done."])
    server = await make_server(provider, tools=[book], limits=ROOMY)
    real = ToolExecutionRepository.settle_all

    def settle_all(self: Any, turn: Any, executions: Any) -> Any:
        if executions:
            raise ValueError("this cannot be stored")
        return real(self, turn, executions)

    monkeypatch.setattr(ToolExecutionRepository, "settle_all", settle_all)

    answer = (await asyncio.wait_for(server.say("Book 9:00"), PATIENCE_S)).json()

    assert answer["status"] == "failed"
    assert "sorry" in answer["message"]["content"]
    assert [entry["tokens_input"] for entry in await server.rows(LedgerEntry)] == [10, 10]
    await _assert_settled(server, "failed")


@pytest.mark.parametrize("transaction", [2, 3], ids=["tokens", "intent"])
async def test_a_stop_between_a_commit_and_its_answer_loses_nothing(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, transaction: int
) -> None:
    provider = ScriptedProvider([ToolCall("c1", "book", {"slot": "9:00"})], ["Done."])
    server = await make_server(provider, tools=[book], limits=ROOMY)
    database, live = server.services.database, server.services.live
    real = database.transact
    committed = 0

    async def transact(*steps: Any, check: Any = None) -> Any:
        nonlocal committed
        rows = await real(*steps, check=check)
        committed += 1
        if committed == transaction:
            (turn,) = await server.rows(Turn)
            (conversation,) = await server.rows(Conversation)
            assert turn["status"] == "running"
            await live.stop(server.client.id, conversation["session_id"])
            await asyncio.sleep(0)
        return rows

    monkeypatch.setattr(database, "transact", transact)

    answer = await asyncio.wait_for(server.say("Book 9:00"), PATIENCE_S)

    assert answer.json()["status"] == "stopped"
    await _assert_settled(server, "stopped")


async def test_what_is_set_aside_for_a_running_turn_is_written_with_it(make_server: ServerFactory) -> None:
    go_on = asyncio.Event()
    provider = ScriptedProvider([ToolCall("c1", "book", {"slot": "9:00"})], [go_on, "Done."])
    server = await make_server(provider, tools=[book], limits=ROOMY)
    asked = asyncio.create_task(server.say("Book 9:00"))
    await asyncio.wait_for(provider.called(2), PATIENCE_S)

    (turn,) = await server.rows(Turn)
    held = {counter["metric"]: counter["reserved"] for counter in await server.rows(Counter)}
    go_on.set()
    await asyncio.wait_for(asked, PATIENCE_S)

    assert held["tokens"] > 0
    assert held["tool_calls"] == 1
    assert {metric: amount for metric, amount in turn["reserved"].items() if amount} == {
        metric: amount for metric, amount in held.items() if amount
    }


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
async def test_a_number_that_is_no_json_is_refused_and_stores_nothing(
    make_server: ServerFactory, number: str
) -> None:
    server = await make_server(ScriptedProvider(["Hello"]))

    refused = await server.http.post(
        "/chat/message",
        content=f'{{"message": "Hi", "metadata": {{"a": [{number}]}}}}',
        headers={"X-API-Key": server.client.secret_key},
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "request_invalid")
    assert await server.rows(Conversation) == []


@pytest.mark.parametrize("position", ["\u00b2", "-1", "1e3", "9" * 40, ""])
async def test_a_position_that_is_none_resumes_from_the_beginning(
    make_server: ServerFactory, position: str
) -> None:
    server = await make_server(ScriptedProvider(["A ", "B"]))
    headers = server.as_page(Accept="text/event-stream")
    whole = (await server.http.post("/chat/message", json={"message": "?"}, headers=headers)).text
    answer = sse_events(whole)[-1][1]
    shown = server.as_page(answer) | {"Last-Event-ID": f"{answer['turn_id']}:{position}"}

    resumed = await server.http.get(
        f"/chat/events/{answer['session_id']}",
        headers=[(name.encode(), value.encode("latin-1")) for name, value in shown.items()],
    )

    assert resumed.text == whole


async def _assert_settled(server: Server, status: str) -> None:
    """One turn, with this outcome; nothing is held for it any more."""
    (turn,) = await server.rows(Turn)
    assert (turn["status"], turn["outcome"]["status"]) == (status, status)
    (conversation,) = await server.rows(Conversation)
    assert conversation["lease_turn_id"] is None
    counters = await server.rows(Counter)
    assert [counter["reserved"] for counter in counters] == [0] * len(counters)
    assert all(counter["used"] >= 0 for counter in counters)
