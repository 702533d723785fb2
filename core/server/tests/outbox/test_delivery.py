"""Events reach the client's webhook, signed, until they are taken; on both databases."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from csai.config import WEBHOOK_WAITS_S
from csai.models import ClientWebhook
from csai.outbox.delivery import JITTER
from csai.outbox.event import Outbox
from csai.outbox.repository import WebhookRepository
from csai.outbox.service import repeat_delivery
from structlog.testing import capture_logs

from core.server.tests.outbox.world import World
from tests.support.history import add_client, all_rows


async def test_an_event_is_posted_once_and_its_signature_can_be_verified(world: World) -> None:
    client_id, secret = await world.client("/hook")
    await world.tell(client_id, "a")
    told_at = world.clock.now()
    world.clock.forward(3)
    assert await world.sweep() == ["delivered"]
    assert await world.sweep() == []
    (request,) = world.receiver.requests
    (row,) = await world.rows()
    assert request.path == "/hook"
    assert request.id == row["id"]
    assert request.is_signed_with(secret)
    assert not request.is_signed_with(f"{secret[:-8]}AAAAAAA=")
    assert request.headers["webhook-timestamp"] == str(int(world.clock.now().timestamp()))
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "type": "conversation.ended",
        "timestamp": told_at.isoformat(),
        "data": {"session_id": "a"},
    }
    assert (row["status"], row["attempts"], row["last_status"]) == ("delivered", 1, 204)
    assert row["delivered_at"] == world.clock.now()


async def test_nothing_is_stored_where_nobody_listens(world: World) -> None:
    without = await add_client(world.database, at=world.clock.now())
    off, _secret = await world.client("/hook")
    await world.webhook(off, enabled=False)
    await world.tell(without, "a")
    await world.tell(off, "a")
    assert await world.rows() == []


async def test_an_event_with_the_same_key_is_the_same_but_for_another_client(world: World) -> None:
    first, _secret = await world.client("/first")
    second, _secret = await world.client("/second")
    await world.tell(first, "a", "a", "b")
    await world.tell(second, "a")
    assert [(row["client_id"], row["dedupe_key"]) for row in await world.rows()] == [
        (first, "a"),
        (first, "b"),
        (second, "a"),
    ]


async def test_an_event_whose_transaction_is_rolled_back_never_was(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    step = Outbox(world.clock).event(client_id, "conversation.ended", {}, "a")

    def refuse(_rows: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await world.database.transact(step, check=refuse)
    with suppress(LookupError):
        async with world.database.write() as transaction:
            await step.run(transaction)
            raise LookupError
    assert await world.rows() == []
    async with world.database.write() as transaction:
        await step.run(transaction)
    assert len(await world.rows()) == 1


async def test_an_event_is_sent_again_at_growing_intervals_until_it_has_failed(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    world.receiver.answer("/hook", 500)
    for wait_s in WEBHOOK_WAITS_S:
        assert await world.sweep() == ["pending"]
        (row,) = await world.rows()
        waited_s = (row["next_attempt_at"] - world.clock.now()).total_seconds()
        assert wait_s * (1 - JITTER) <= waited_s <= wait_s * (1 + JITTER)
        assert (row["last_status"], row["last_error"]) == (500, "HTTP 500")
        world.clock.forward(waited_s - 0.5)
        assert await world.sweep() == []
        world.clock.forward(1)
    with capture_logs() as logged:
        assert await world.sweep() == ["failed"]
    assert [entry["alert"] for entry in logged if "alert" in entry] == ["webhook.failed"]
    world.clock.forward(10**7)
    assert await world.sweep() == []
    assert len({request.id for request in world.receiver.requests}) == 1
    assert len(world.receiver.requests) == len(WEBHOOK_WAITS_S) + 1


async def test_a_receiver_that_comes_back_gets_the_event_and_nothing_of_the_outage_stays(
    world: World,
) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    world.receiver.answer("/hook", 503, 200)
    assert await world.sweep() == ["pending"]
    world.clock.forward(10)
    assert await world.sweep() == ["delivered"]
    (row,) = await world.rows()
    assert (row["status"], row["last_status"], row["last_error"]) == ("delivered", 200, None)


async def test_gone_switches_the_webhook_off(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    world.receiver.answer("/hook", 410)
    with capture_logs() as logged:
        assert await world.sweep() == ["failed"]
    assert [entry["alert"] for entry in logged if "alert" in entry] == ["webhook.gone"]
    (webhook,) = await all_rows(world.database, ClientWebhook)
    assert not webhook["enabled"]
    await world.tell(client_id, "b")
    assert len(await world.rows()) == 1


async def test_gone_from_an_address_of_before_leaves_the_new_one_on(world: World) -> None:
    client_id, _secret = await world.client("/old")
    await world.webhook(client_id, url=f"{world.receiver.url}/new")
    async with world.database.write() as transaction:
        await WebhookRepository(transaction, client_id).switch_off(
            f"{world.receiver.url}/old", now=world.clock.now()
        )
    (webhook,) = await all_rows(world.database, ClientWebhook)
    assert webhook["enabled"]


async def test_what_waits_while_the_webhook_is_off_is_sent_when_it_is_on(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    await world.webhook(client_id, enabled=False)
    assert await world.sweep() == []
    await world.webhook(client_id, enabled=True)
    assert await world.sweep() == ["delivered"]


async def test_an_event_is_sent_again_when_somebody_asks_for_it(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    assert await world.sweep() == ["delivered"]
    (row,) = await world.rows()
    async with world.database.write() as transaction:
        await repeat_delivery(transaction, client_id, row["id"], clock=world.clock)
    world.receiver.answer("/hook", 500, 200)
    assert await world.sweep() == ["pending"]
    (repeated,) = await world.rows()
    assert repeated["next_attempt_at"] - world.clock.now() < timedelta(seconds=10)
    world.clock.forward(10)
    assert await world.sweep() == ["delivered"]
    assert {request.id for request in world.receiver.requests} == {row["id"]}
    assert len(world.receiver.requests) == 3
