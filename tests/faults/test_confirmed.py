"""kill -9 while what a visitor agreed to is done: it is done at most once, what is not known is said."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from csai.kit.fault_point import FaultPoint
from csai.models import Counter, ToolExecution, Turn

from tests.support.fleet import Fleet, Replica, Visitor
from tests.support.waiting import PATIENCE_S


@dataclass(frozen=True)
class Left:
    """What is left of an approved call when its process dies at a step."""

    calls: int
    """Of the webhook."""
    log: str
    status: str = "failed"


LEFT = {
    FaultPoint.ASKED: Left(calls=1, log="succeeded", status="completed"),
    FaultPoint.ACCEPTED: Left(calls=0, log="unknown"),
    FaultPoint.TOOL_ANSWERED: Left(calls=1, log="unknown"),
    FaultPoint.MODEL_CALL: Left(calls=1, log="unknown"),
    FaultPoint.ENDED: Left(calls=1, log="unknown"),
    FaultPoint.SETTLED: Left(calls=1, log="succeeded", status="completed"),
}


@pytest.fixture(scope="module")
def survivor(fleet: Fleet) -> Replica:
    """A process that is there all the time."""
    return fleet.start_now()


@pytest.mark.parametrize("point", LEFT, ids=lambda point: point.value)
async def test_an_approved_call_is_made_at_most_once_wherever_its_process_dies(
    fleet: Fleet, survivor: Replica, point: FaultPoint
) -> None:
    left, slot = LEFT[point], f"confirmed at {point.value}"
    visitor = Visitor(await fleet.add_client())
    asked = (await visitor.say(survivor, f"cancel {slot}")).json()
    (question,) = asked["confirmations"]
    assert fleet.upstream.booked(slot) == []
    victim = await fleet.start(CSAI_FAULT_POINT=point.value)

    with pytest.raises(httpx.TransportError):
        await approve(victim, visitor, asked, question)
    assert await victim.died() == -signal.SIGKILL

    answer = await approve(survivor, visitor, asked, question)
    again = await approve(survivor, visitor, asked, question)
    assert (answer.status_code, again.content) == (200, answer.content)
    assert answer.json()["status"] == left.status
    assert len(fleet.upstream.booked(slot)) == left.calls
    (call,) = await fleet.rows(ToolExecution, call_id=question["id"])
    assert call["status"] == left.log
    turns = await fleet.rows(Turn, client_id=visitor.client.id)
    assert sorted(turn["status"] for turn in turns) == sorted(["completed", left.status])
    assert {row["reserved"] for row in await fleet.rows(Counter, client_id=visitor.client.id)} <= {0}

    other = await decide(survivor, visitor, asked, question, "decline")
    assert (other.status_code, other.json()["code"]) == (409, "confirmation_decided")


async def approve(
    replica: Replica, visitor: Visitor, asked: dict[str, Any], question: dict[str, Any]
) -> httpx.Response:
    return await decide(replica, visitor, asked, question, "approve")


async def decide(
    replica: Replica, visitor: Visitor, asked: dict[str, Any], question: dict[str, Any], decision: str
) -> httpx.Response:
    body = {
        "session_id": asked["session_id"],
        "confirmation_id": question["id"],
        "decision": decision,
        "message": "Yes, cancel it",
    }
    headers = {"X-API-Key": visitor.client.secret_key}
    async with httpx.AsyncClient() as http:
        return await http.post(f"{replica.url}/chat/confirm", headers=headers, json=body, timeout=PATIENCE_S)
