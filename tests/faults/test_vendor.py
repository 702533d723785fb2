"""Vendors fail in every way they do, and each turn has one honest answer, paid once.

Real server processes over PostgreSQL and Redis, and vendors that count what reaches them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from csai.clients.service import NewClient
from csai.models import Counter, LedgerEntry, Message
from csai_provider_claude import ClaudeProvider, ClaudeSettings
from csai_provider_openai import OpenAIProvider, OpenAISettings
from csai_sdk import ModelReply, ModelRequest, PluginContext, Provider, ProviderError, Usage, UserMessage
from csai_testkit.replay import Exchange, ReplayServer

from tests.faults.vendor_replicas import (
    OUTPUT_CAP,
    Installation,
    Replica,
    installation,
    is_asked,
    until,
    worded,
)
from tests.support.server import sse_events
from tests.support.vendor import ANSWER, COMPLETION_TOKENS, PROMPT_TOKENS, body_of, events_of, steps_of
from tests.support.waiting import PATIENCE_S

__all__ = ["installation"]

SILENCE_S = 2.5
VENDORS = ("openai", "claude")
OTHER = {"openai": "claude", "claude": "openai"}


@pytest.fixture(scope="module")
def replica(installation: Installation) -> Replica:
    """A process that never leaves a vendor alone, so that one test's faults are not another's."""
    return asyncio.run(_start_warm(installation))


async def _start_warm(installation: Installation) -> Replica:
    """Loading a vendor's SDK may take longer than a vendor may be silent here."""
    replica = await installation.start(CSAI_FIRST_TOKEN_TIMEOUT_S=str(SILENCE_S))
    for vendor in VENDORS:
        client = await installation.add_client(vendor, OTHER[vendor])
        await until(partial(is_asked, replica, client, installation.vendors, f"{vendor}/shared"))
    return replica


async def hear(replica: Replica, client: NewClient, question: str) -> list[tuple[str, Any]]:
    """The events of the turn, as a widget reads them."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        response = await http.post(
            f"{replica.url}/chat/message",
            headers={"X-API-Key": client.secret_key, "Accept": "text/event-stream"},
            json={"message": question},
        )
    assert response.status_code == 200, response.text
    return sse_events(response.text)


def standing(events: list[tuple[str, Any]]) -> str:
    """The text that stands on a visitor's screen once the turn is over."""
    text = ""
    for name, data in events:
        if name == "text.delta":
            text += data["text"]
        elif name == "text.reset":
            text = ""
    return text


async def check_books(
    installation: Installation, client: NewClient, answer: Mapping[str, Any], estimated: list[str]
) -> None:
    """What is booked is what was reported, to the token, beside estimates that keep to what was set aside."""
    ledger = sorted(
        await installation.rows(LedgerEntry, turn_id=answer["turn_id"]), key=lambda row: row["attempt"]
    )
    assert [row["provider"] for row in ledger if row["is_estimated"]] == estimated
    for row in ledger:
        if row["is_estimated"]:
            assert 0 < row["tokens_input"] <= 16_000
            assert 0 <= row["tokens_output"] <= OUTPUT_CAP
        else:
            assert (row["tokens_input"], row["tokens_output"]) == (PROMPT_TOKENS, COMPLETION_TOKENS)
        assert row["cost_micros"] > 0
    tokens = sum(row["tokens_input"] + row["tokens_output"] for row in ledger)
    assert answer["usage"]["tokens_input"] + answer["usage"]["tokens_output"] == tokens
    counters = {row["metric"]: row for row in await installation.rows(Counter, client_id=client.id)}
    assert {row["reserved"] for row in counters.values()} == {0}
    if ledger:
        assert counters["tokens"]["used"] == tokens
        assert counters["cost"]["used"] == sum(row["cost_micros"] for row in ledger)
    assert counters["messages"]["used"] == (answer["status"] == "completed")


