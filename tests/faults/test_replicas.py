"""Two processes, one conversation: its messages in order, one at a time, each answered once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from csai.models import Counter, LedgerEntry, Message, Turn, WaitingTurn

from tests.support.fleet import LEASE_S, Fleet, Replica, Visitor
from tests.support.waiting import PATIENCE_S

COUNT = 8
REPEATS = 50


@pytest.fixture(scope="module")
def replicas(fleet: Fleet) -> tuple[Replica, Replica]:
    limited = {"CSAI_RATE_LIMIT_VISITOR": "20"}
    return fleet.start_now(**limited), fleet.start_now(**limited)


async def test_messages_to_two_processes_are_answered_in_the_order_in_which_they_came(
    fleet: Fleet, replicas: tuple[Replica, Replica]
) -> None:
    visitor = Visitor(await fleet.add_client())
    visitor.session_id = (await visitor.say(replicas[0], "hello")).json()["session_id"]
    said = [f"linger on {number}" for number in range(COUNT)]
    answers = []
    for number, text in enumerate(said):
        # Two in a row to each process: some wait in it, some for the other one.
        answers.append(asyncio.create_task(visitor.say(replicas[number // 2 % 2], text)))
        await until_waiting(fleet, visitor, number + 1)

    outcomes = [answer.json() for answer in await asyncio.gather(*answers)]

    assert [outcome["message"]["content"] for outcome in outcomes] == [f"You said: {text}" for text in said]
    messages = sorted(await fleet.rows(Message, client_id=visitor.client.id), key=lambda row: row["seq"])
    assert [row["content"] for row in messages[2:]] == [
        line for text in said for line in (text, f"You said: {text}")
    ]
    for number, text in enumerate(said):
        (request,) = fleet.upstream.of(text)
        told = [message["content"] for message in request["messages"] if message["role"] == "assistant"]
        assert told[1:] == [f"You said: {earlier}" for earlier in said[:number]]
    assert await fleet.rows(WaitingTurn, client_id=visitor.client.id) == []
    assert fleet.upstream.faults == []


async def until_waiting(fleet: Fleet, visitor: Visitor, arrived: int) -> None:
    """Until so many messages have arrived: accepted or in the queue."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            turns = await fleet.rows(Turn, client_id=visitor.client.id)
            waiting = await fleet.rows(WaitingTurn, client_id=visitor.client.id)
            if len({row["id"] for row in (*turns, *waiting)}) > arrived:
                return
            await asyncio.sleep(0.01)


async def test_a_message_that_waited_in_a_killed_process_holds_nobody_up(
    fleet: Fleet, replicas: tuple[Replica, Replica]
) -> None:
    victim = await fleet.start()
    visitor = Visitor(await fleet.add_client())
    visitor.session_id = (await visitor.say(replicas[0], "hello")).json()["session_id"]
    running = asyncio.create_task(visitor.say(replicas[0], "linger on, first"))
    await until_waiting(fleet, visitor, 1)
    lost = asyncio.create_task(visitor.say(victim, "linger on, lost"))
    await until_waiting(fleet, visitor, 2)
    victim.kill()
    await asyncio.wait((lost,))
    assert lost.exception() is not None

    async with asyncio.timeout(LEASE_S * 10):
        last = await visitor.say(replicas[1], "last")

    assert (await running).json()["status"] == last.json()["status"] == "completed"


async def test_a_request_repeated_to_both_processes_at_once_is_one_turn(
    fleet: Fleet, replicas: tuple[Replica, Replica]
) -> None:
    visitor, key = Visitor(await fleet.add_client()), str(uuid4())

    as_json = [visitor.say(replicas[number % 2], "linger, all of you", key) for number in range(REPEATS)]
    as_events = [visitor.hear(replicas[number % 2], "linger, all of you", key) for number in range(REPEATS)]
    answers, events = await asyncio.gather(asyncio.gather(*as_json), asyncio.gather(*as_events))
    later = [await visitor.say(replica, "linger, all of you", key) for replica in replicas]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in (*answers, *later)}) == 1
    (name, outcome), *others = [heard[-1] for heard in events]
    assert all(other == (name, outcome) for other in others)
    assert (name, outcome) == ("turn.completed", answers[0].json())
    assert [turn["id"] for turn in await fleet.rows(Turn, client_id=visitor.client.id)] == [
        outcome["turn_id"]
    ]
    assert len(fleet.upstream.of("linger, all of you")) == 1
    assert len(await fleet.rows(LedgerEntry, client_id=visitor.client.id)) == 1
    counters = {row["metric"]: row for row in await fleet.rows(Counter, client_id=visitor.client.id)}
    assert (counters["messages"]["used"], counters["messages"]["reserved"]) == (1, 0)


async def test_a_request_repeated_in_a_conversation_at_once_is_one_turn(
    fleet: Fleet, replicas: tuple[Replica, Replica]
) -> None:
    visitor, key = Visitor(await fleet.add_client()), "the second message"
    visitor.session_id = (await visitor.say(replicas[0], "hello")).json()["session_id"]

    answers = await asyncio.gather(
        *(visitor.say(replicas[number % 2], "linger once more", key) for number in range(REPEATS))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(await fleet.rows(Turn, client_id=visitor.client.id)) == 2
    assert len(fleet.upstream.of("linger once more")) == 1
