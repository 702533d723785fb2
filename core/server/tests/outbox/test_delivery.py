"""Events reach the client's webhook, signed, until they are taken; on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from csai.config import WEBHOOK_WAITS_S, Settings
from csai.database import Database
from csai.kit.alert import Alerts
from csai.kit.crypto import Keyring
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.kit.problem import Problem
from csai.models import Client, ClientWebhook, OutboxEvent
from csai.outbox.delivery import AT_ONCE_PER_CLIENT, JITTER, Deliveries
from csai.outbox.event import Outbox
from csai.outbox.repository import Attempt, WebhookRepository
from csai.outbox.service import change_webhook, repeat_delivery
from sqlalchemy import update
from structlog.testing import capture_logs

from tests.support.backend import Backend
from tests.support.history import add_client, all_rows
from tests.support.receiver import Receiver, receiving

LOOPBACK = EgressPolicy([ip_network("127.0.0.0/8")])


@dataclass
class Clock:
    at: datetime = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class World:
    """A database, clients with webhooks, and who delivers."""

    database: Database
    receiver: Receiver
    clock: Clock = field(default_factory=Clock)
    keyring: Keyring = field(default_factory=lambda: Keyring(["0123456789abcdef"]))

    @asynccontextmanager
    async def delivering(self, policy: EgressPolicy = LOOPBACK) -> AsyncIterator[Deliveries]:
        outbound = Outbound(policy)
        try:
            yield Deliveries(
                settings=Settings(webhook_timeout_s=5),
                database=self.database,
                clock=self.clock,
                keyring=self.keyring,
                http=outbound.http,
                alerts=Alerts(url="", http=outbound.operator_http, clock=self.clock),
            )
        finally:
            await outbound.aclose()

    async def client(self, path: str) -> tuple[str, str]:
        """A client's id and its signing secret."""
        client_id = await add_client(self.database, at=self.clock.now())
        return client_id, await self.webhook(client_id, url=f"{self.receiver.url}{path}") or ""

    async def webhook(self, client_id: str, **change: Any) -> str | None:
        async with self.database.write() as transaction:
            state = await change_webhook(
                transaction,
                client_id,
                **change,
                keyring=self.keyring,
                policy=LOOPBACK,
                clock=self.clock,
            )
        return state.new_secret

    async def tell(self, client_id: str, *keys: str) -> None:
        outbox = Outbox(self.clock)
        for key in keys:
            step = outbox.event(client_id, "conversation.ended", {"session_id": key}, key)
            await self.database.transact(step)

    async def sweep(self, policy: EgressPolicy = LOOPBACK) -> list[str]:
        """Make the attempts that are due; the events' states after them."""
        async with self.delivering(policy) as deliveries:
            return [
                await deliveries.attempt(each.client_id, each.event_id, each.number)
                for each in await deliveries.claim()
            ]

    async def rows(self) -> list[Any]:
        return sorted(await all_rows(self.database, OutboxEvent), key=lambda row: row["id"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def world(backend: Backend, receiver: Receiver) -> AsyncIterator[World]:
    database = Database(backend.database_url)
    yield World(database, receiver)
    await database.close()


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


async def test_a_redirect_is_not_followed(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    world.receiver.answer("/hook", 307)
    world.receiver.redirect_to = f"{world.receiver.url}/inside"
    assert await world.sweep() == ["pending"]
    assert [request.path for request in world.receiver.requests] == ["/hook"]
    (row,) = await world.rows()
    assert row["last_error"] == "HTTP 307: redirects are not followed"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"])
async def test_an_address_inside_is_refused_when_it_is_connected_to(world: World, host: str) -> None:
    client_id, _secret = await world.client("/hook")
    async with world.database.write() as transaction:
        own = update(ClientWebhook).values(url=f"http://{host}:{world.receiver.port}/hook")
        await transaction.execute(own)
    await world.tell(client_id, "a")
    assert await world.sweep(EgressPolicy()) == ["pending"]
    assert world.receiver.requests == []
    (row,) = await world.rows()
    assert (row["last_status"], row["last_error"]) == (None, "this address may not be reached")


async def test_no_word_of_an_answer_and_no_secret_is_kept_or_logged(world: World) -> None:
    client_id, secret = await world.client("/hook?token=hidden")
    await world.tell(client_id, "a")
    world.receiver.words = "internal-words" * 10_000
    world.receiver.answer("/hook?token=hidden", 500)
    with capture_logs() as logged:
        assert await world.sweep() == ["pending"]
    (row,) = await world.rows()
    (webhook,) = await all_rows(world.database, ClientWebhook)
    said = json.dumps([dict(row), logged], default=str)
    assert "internal" not in said
    assert "hidden" not in said
    assert secret not in said + webhook["secret"]


async def test_each_client_s_events_go_to_its_own_address_under_its_own_secret(world: World) -> None:
    secrets, owners = {}, {}
    for path in ("/first", "/second"):
        client_id, secrets[path] = await world.client(path)
        owners[path] = client_id
        await world.tell(client_id, "a", "b", "c")
    assert await world.sweep() == ["delivered"] * 6
    ids = {row["id"]: row["client_id"] for row in await world.rows()}
    for path, other in (("/first", "/second"), ("/second", "/first")):
        assert len(world.receiver.at(path)) == 3
        for request in world.receiver.at(path):
            assert ids[request.id] == owners[path]
            assert request.is_signed_with(secrets[path])
            assert not request.is_signed_with(secrets[other])


async def test_a_secret_moved_to_another_client_signs_nothing(world: World) -> None:
    first, _secret = await world.client("/first")
    second, _secret = await world.client("/second")
    moved = {row["client_id"]: row["secret"] for row in await all_rows(world.database, ClientWebhook)}[first]
    async with world.database.write() as transaction:
        own = update(ClientWebhook).where(ClientWebhook.client_id == second).values(secret=moved)
        await transaction.execute(own)
    await world.tell(second, "a")
    assert await world.sweep() == ["pending"]
    assert world.receiver.requests == []
    (row,) = await world.rows()
    assert "cannot be decrypted" in row["last_error"]


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


async def test_a_new_secret_and_the_one_before_both_sign_for_a_day(world: World) -> None:
    client_id, old = await world.client("/hook")
    new = await world.webhook(client_id, is_rotating=True)
    assert new is not None
    for is_old_good in (True, False):
        await world.tell(client_id, world.clock.now().isoformat())
        assert await world.sweep() == ["delivered"]
        request = world.receiver.requests[-1]
        assert (request.is_signed_with(new), request.is_signed_with(old)) == (True, is_old_good)
        world.clock.forward(86_400)


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


async def test_another_client_s_delivery_cannot_be_repeated(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    other, _secret = await world.client("/other")
    await world.tell(client_id, "a")
    (row,) = await world.rows()
    for event_id in (row["id"], "0190a0b0-0000-7000-8000-000000000000", "nonsense"):
        with pytest.raises(Problem, match="delivery_unknown"):
            async with world.database.write() as transaction:
                await repeat_delivery(transaction, other, event_id, clock=world.clock)


async def test_a_client_that_is_deactivated_is_told_nothing(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    async with world.database.write() as transaction:
        await transaction.execute(update(Client).where(Client.id == client_id).values(status="inactive"))
    assert await world.sweep() == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http or https URL"),
        ("shop.example/hook", "http or https URL"),
        ("ftp://shop.example/hook", "http or https URL"),
        ("https://user:word@shop.example/hook", "without a user name"),
        ("https://shop.example/#part", "no #"),
        ("https://shop.example/" + "a" * 2_000, "at most 2000"),
        ("http://10.0.0.1/hook", "10.0.0.1 is no public address"),
        ("http://[::1]/hook", "CSAI_EGRESS_ALLOW"),
        ("http://169.254.169.254/latest", "CSAI_EGRESS_ALLOW"),
    ],
)
async def test_an_address_that_cannot_be_is_refused_with_the_reason(
    world: World, url: str, reason: str
) -> None:
    client_id = await add_client(world.database, at=world.clock.now())
    with pytest.raises(Problem) as refused:
        await world.webhook(client_id, url=url)
    assert refused.value.code == "webhook_url_invalid"
    assert reason in refused.value.detail
    assert await all_rows(world.database, ClientWebhook) == []


async def test_an_attempt_that_was_never_claimed_does_nothing(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    (row,) = await world.rows()
    attempt = Attempt(client_id, row["id"], 1)
    async with world.delivering() as deliveries:
        assert await deliveries.attempt(attempt.client_id, attempt.event_id, attempt.number) == "overtaken"
    assert world.receiver.requests == []
