"""Deliveries side by side, late, or given up half way make each attempt once."""

from __future__ import annotations

import asyncio

from csai.outbox.delivery import AT_ONCE_PER_CLIENT
from csai.outbox.repository import Attempt

from core.server.tests.outbox.world import World


async def test_two_that_deliver_at_once_make_each_attempt_once(world: World) -> None:
    for path in ("/first", "/second", "/third"):
        client_id, _secret = await world.client(path)
        await world.tell(client_id, "a", "b", "c")
    async with world.delivering() as one, world.delivering() as other:
        claims = await asyncio.gather(*(each.claim() for each in (one, other)))
    claimed = [attempt for each in claims for attempt in each]
    assert len(claimed) == len(set(claimed)) == 9


async def test_a_slow_receiver_leaves_room_for_the_others(world: World) -> None:
    slow, _secret = await world.client("/slow")
    await world.tell(slow, *map(str, range(30)))
    quick, _secret = await world.client("/quick")
    async with world.delivering() as deliveries:
        assert len(await deliveries.claim()) == AT_ONCE_PER_CLIENT
        await world.tell(quick, "a")
        assert [attempt.client_id for attempt in await deliveries.claim()] == [quick]
        assert await deliveries.claim() == []


async def test_an_attempt_that_nothing_is_heard_of_is_followed_by_another(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    async with world.delivering() as lost:
        (first,) = await lost.claim()
        world.clock.forward(30)
        assert await world.sweep() == []
        world.clock.forward(60)
        assert await world.sweep() == ["delivered"]
        assert await lost.attempt(first.client_id, first.event_id, first.number) == "overtaken"
    assert len(world.receiver.requests) == 1
    (row,) = await world.rows()
    assert row["attempts"] == 2


async def test_a_late_attempt_does_not_write_over_a_later_one(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    world.receiver.answer("/hook", 0, 200)
    async with world.delivering() as deliveries:
        (first,) = await deliveries.claim()
        late = asyncio.create_task(deliveries.attempt(first.client_id, first.event_id, first.number))
        await asyncio.to_thread(world.receiver.wait, lambda: bool(world.receiver.requests))
        world.clock.forward(90)
        assert await world.sweep() == ["delivered"]
        world.receiver.release()
        assert await late == "overtaken"
    (row,) = await world.rows()
    assert (row["status"], row["attempts"], row["last_status"]) == ("delivered", 2, 200)


async def test_an_attempt_that_was_never_claimed_does_nothing(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    (row,) = await world.rows()
    attempt = Attempt(client_id, row["id"], 1)
    async with world.delivering() as deliveries:
        assert await deliveries.attempt(attempt.client_id, attempt.event_id, attempt.number) == "overtaken"
    assert world.receiver.requests == []
