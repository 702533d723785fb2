"""How often and how long a failing vendor is asked, and what that may cost."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from csai.chat.model import MAX_WAIT_S, backoff_s
from csai.models import LedgerEntry
from csai.usage.rates import Rates
from csai_sdk import (
    ModelTraits,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderUnavailable,
)
from csai_testkit.scripted import ScriptedProvider, Step

from tests.support.server import ServerFactory, sse_events

DOWN = ProviderUnavailable("down", retry_after_s=0)


@pytest.mark.parametrize(("tries", "least", "most"), [(1, 0.25, 0.5), (2, 0.5, 1), (9, 4, MAX_WAIT_S)])
def test_waits_double_up_to_a_bound_and_differ(tries: int, least: float, most: float) -> None:
    waits = [backoff_s(tries, None) for _ in range(200)]

    assert all(least <= wait <= most for wait in waits)
    assert len(set(waits)) > 100


def test_a_wait_that_the_vendor_asks_for_is_never_cut_short() -> None:
    assert all(7 <= backoff_s(1, 7) <= 8 for _ in range(200))
    assert all(0 <= backoff_s(1, 0) <= 0.25 for _ in range(200))


async def test_retries_and_failovers_live_on_what_one_attempt_reserved(make_server: ServerFactory) -> None:
    first = ScriptedProvider([DOWN], is_endless=True, id="first")
    second = ScriptedProvider([DOWN], [DOWN], ["Here."], id="second")
    # Room for about one attempt: its output cap and some hundred bytes of input.
    server = await make_server(first, second, limits={"tokens": 4_000})

    answer = (await server.say("Hi")).json()

    assert (answer["status"], answer["message"]["content"]) == ("completed", "Here.")
    assert (len(first.requests), len(second.requests)) == (3, 3)
    assert (await server.counters())["tokens"] == (15, 0)


async def test_an_attempt_that_broke_off_is_paid_from_its_reservation_and_the_next_reserves_anew(
    make_server: ServerFactory,
) -> None:
    cut = ProviderProtocolError("cut", retryable=True)
    vendor = ScriptedProvider(
        ["Half an answer", cut], ["Whole."], id="vendor", traits=ModelTraits(price_provider="vendor")
    )
    prices = {"vendor:scripted-1": Rates(input=Decimal(1), output=Decimal(2))}
    server = await make_server(vendor, limits={"tokens": 10_000, "cost": 1_000_000}, price_overrides=prices)

    answer = (await server.say("Hi")).json()

    assert answer["message"]["content"] == "Whole."
    broken, whole = sorted(await server.rows(LedgerEntry), key=lambda row: row["attempt"])
    assert (broken["is_estimated"], whole["is_estimated"]) == (True, False)
    assert (whole["tokens_input"], whole["tokens_output"]) == (10, 5)
    assert broken["tokens_output"] > 0
    counters = await server.counters()
    assert counters["tokens"] == (
        sum(row["tokens_input"] + row["tokens_output"] for row in (broken, whole)),
        0,
    )
    assert counters["cost"] == (broken["cost_micros"] + whole["cost_micros"], 0)


@pytest.mark.parametrize(
    ("error", "booked"),
    [
        (ProviderProtocolError("cut before its first word"), 1),
        (ProviderUnavailable("refused", status=503), 0),
        (ProviderQuotaExceeded("spent", status=429), 0),
        (ZeroDivisionError(), 0),
    ],
)
async def test_a_call_without_text_is_booked_only_where_the_vendor_may_have_worked(
    make_server: ServerFactory, error: BaseException, booked: int
) -> None:
    server = await make_server(
        ScriptedProvider([error], id="a"), ScriptedProvider(["Hi."], id="b"), model_retries=0
    )

    await server.say("Hi")

    assert [row["is_estimated"] for row in await server.rows(LedgerEntry, provider="a")] == [True] * booked


@pytest.mark.parametrize("retry_after_s", [60, 9])
async def test_a_wait_too_long_for_the_visitor_goes_to_the_next_provider_at_once(
    make_server: ServerFactory, retry_after_s: float
) -> None:
    busy = ScriptedProvider([ProviderRateLimited("busy", retry_after_s=retry_after_s)], id="busy")
    server = await make_server(busy, ScriptedProvider(["Here."], id="spare"))

    assert (await server.say("Hi")).json()["message"]["content"] == "Here."
    assert len(busy.requests) == 1


async def test_a_wait_that_the_turn_has_no_time_for_is_not_begun(make_server: ServerFactory) -> None:
    busy = ScriptedProvider([ProviderRateLimited("busy", retry_after_s=20)])
    server = await make_server(busy, turn_deadline_s=30)

    async with asyncio.timeout(10):
        answer = (await server.say("Hi")).json()

    assert answer["status"] == "failed"
    assert len(busy.requests) == 1


async def test_a_visitor_who_stops_does_not_wait_for_the_next_try(make_server: ServerFactory) -> None:
    busy = ScriptedProvider(["Hi."], [ProviderRateLimited("busy", retry_after_s=20)])
    server = await make_server(busy)
    begun = (await server.say("one")).json()
    asking = asyncio.create_task(server.say("two", begun))
    await busy.called(2)

    await server.http.post(
        "/chat/stop",
        json={"session_id": begun["session_id"]},
        headers={"X-API-Key": server.client.secret_key},
    )

    async with asyncio.timeout(10):
        assert (await asking).json()["status"] == "stopped"


async def test_with_every_circuit_open_the_visitor_is_told_at_once(make_server: ServerFactory) -> None:
    vendor = ScriptedProvider([ProviderQuotaExceeded("spent", status=429)], is_endless=True)
    server = await make_server(vendor)
    await server.say("Hi")

    answer = (await server.say("Hi")).json()

    assert (answer["status"], len(vendor.requests)) == ("failed", 1)
    assert "sorry" in answer["message"]["content"]


@pytest.mark.parametrize("steps", [["Half", ProviderQuotaExceeded("spent")], ["Half", asyncio.Event()]])
async def test_text_of_a_turn_that_fails_is_withdrawn_before_its_end(
    make_server: ServerFactory, steps: list[Step]
) -> None:
    server = await make_server(ScriptedProvider(steps), turn_deadline_s=0.5)

    response = await server.http.post(
        "/chat/message",
        json={"message": "Hi"},
        headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
    )

    names = [name for name, _ in sse_events(response.text)]
    assert names == ["turn.started", "text.delta", "text.reset", "turn.failed"]


async def test_a_vendor_that_falls_silent_in_its_answer_is_given_up(make_server: ServerFactory) -> None:
    silent = ScriptedProvider(["Half an ans", asyncio.Event()], id="silent")
    server = await make_server(silent, ScriptedProvider(["Whole."], id="spare"), first_token_timeout_s=0.1)

    assert (await server.say("Hi")).json()["message"]["content"] == "Whole."
    assert silent.closed_early == 1


@pytest.mark.parametrize("error", [DOWN, ProviderQuotaExceeded("spent")])
async def test_a_circuit_that_other_turns_opened_is_heeded_within_a_turn(
    make_server: ServerFactory, error: ProviderError
) -> None:
    vendor = ScriptedProvider([error], is_endless=True, id="vendor")
    server = await make_server(
        vendor, ScriptedProvider(["Here."], is_endless=True, id="spare"), circuit_failures=2
    )

    for _ in range(4):
        assert (await server.say("Hi")).json()["message"]["content"] == "Here."

    assert len(vendor.requests) == (4 if error is DOWN else 1)
