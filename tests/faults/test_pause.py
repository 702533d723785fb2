"""A process that stands still for longer than its lease, and wakes up believing that it still holds it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import pytest
from csai.kit.fault_point import FaultPoint
from csai.models import Conversation, Counter, LedgerEntry, Message, ToolExecution

from tests.support.fleet import Fleet, Replica, Visitor
from tests.support.upstream import COMPLETION_TOKENS, PROMPT_TOKENS


@dataclass(frozen=True)
class Woken:
    """What a turn that calls a tool comes to when its process stood still at a step."""

    calls: int = 0
    """Of the webhook."""
    log: tuple[str, ...] = ()
    reported: int = 1
    """Model calls that its vendor answered, sooner or later."""


WOKEN = {
    FaultPoint.TEXT_BEGUN: Woken(),
    FaultPoint.TOOLS_CHOSEN: Woken(),
    FaultPoint.TOOLS_INTENDED: Woken(calls=1, log=("unknown",)),
    FaultPoint.ENDED: Woken(calls=1, log=("unknown",), reported=2),
}


@pytest.fixture(scope="module")
def survivor(fleet: Fleet) -> Replica:
    return fleet.start_now()


@pytest.mark.parametrize("point", WOKEN, ids=lambda point: point.value)
async def test_a_process_paused_past_its_lease_writes_nothing_but_what_it_spent(
    fleet: Fleet, survivor: Replica, point: FaultPoint
) -> None:
    sleeper = await fleet.start(CSAI_FAULT_POINT=f"{point.value}:pause")
    visitor, slot, key = Visitor(await fleet.add_client()), f"paused {point.value}", str(uuid4())
    own = asyncio.create_task(visitor.hear(sleeper, f"book {slot}", key))
    await sleeper.paused()
    answer = (await visitor.say(survivor, f"book {slot}", key)).json()
    visitor.session_id = answer["session_id"]
    after = (await visitor.say(survivor, f"and {slot}?")).json()
    before = await fleet.rows(Message, client_id=visitor.client.id)

    sleeper.go_on()
    name, heard = (await own)[-1]

    assert (name, heard) == ("turn.failed", answer)
    assert after["status"] == "completed"
    assert await fleet.rows(Message, client_id=visitor.client.id) == before
    (conversation,) = await fleet.rows(Conversation, client_id=visitor.client.id)
    assert (conversation["lease_turn_id"], conversation["message_count"]) == (None, 4)
    woken = WOKEN[point]
    assert len(fleet.upstream.booked(slot)) == woken.calls
    log = await fleet.rows(ToolExecution, turn_id=answer["turn_id"])
    assert tuple(row["status"] for row in log) == woken.log
    await check_booked(fleet, visitor, answer["turn_id"], woken)


async def check_booked(fleet: Fleet, visitor: Visitor, turn_id: str, woken: Woken) -> None:
    """In sum the ledger says what the vendor reported, and the counters what the ledger says."""
    ledger = await fleet.rows(LedgerEntry, turn_id=turn_id)
    assert sum(row["tokens_input"] for row in ledger) == woken.reported * PROMPT_TOKENS
    assert sum(row["tokens_output"] for row in ledger) == woken.reported * COMPLETION_TOKENS
    assert sum(row["tokens_input"] for row in ledger if row["is_estimated"]) == 0
    everything = await fleet.rows(LedgerEntry, client_id=visitor.client.id)
    counters = {row["metric"]: row for row in await fleet.rows(Counter, client_id=visitor.client.id)}
    assert {row["reserved"] for row in counters.values()} == {0}
    assert counters["cost"]["used"] == sum(row["cost_micros"] for row in everything)
    assert counters["tokens"]["used"] == sum(row["tokens_input"] + row["tokens_output"] for row in everything)
    assert counters.get("tool_calls", {"used": 0})["used"] == woken.calls
