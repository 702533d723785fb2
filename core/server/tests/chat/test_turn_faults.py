"""A vendor or a process fails, and the turn still has its one outcome."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from csai.database import Database, DatabaseUnavailable
from csai.models import Conversation, Counter, LedgerEntry, Message, ToolExecution, Turn
from csai_sdk import ProviderAuthError, ProviderUnavailable, ToolCall, Usage
from csai_testkit.scripted import NO_USAGE, ScriptedProvider
from sqlalchemy import delete, update

from tests.support.server import ServerFactory, sse_events
from tests.support.tools import Bookings


async def test_a_vendor_that_fails_is_replaced_by_the_next_in_the_chain(make_server: ServerFactory) -> None:
    broken = ScriptedProvider([ProviderAuthError("no")], id="broken")
    spare = ScriptedProvider(["Here I am."], id="spare")
    server = await make_server(broken, spare)

    answer = (await server.say("Hi")).json()

    assert answer["message"]["content"] == "Here I am."
    assert spare.requests[0].is_fallback
    assert [entry["provider"] for entry in await server.rows(LedgerEntry)] == ["spare"]


async def test_a_vendor_that_stumbles_once_is_asked_again(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ProviderUnavailable("busy", retry_after_s=0)], ["Now."])
    server = await make_server(provider)

    assert (await server.say("Hi")).json()["message"]["content"] == "Now."


async def test_text_of_an_answer_that_broke_off_is_withdrawn_and_booked(make_server: ServerFactory) -> None:
    broken = ScriptedProvider(["Half an ans", ProviderAuthError("cut")], id="broken")
    spare = ScriptedProvider(["Whole answer."], id="spare")
    server = await make_server(broken, spare)

    response = await server.http.post(
        "/chat/message",
        json={"message": "Hi"},
        headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
    )

    events = sse_events(response.text)
    assert [name for name, _ in events] == [
        "turn.started",
        "text.delta",
        "text.reset",
        "text.delta",
        "turn.completed",
    ]
    assert events[-1][1]["message"]["content"] == "Whole answer."
    booked = {entry["provider"]: entry["is_estimated"] for entry in await server.rows(LedgerEntry)}
    assert booked == {"broken": True, "spare": False}


async def test_when_no_vendor_answers_the_visitor_hears_a_friendly_failure(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider([ProviderAuthError("no")]))

    response = await server.say("Hi")

    assert (response.status_code, response.json()["status"]) == (200, "failed")
    assert "sorry" in response.json()["message"]["content"]
    (turn,) = await server.rows(Turn)
    assert turn["status"] == "failed"
    assert await server.counters() == {"conversations": (0, 0), "messages": (0, 0)}


async def test_a_provider_that_raises_anything_fails_the_turn_alone(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ZeroDivisionError()], ["Fine again."])
    server = await make_server(provider)

    assert (await server.say("Hi")).json()["status"] == "failed"
    assert (await server.say("Hi")).json()["status"] == "completed"


async def test_a_missing_report_is_booked_as_an_estimate(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Some words.", NO_USAGE]))

    await server.say("Hi")

    (entry,) = await server.rows(LedgerEntry)
    assert entry["is_estimated"]
    assert entry["tokens_output"] > 0


async def test_a_turn_that_takes_too_long_ends_as_failed(make_server: ServerFactory) -> None:
    server = await make_server(
        ScriptedProvider([asyncio.Event()]), turn_deadline_s=0.2, first_token_timeout_s=5
    )

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "failed"


async def test_a_silent_vendor_is_given_up_for_the_next(make_server: ServerFactory) -> None:
    silent = ScriptedProvider([asyncio.Event()], is_endless=True, id="silent")
    spare = ScriptedProvider(["Here."], id="spare")
    server = await make_server(silent, spare, first_token_timeout_s=0.05)

    assert (await server.say("Hi")).json()["message"]["content"] == "Here."


async def test_a_conversation_left_by_a_dead_process_is_taken_over(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True))
    begun = (await server.say("one")).json()
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Conversation).values(
                lease_turn_id=begun["turn_id"],
                lease_expires_at=server.services.clock.now() - timedelta(seconds=1),
            )
        )
        await transaction.execute(update(Turn).values(status="running", outcome=None))

    answer = (await server.say("two", begun)).json()

    assert answer["status"] == "completed"
    statuses = {turn["id"]: turn["status"] for turn in await server.rows(Turn)}
    assert statuses[begun["turn_id"]] == "failed"


@pytest.mark.parametrize("usage", [Usage(-5, 3), Usage(10, 2**40), Usage(10, "7")])  # type: ignore[arg-type]
async def test_a_report_that_cannot_be_true_is_booked_as_an_estimate(
    make_server: ServerFactory, usage: Usage
) -> None:
    server = await make_server(ScriptedProvider(["Some words."], usage=usage))

    assert (await server.say("Hi")).json()["status"] == "completed"

    (entry,) = await server.rows(LedgerEntry)
    assert entry["is_estimated"]
    assert entry["tokens_input"] > 0


async def test_a_model_that_never_stops_talking_is_cut_off(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["x" * 10_000] * 100), max_output_tokens=100)

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "failed"
    assert len(answer["message"]["content"]) < 1_000


async def test_a_turn_left_by_a_dead_process_fails_without_anybody_asking(make_server: ServerFactory) -> None:
    bookings = Bookings()
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Booked."])
    server = await make_server(provider, tools=[bookings.tool], limits={"messages": 10, "tokens": 1_000_000})
    key = str(uuid4())
    begun = (await server.say("Book ten", key=key)).json()
    past = server.services.clock.now() - timedelta(seconds=1)
    async with server.services.database.write() as transaction:
        # As a process leaves it that is killed after the tool and before the end.
        await transaction.execute(
            update(Conversation).values(lease_turn_id=begun["turn_id"], lease_expires_at=past)
        )
        await transaction.execute(
            update(Turn).values(status="running", outcome=None, reserved={"messages": 1, "tokens": 500})
        )
        await transaction.execute(update(ToolExecution).values(status="intended"))
        await transaction.execute(delete(Message).where(Message.role == "assistant"))
        await transaction.execute(update(Counter).values(used=0, reserved=500))
        await transaction.execute(update(Counter).where(Counter.metric == "messages").values(reserved=1))
    server.services.live.streams.clear()

    assert await server.services.abandonment.sweep() == 1
    assert await server.services.abandonment.sweep() == 0

    repeat = (await server.say("Book ten", key=key)).json()
    assert (repeat["session_id"], repeat["status"]) == (begun["session_id"], "failed")
    assert bookings.made == ["ten"]
    assert [row["status"] for row in await server.rows(ToolExecution)] == ["unknown"]
    counters = await server.counters()
    assert (counters["messages"], counters["tokens"]) == ((0, 0), (0, 0))
    messages = sorted(await server.rows(Message), key=lambda row: row["seq"])
    assert [row["role"] for row in messages] == ["user", "assistant"]
    assert messages[1]["content"] == repeat["message"]["content"]


async def test_an_outcome_whose_confirmation_was_lost_is_told_as_it_is_stored(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await make_server(ScriptedProvider(["Hello."]))
    transact = Database.transact
    lost: list[str] = []

    async def lose_a_confirmation(self: Database, *steps: Any, **options: Any) -> Any:
        result = await transact(self, *steps, **options)
        if len(steps) > 4 and not lost:
            lost.append("it was committed")
            raise DatabaseUnavailable("gone")
        return result

    monkeypatch.setattr(Database, "transact", lose_a_confirmation)

    answer = (await server.say("Hi")).json()

    assert lost
    assert (answer["status"], answer["message"]["content"]) == ("completed", "Hello.")
    assert len(await server.rows(LedgerEntry)) == 1
