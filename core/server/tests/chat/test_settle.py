"""The end of a turn over a database that fails at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from csai.chat import settle
from csai.chat import turn as turns
from csai.chat.turn import SORRY
from csai.database import Database, DatabaseUnavailable, OutcomeUnknown
from csai.models import LedgerEntry, Message, ToolExecution, Turn
from csai_sdk import ToolCall, Usage
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import ServerFactory
from tests.support.tools import Bookings
from tests.support.waiting import PATIENCE_S

Fault = Callable[[int], bool]


@pytest.fixture
def fail_transactions(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault, Exception, bool], list[int]]:
    """Transactions of so many steps raise, after or instead of having been stored."""
    transact = Database.transact

    def install(is_hit: Fault, error: Exception, is_stored: bool) -> list[int]:
        hits: list[int] = []

        async def failing(self: Database, *steps: Any, **options: Any) -> Any:
            if not is_hit(len(steps)):
                return await transact(self, *steps, **options)
            hits.append(len(steps))
            if is_stored:
                await transact(self, *steps, **options)
            raise error

        monkeypatch.setattr(Database, "transact", failing)
        return hits

    return install


async def test_a_database_away_for_long_makes_a_failure_that_is_stored_when_it_is_back(
    make_server: ServerFactory,
    fail_transactions: Callable[[Fault, Exception, bool], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settle, "PATIENCE_S", 0)
    monkeypatch.setattr(settle, "MAX_WAIT_S", 0.01)
    server = await make_server(
        ScriptedProvider(["Hi."], usage=Usage(30, 4)), limits={"tokens": 100_000, "messages": 5}
    )
    is_away = True
    hits = fail_transactions(lambda steps: is_away and steps > 4, DatabaseUnavailable("away"), False)

    answer = (await server.say("Hi")).json()
    assert hits
    assert (await server.rows(Turn))[0]["status"] == "running"
    is_away = False
    async with asyncio.timeout(PATIENCE_S):
        while (turn := (await server.rows(Turn))[0])["status"] == "running":  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.01)

    said = {row["role"]: row["content"] for row in await server.rows(Message)}
    assert (answer["status"], turn["status"]) == ("failed", "failed")
    assert said["assistant"] == answer["message"]["content"] == turn["outcome"]["message"]["content"]
    assert "session_token" not in turn["outcome"]
    assert [row["tokens_input"] for row in await server.rows(LedgerEntry)] == [30]
    counters = await server.counters()
    assert (counters["tokens"], counters["messages"]) == ((34, 0), (0, 0))


@pytest.mark.parametrize(
    ("is_stored", "status", "tries"), [(True, "completed", 1), (False, "failed", 2)], ids=["stored", "not"]
)
async def test_a_reservation_whose_confirmation_is_lost_is_looked_for_and_never_made_twice(
    make_server: ServerFactory,
    fail_transactions: Callable[[Fault, Exception, bool], list[int]],
    is_stored: bool,
    status: str,
    tries: int,
) -> None:
    server = await make_server(ScriptedProvider(["Hi."]), limits={"tokens": 100_000, "messages": 5})
    hits = fail_transactions(lambda steps: steps == 2, OutcomeUnknown("lost"), is_stored)

    answer = (await server.say("Hi")).json()

    assert (answer["status"], len(hits)) == (status, tries)
    assert {reserved for _used, reserved in (await server.counters()).values()} == {0}


@pytest.mark.parametrize("is_stored", [True, False])
async def test_tools_whose_intent_s_confirmation_is_lost_do_not_run_and_give_back_what_was_set_aside(
    make_server: ServerFactory,
    fail_transactions: Callable[[Fault, Exception, bool], list[int]],
    is_stored: bool,
) -> None:
    bookings = Bookings()
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Booked."])
    server = await make_server(provider, tools=[bookings.tool], limits={"tool_calls": 5})
    hits = fail_transactions(lambda steps: steps == 3, OutcomeUnknown("lost"), is_stored)

    answer = (await server.say("Book ten")).json()

    assert (answer["status"], answer["message"]["content"], len(hits)) == ("failed", SORRY, 1)
    assert bookings.made == []
    assert {reserved for _used, reserved in (await server.counters()).values()} == {0}
    assert [row["status"] for row in await server.rows(ToolExecution)] == ["refused"]


async def test_what_was_set_aside_as_a_turn_ran_out_of_time_is_given_back(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact = Database.transact

    async def slow(self: Database, *steps: Any, **options: Any) -> Any:
        results = await transact(self, *steps, **options)
        if len(steps) == 3:
            # As where PostgreSQL hangs: it stores, and nobody hears of it.
            await late.wait()
            raise OutcomeUnknown("lost")
        return results

    late = asyncio.Event()
    monkeypatch.setattr(Database, "transact", slow)
    monkeypatch.setattr(turns, "CANCEL_S", 0.05)
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Booked."])
    server = await make_server(
        provider, tools=[Bookings().tool], limits={"tool_calls": 5}, turn_deadline_s=0.5
    )

    answer = (await server.say("Book ten")).json()
    late.set()

    assert answer["status"] == "failed"
    assert {reserved for _used, reserved in (await server.counters()).values()} == {0}
