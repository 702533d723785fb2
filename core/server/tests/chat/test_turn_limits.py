"""A plan's limits, kept to the message whatever the concurrency."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from csai.models import Counter, LedgerEntry, Turn
from csai_sdk import ProviderProtocolError, ToolCall, Usage
from csai_testkit.context import FakeClock
from csai_testkit.scripted import NO_USAGE, ScriptedProvider

from tests.support.server import Server, ServerFactory
from tests.support.tools import look_up


async def test_a_limit_refuses_before_anything_is_stored(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), limits={"messages": 2})
    for _ in range(2):
        assert (await server.say("Hi")).status_code == 200

    refused = await server.say("Hi")

    assert (refused.status_code, refused.json()["code"]) == (429, "limit_reached")
    assert len(await server.rows(Turn)) == 2


async def test_parallel_requests_never_overshoot_a_limit(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), limits={"messages": 7})

    answers = await asyncio.gather(*(server.say("Hi") for _ in range(30)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [429] * 23
    assert (await server.counters())["messages"] == (7, 0)


async def test_a_token_limit_blocks_the_turn_with_a_friendly_word(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hi."], is_endless=True)
    server = await make_server(provider, limits={"tokens": 1_000})

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "blocked"
    assert provider.requests == []
    assert (await server.counters())["messages"] == (0, 0)


async def test_reserved_tokens_are_given_back_once_the_report_is_in(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], usage=Usage(30, 4)), limits={"tokens": 100_000})

    await server.say("Hi")

    assert (await server.counters())["tokens"] == (34, 0)


async def test_an_attempt_after_one_that_was_spent_reserves_for_itself(make_server: ServerFactory) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    cut = ProviderProtocolError("cut", retryable=True)
    provider = ScriptedProvider(["Half an answer", first, cut], [second, "Whole."])
    server = await make_server(provider, limits={"tokens": 100_000})
    asking = asyncio.create_task(server.say("Hi"))
    await provider.called(1)
    _used, bound = (await server.counters())["tokens"]
    first.set()
    await provider.called(2)
    _used, both = (await server.counters())["tokens"]
    second.set()

    assert (await asking).json()["status"] == "completed"

    broken, whole = sorted(await server.rows(LedgerEntry), key=lambda row: row["attempt"])
    spent = broken["tokens_input"] + broken["tokens_output"]
    assert both == bound + spent
    assert (await server.counters())["tokens"] == (spent + whole["tokens_input"] + whole["tokens_output"], 0)


@pytest.mark.parametrize("retries", [0, 1])
async def test_a_limit_without_room_for_another_attempt_ends_the_turn(
    make_server: ServerFactory, retries: int
) -> None:
    cut = ProviderProtocolError("cut", retryable=True)
    provider = ScriptedProvider(["Half an answer", cut], ["Whole."])
    spare = ScriptedProvider(["Spare."], id="spare")
    # Room for one attempt: its output cap of 2,048 and some hundred bytes of input.
    server = await make_server(provider, spare, limits={"tokens": 3_000}, model_retries=retries)

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "blocked"
    assert (len(provider.requests), len(spare.requests)) == (1, 0)
    (entry,) = await server.rows(LedgerEntry)
    assert entry["is_estimated"]
    counters = await server.counters()
    assert counters["tokens"] == (entry["tokens_input"] + entry["tokens_output"], 0)
    assert counters["messages"] == (0, 0)


async def test_an_estimate_is_never_above_what_was_set_aside(make_server: ServerFactory) -> None:
    said = asyncio.Event()
    provider = ScriptedProvider(["word " * 1_000, said, NO_USAGE])
    server = await make_server(provider, limits={"tokens": 100_000}, max_output_tokens=100)
    asking = asyncio.create_task(server.say("Hi"))
    await provider.called()
    _used, reserved = (await server.counters())["tokens"]
    said.set()

    assert (await asking).json()["status"] == "completed"

    (entry,) = await server.rows(LedgerEntry)
    assert (entry["is_estimated"], entry["tokens_output"]) == (True, 100)
    assert 100 < (await server.counters())["tokens"][0] <= reserved


# The last second of a month where the client is. Clocks change on two of these days, a few hours before.
LAST_SECONDS = [
    ("UTC", "2026-01-31T23:59:59Z", "2026-01", "2026-02"),
    ("Asia/Jerusalem", "2026-01-31T21:59:59Z", "2026-01", "2026-02"),
    ("America/Los_Angeles", "2026-02-01T07:59:59Z", "2026-01", "2026-02"),
    ("Europe/Berlin", "2027-10-31T22:59:59Z", "2027-10", "2027-11"),
    ("Europe/Berlin", "2030-03-31T21:59:59Z", "2030-03", "2030-04"),
    ("Pacific/Apia", "2026-12-31T10:59:59Z", "2026-12", "2027-01"),
]


async def used(server: Server) -> dict[tuple[str, str], int]:
    """By period and metric."""
    rows = await server.rows(Counter)
    assert not any(row["reserved"] for row in rows)
    return {(row["period"], row["metric"]): row["used"] for row in rows if row["used"]}


@pytest.mark.parametrize(("zone", "moment", "old", "new"), LAST_SECONDS)
async def test_a_turn_belongs_to_the_month_in_which_it_was_accepted(
    make_server: ServerFactory, zone: str, moment: str, old: str, new: str
) -> None:
    clock = FakeClock(datetime.fromisoformat(moment))
    midnight = asyncio.Event()
    call = ToolCall("c1", "look_up", {"order_id": "ORD-1"})
    provider = ScriptedProvider([midnight, "Let me look. ", call], ["Shipped."], ["Hi."])
    limits = {"messages": 1, "conversations": 1, "tokens": 100_000, "tool_calls": 1}
    server = await make_server(
        provider, tools=[look_up], limits=limits, client={"timezone": zone}, clock=clock
    )
    asking = asyncio.create_task(server.say("Where is ORD-1?"))
    await provider.called()

    clock.advance(1)
    next_month = await server.say("Hi")
    too_much = await server.say("Hi")
    midnight.set()

    assert (await asking).json()["tool_calls"][0]["success"]
    assert next_month.json()["status"] == "completed"
    assert too_much.json()["code"] == "limit_reached"
    tokens = {(old, "tokens"): 30, (new, "tokens"): 15}
    counted = {(period, metric): 1 for period in (old, new) for metric in ("messages", "conversations")}
    assert await used(server) == tokens | counted | {(old, "tool_calls"): 1}
    assert {turn["period"] for turn in await server.rows(Turn)} == {old, new}
    assert sorted(row["period"] for row in await server.rows(LedgerEntry)) == [old, old, new]


async def test_a_turn_ended_by_another_next_month_is_booked_where_it_was_accepted(
    make_server: ServerFactory,
) -> None:
    clock = FakeClock(datetime.fromisoformat("2026-01-31T23:59:59Z"))
    woken = asyncio.Event()
    provider = ScriptedProvider([woken, "Late."])
    server = await make_server(provider, limits={"messages": 5, "tokens": 100_000}, clock=clock)
    asking = asyncio.create_task(server.say("Hi"))
    await provider.called()

    clock.time += timedelta(days=1)
    assert await server.services.abandonment.sweep() == 1
    ((_key, estimated),) = (await used(server)).items()
    woken.set()

    assert (await asking).json()["status"] == "failed"
    assert await used(server) == {("2026-01", "tokens"): 15}
    ledger = await server.rows(LedgerEntry)
    assert {row["period"] for row in ledger} == {"2026-01"}
    assert sorted(row["tokens_input"] + row["tokens_output"] for row in ledger) == [-estimated, 15, estimated]
