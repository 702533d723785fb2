"""kill -9 at every step of a turn: another process gives it its one outcome, and nothing happens twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from csai.kit.fault_point import FaultPoint
from csai.models import Counter, LedgerEntry, Message, ToolExecution, Turn

from tests.support.fleet import UNLIMITED, Fleet, Replica, Visitor
from tests.support.upstream import BEGINNING, COMPLETION_TOKENS, PROMPT_TOKENS, Upstream

INTERRUPTED = "I was interrupted"


@dataclass(frozen=True)
class Left:
    """What a turn that calls a tool has done when its process dies at a step."""

    status: str = "failed"
    calls: int = 0
    """Of the webhook."""
    log: str | None = None
    """The status of the call in the tool log."""
    reported: int = 0
    """Model calls booked as their vendor reported them."""
    estimated: int = 0


LEFT = {
    FaultPoint.ASKED: Left("completed", calls=1, log="succeeded", reported=2),
    FaultPoint.ACCEPTED: Left(),
    FaultPoint.MODEL_CALL: Left(estimated=1),
    FaultPoint.TEXT_BEGUN: Left(estimated=1),
    FaultPoint.MODEL_REPLIED: Left(estimated=1),
    FaultPoint.TOOLS_CHOSEN: Left(estimated=1),
    FaultPoint.TOOLS_INTENDED: Left(log="unknown", reported=1),
    FaultPoint.TOOL_ANSWERED: Left(calls=1, log="unknown", reported=1),
    FaultPoint.ENDED: Left(calls=1, log="unknown", reported=1, estimated=1),
    FaultPoint.SETTLED: Left("completed", calls=1, log="succeeded", reported=2),
}


@pytest.fixture(scope="module")
def survivor(fleet: Fleet) -> Replica:
    """A process that is there all the time."""
    return fleet.start_now()


@pytest.mark.parametrize("point", LEFT, ids=lambda point: point.value)
async def test_a_turn_killed_at_any_step_has_one_outcome_that_every_process_tells(
    fleet: Fleet, survivor: Replica, point: FaultPoint
) -> None:
    victim = await fleet.start(CSAI_FAULT_POINT=point.value)
    visitor, slot, key = Visitor(await fleet.add_client()), f"at {point.value}", str(uuid4())

    await die(victim, visitor, f"book {slot}", key)
    answer = await check_one_outcome(fleet, survivor, visitor, f"book {slot}", key)

    await check_what_is_left(fleet, visitor, answer, slot, LEFT[point])
    await check_the_next_turn(fleet, survivor, visitor, answer, LEFT[point])


@pytest.mark.parametrize("point", [FaultPoint.TOOLS_INTENDED, FaultPoint.TOOL_ANSWERED])
async def test_a_process_that_starts_afterwards_ends_what_the_dead_one_left(
    sqlite_fleet: Fleet, point: FaultPoint
) -> None:
    victim = await sqlite_fleet.start(CSAI_FAULT_POINT=point.value)
    visitor, slot, key = Visitor(await sqlite_fleet.add_client()), f"later {point.value}", str(uuid4())
    await die(victim, visitor, f"book {slot}", key)

    heir = await sqlite_fleet.start()

    answer = await check_one_outcome(sqlite_fleet, heir, visitor, f"book {slot}", key)
    await check_what_is_left(sqlite_fleet, visitor, answer, slot, LEFT[point])
    await check_the_next_turn(sqlite_fleet, heir, visitor, answer, LEFT[point])


async def die(victim: Replica, visitor: Visitor, text: str, key: str) -> None:
    """Send a message to the process that dies of it."""
    with pytest.raises(httpx.TransportError):
        await visitor.say(victim, text, key)
    assert await victim.died() == -signal.SIGKILL


async def hear_until(
    victim: Replica, visitor: Visitor, text: str, key: str, *, mark: str, then: Callable[[], object]
) -> None:
    """Follow a turn to a line of its stream, and do what ends the stream."""
    request = visitor.request(victim, text, key, is_stream=True)
    with pytest.raises(httpx.TransportError):
        async with httpx.AsyncClient() as http, http.stream("POST", **request) as response:
            await _hear(response, mark, then)


async def _hear(response: httpx.Response, mark: str, then: Callable[[], object]) -> None:
    async for line in response.aiter_lines():
        if mark in line:
            then()


async def check_one_outcome(
    fleet: Fleet, replica: Replica, visitor: Visitor, text: str, key: str
) -> dict[str, Any]:
    """Repeat the message in every way; the answer."""
    first = await visitor.say(replica, text, key)
    assert first.status_code == 200, first.text
    again = await visitor.say(replica, text, key)
    assert again.content == first.content
    name, heard = (await visitor.hear(replica, text, key))[-1]
    assert heard == first.json()
    assert name == ("turn.failed" if heard["status"] == "failed" else "turn.completed")
    turns = await fleet.rows(Turn, client_id=visitor.client.id)
    assert [(turn["id"], turn["status"]) for turn in turns] == [(heard["turn_id"], heard["status"])]
    answer: dict[str, Any] = first.json()
    return answer


async def check_what_is_left(
    fleet: Fleet, visitor: Visitor, answer: Mapping[str, Any], slot: str, left: Left
) -> None:
    assert answer["status"] == left.status
    assert (INTERRUPTED in answer["message"]["content"]) == (left.status == "failed")
    messages = sorted(await fleet.rows(Message, turn_id=answer["turn_id"]), key=lambda row: row["seq"])
    assert [(row["role"], row["content"]) for row in messages] == [
        ("user", f"book {slot}"),
        ("assistant", answer["message"]["content"]),
    ]
    assert len(fleet.upstream.booked(slot)) == left.calls
    log = await fleet.rows(ToolExecution, turn_id=answer["turn_id"])
    assert [row["status"] for row in log] == ([left.log] if left.log else [])
    assert [call["call_id"] for call in fleet.upstream.booked(slot)] in ([], [row["call_id"] for row in log])
    ledger = await fleet.rows(LedgerEntry, turn_id=answer["turn_id"])
    assert [row["is_estimated"] for row in ledger].count(False) == left.reported
    assert [row["is_estimated"] for row in ledger].count(True) == left.estimated
    await check_counters(fleet, visitor, ledger, len(log), left.status)


async def check_counters(
    fleet: Fleet, visitor: Visitor, ledger: Sequence[Mapping[str, Any]], tool_calls: int, status: str
) -> None:
    """Nothing is reserved any more, and what is used is what the ledger and the log say."""
    rows = await fleet.rows(Counter, client_id=visitor.client.id)
    assert {row["reserved"] for row in rows} <= {0}
    used = {row["metric"]: row["used"] for row in rows}
    for row in ledger:
        if row["is_estimated"]:
            assert 0 < row["tokens_input"] <= 16_000
            assert 0 < row["tokens_output"] <= 2_048
        else:
            assert (row["tokens_input"], row["tokens_output"]) == (PROMPT_TOKENS, COMPLETION_TOKENS)
    assert used.get("tokens", 0) == sum(row["tokens_input"] + row["tokens_output"] for row in ledger)
    assert used.get("cost", 0) == sum(row["cost_micros"] for row in ledger)
    assert used.get("tool_calls", 0) == tool_calls
    assert used["messages"] == used["conversations"] == (status == "completed")


async def check_the_next_turn(
    fleet: Fleet, replica: Replica, visitor: Visitor, answer: Mapping[str, Any], left: Left
) -> None:
    """The conversation goes on; its model knows of the call, and is sent what vendors take."""
    visitor.session_id = answer["session_id"]
    words = f"what now, {answer['turn_id']}?"
    said = (await visitor.say(replica, words)).json()
    assert said["message"]["content"] == f"You said: {words}"
    (request,) = fleet.upstream.of(words)
    told = [message["content"] for message in request["messages"] if message["role"] == "tool"]
    assert len(told) == (left.log is not None)
    assert all(("not known" in text) == (left.log == "unknown") for text in told)
    assert fleet.upstream.faults == []


async def test_a_process_killed_while_a_tool_runs_leaves_the_call_unknown(
    fleet: Fleet, survivor: Replica, upstream: Upstream
) -> None:
    victim = await fleet.start()
    visitor, key = Visitor(await fleet.add_client()), str(uuid4())

    def kill() -> None:
        upstream.wait(lambda: bool(upstream.booked("slow one")))
        victim.kill()

    await hear_until(victim, visitor, "book slow one", key, mark="event: tool.started", then=kill)

    answer = await check_one_outcome(fleet, survivor, visitor, "book slow one", key)

    left = Left(calls=1, log="unknown", reported=1)
    await check_what_is_left(fleet, visitor, answer, "slow one", left)
    await check_the_next_turn(fleet, survivor, visitor, answer, left)


async def test_a_process_killed_in_the_middle_of_an_answer_has_its_tokens_estimated(
    fleet: Fleet, survivor: Replica, upstream: Upstream
) -> None:
    victim = await fleet.start()
    visitor, key = Visitor(await fleet.add_client(UNLIMITED)), str(uuid4())

    await hear_until(victim, visitor, "hang here", key, mark=BEGINNING.strip(), then=victim.kill)

    answer = await check_one_outcome(fleet, survivor, visitor, "hang here", key)

    assert answer["status"] == "failed"
    (booked,) = await fleet.rows(LedgerEntry, turn_id=answer["turn_id"])
    assert booked["is_estimated"]
    assert booked["provider"] == "openai"
    assert booked["cost_micros"] > 0
    assert answer["usage"]["tokens_input"] == booked["tokens_input"] > 0
