"""A vendor or a process fails, and the turn still has its one outcome."""

from __future__ import annotations

import asyncio

import pytest
from csai.models import Conversation, LedgerEntry, Turn
from csai_sdk import (
    ProviderAuthError,
    ProviderUnavailable,
    Usage,
)
from csai_testkit.scripted import NO_USAGE, ScriptedProvider

from tests.support.server import ServerFactory, sse_events


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
    from datetime import timedelta

    from sqlalchemy import update

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