async def check_one_answer(
    installation: Installation, events: list[tuple[str, Any]], content: str
) -> Mapping[str, Any]:
    """One outcome, what the screen shows is what is stored, and no piece of a withdrawn text is in it."""
    assert [name for name, _ in events if name.startswith("turn.")][1:] == [events[-1][0]]
    answer: Mapping[str, Any] = events[-1][1]
    assert answer["message"]["content"] == content
    assert standing(events) == (content if answer["status"] == "completed" else "")
    stored = await installation.rows(Message, turn_id=answer["turn_id"], role="assistant")
    assert [(row["content"], row["parts"]) for row in stored] == [(content, None)]
    return answer


@dataclass(frozen=True)
class Fault:
    """What the first provider does, and what comes of it."""

    steps: str
    requests: int
    """Those that reach it."""
    fails_over: bool
    estimated: int = 0
    """Its calls without a report that may have cost something."""
    resets: int = 0
    waits_s: float = 0.0
    """At least so long between the first two requests."""


FAULTS = [
    Fault("429@0.4 ok", 2, fails_over=False, waits_s=0.4),
    Fault("429 ok", 2, fails_over=False, waits_s=0.25),
    Fault("429@60", 1, fails_over=True),
    Fault("529 529 ok", 3, fails_over=False, waits_s=0.25),
    Fault("529", 3, fails_over=True),
    Fault("529@0.3 ok", 2, fails_over=False, waits_s=0.3),
    Fault("500", 3, fails_over=True),
    Fault("503 ok", 2, fails_over=False),
    Fault("spend", 1, fails_over=True),
    Fault("401", 1, fails_over=True),
    Fault("403", 1, fails_over=True),
    Fault("400", 1, fails_over=True),
    Fault("silent", 1, fails_over=True, estimated=1),
    Fault("stall", 1, fails_over=True, estimated=1, resets=1),
    Fault("error@0 ok", 2, fails_over=False),
    Fault("error@4 ok", 2, fails_over=False, estimated=1, resets=1),
    Fault("error@4", 3, fails_over=True, estimated=3, resets=3),
    Fault("spent@4", 1, fails_over=True, estimated=1, resets=1),
    Fault("nousage", 1, fails_over=False, estimated=1),
]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.steps.replace(" ", "-"))
async def test_a_fault_is_met_by_waiting_or_by_the_next_provider_and_paid_once(
    installation: Installation, replica: Replica, vendor: str, fault: Fault
) -> None:
    client = await installation.add_client(vendor, OTHER[vendor])
    question = worded(f"{vendor}: {fault.steps}")

    events = await hear(replica, client, question)

    answer = await check_one_answer(installation, events, ANSWER)
    assert answer["status"] == "completed"
    assert [name for name, _ in events].count("text.reset") == fault.resets
    asked = installation.vendors.asked(f"{vendor}/shared", question)
    assert len(asked) == fault.requests
    assert len(installation.vendors.asked(f"{OTHER[vendor]}/shared", question)) == fault.fails_over
    if fault.waits_s:
        assert asked[1].at - asked[0].at >= fault.waits_s
    await check_books(installation, client, answer, [vendor] * fault.estimated)


@pytest.mark.parametrize("steps", ["500", "spend", "error@4"])
async def test_when_every_provider_fails_the_visitor_is_told_so_and_nothing_of_theirs_stays(
    installation: Installation, replica: Replica, steps: str
) -> None:
    client = await installation.add_client()
    question = worded(f"openai: {steps}; claude: {steps}")

    events = await hear(replica, client, question)

    assert events[-1][0] == "turn.failed"
    said = events[-1][1]["message"]["content"]
    assert "sorry" in said
    answer = await check_one_answer(installation, events, said)
    tries = {"500": 3, "error@4": 3, "spend": 1}[steps]
    for vendor in VENDORS:
        assert len(installation.vendors.asked(f"{vendor}/shared", question)) == tries
    booked = ["openai"] * tries + ["claude"] * tries if steps == "error@4" else []
    await check_books(installation, client, answer, booked)


def cuts(vendor: str, number: int) -> list[str]:
    """Steps that end an answer after each of its events, and at some bytes, with and without a proper end."""
    events = events_of(vendor)
    whole = len(body_of(events))
    ends = {len(body_of(events[:done])) for done in range(len(events))}
    chosen = random.Random(20_250).sample(range(whole), number)
    return [f"{way}@{offset}" for offset in sorted({*ends, *chosen}) for way in ("cut", "end")]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_answer_cut_anywhere_is_withdrawn_counted_and_given_by_the_next_provider(
    installation: Installation, replica: Replica, vendor: str
) -> None:
    patience = asyncio.Semaphore(8)

    async def check(step: str) -> int:
        async with patience:
            client = await installation.add_client(vendor, OTHER[vendor])
            question = worded(f"{vendor}: {step} ok")
            events = await hear(replica, client, question)
            answer = await check_one_answer(installation, events, ANSWER)
            assert answer["status"] == "completed"
            requests = len(installation.vendors.asked(f"{vendor}/shared", question))
            assert len(installation.vendors.asked(f"{OTHER[vendor]}/shared", question)) == 0
            assert requests in (1, 2)
            resets = [name for name, _ in events].count("text.reset")
            assert resets <= requests - 1
            # A dropped connection may take with it what was just sent, but never adds anything.
            await check_books(installation, client, answer, [vendor] * (requests - 1))
            return resets

    resets = await asyncio.gather(*map(check, cuts(vendor, 12)))

    assert sum(resets) > 4


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("is_clean_cut", [True, False])
async def test_an_answer_cut_at_any_byte_is_whole_or_a_fault_that_can_be_retried(
    vendor: str, is_clean_cut: bool, plugin_context: Callable[..., PluginContext]
) -> None:
    path = {"openai": "/v1/chat/completions", "claude": "/v1/messages"}[vendor]
    exchange = Exchange.of_events(path, events_of(vendor))
    whole = 0
    async with ReplayServer([exchange], is_clean_cut=is_clean_cut) as server:
        provider: Provider = OpenAIProvider() if vendor == "openai" else ClaudeProvider()
        settings = (
            OpenAISettings(base_url=f"{server.url}/v1")
            if vendor == "openai"
            else ClaudeSettings(base_url=server.url)
        )
        context = plugin_context(settings)
        for offset in range(len(exchange.body)):
            server.rewind()
            server.cut_after = offset
            said, reply, failure = await listen(provider, context)
            assert ANSWER.startswith(said)
            if reply is None:
                assert failure is not None
                assert failure.retryable
            else:
                whole += 1
                assert (said, reply.text) == (ANSWER, ANSWER)
                assert reply.usage == Usage(PROMPT_TOKENS, COMPLETION_TOKENS)
    # Only what comes after the report may be missing from a whole answer.
    assert whole <= len(body_of(events_of(vendor)[-1:]))


async def listen(
    provider: Provider, context: PluginContext
) -> tuple[str, ModelReply | None, ProviderError | None]:
    said = ""
    request = ModelRequest(model="m", system="", messages=[UserMessage("Hi")], timeout_s=10)
    try:
        async for part in provider.stream(request, context):
            if isinstance(part, ModelReply):
                return said, part, None
            said += part
    except ProviderError as error:
        return said, None, error
    return said, None, None


async def test_a_vendor_that_refuses_connections_is_replaced(
    installation: Installation, replica: Replica
) -> None:
    client = await installation.add_client(own_url="http://127.0.0.1:1/v1")
    question = worded("hello")

    answer = await check_one_answer(installation, await hear(replica, client, question), ANSWER)

    assert len(installation.vendors.asked("claude/shared", question)) == 1
    await check_books(installation, client, answer, [])


def test_a_script_is_read_as_it_is_meant() -> None:
    assert steps_of("openai", "openai: 429@1 ok; claude: 500 #1") == ["429@1", "ok"]
    assert steps_of("claude", "openai: 429@1 ok; claude: 500 #1") == ["500"]
    assert steps_of("claude", "hello #1") == ["ok"]
