"""What a client's system tells of itself: stale answers, switched off connections, forgotten visitors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from csai.models import AuditEntry, Erasure, IntegrationDelivery
from csai_sdk import Connection, ConnectionNews, PluginContext, ToolCall, WebhookForged, WebhookRequest
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.systems import Connected, Settings, Systems, connect

ASK = ToolCall("c1", "orders", {"order_id": "ORD-1"})


@dataclass
class Telling(Systems):
    """Believes who shows the connection's key."""

    received: list[tuple[WebhookRequest, str | None]] = field(default_factory=list)

    async def receive(
        self, request: WebhookRequest, connection: Connection, ctx: PluginContext
    ) -> Sequence[ConnectionNews]:
        self.received.append((request, ctx.client_id))
        key = connection.settings_as(Settings).key
        if key is None or request.headers.get("x-key") != key.get_secret_value():
            raise WebhookForged("the key is wrong")
        if request.body == b"broken":
            raise RuntimeError(key.get_secret_value())
        return [ConnectionNews(**each) for each in json.loads(request.body)]


@dataclass
class Told:
    """A connection whose system sends deliveries."""

    server: Server
    operator: Operator
    systems: Telling
    connected: Connected

    @property
    def path(self) -> str:
        return f"/integrations/systems/{self.connected.path.rpartition('/')[2]}/webhook"

    async def deliver(self, *news: dict[str, Any], key: str = "k", path: str = "") -> httpx.Response:
        return await self.send(json.dumps(news).encode(), key=key, path=path)

    async def send(self, body: bytes, *, key: str = "k", path: str = "") -> httpx.Response:
        return await self.server.http.post(path or self.path, content=body, headers={"X-Key": key})

    async def enabled(self) -> bool:
        return bool((await self.operator.get(self.connected.path))["enabled"])


async def told(
    make_server: ServerFactory, *scripts: Any, clock: FakeClock | None = None, **settings: Any
) -> Told:
    systems = Telling()
    server = await make_server(ScriptedProvider(*scripts), plugins={"systems": systems}, clock=clock)
    operator = await sign_in(server)
    connected = await connect(operator, **{"place": "Valparaiso", "key": "k", **settings})
    await connected.endpoint()
    await connected.offer()
    return Told(server, operator, systems, connected)


async def test_what_was_read_is_read_anew_after_news(make_server: ServerFactory) -> None:
    at = await told(make_server, *[[ASK], ["There."]] * 3)
    await at.server.say("Where?")
    await at.server.say("Where?")
    assert len(at.systems.fetched) == 1, "the second answer was kept"

    answer = await at.deliver({"id": "d1"})
    await at.server.say("Where?")

    assert (answer.status_code, answer.content) == (200, b"")
    assert len(at.systems.fetched) == 2
    assert await at.server.rows(IntegrationDelivery) == []


async def test_a_delivery_that_is_not_signed_changes_nothing(make_server: ServerFactory) -> None:
    at = await told(make_server, *[[ASK], ["There."]] * 2)
    await at.server.say("Where?")

    answer = await at.deliver({"id": "d1", "is_disconnected": True}, key="wrong")
    await at.server.say("Where?")

    assert (answer.status_code, answer.json()["code"]) == (401, "webhook_forged")
    assert len(at.systems.fetched) == 1
    assert await at.enabled()


async def test_without_a_secret_nothing_is_believed(make_server: ServerFactory) -> None:
    at = await told(make_server, key=None)

    assert (await at.deliver({"id": "d1", "is_disconnected": True}, key="")).status_code == 401
    assert await at.enabled()


async def test_a_system_that_disconnects_is_switched_off_once(make_server: ServerFactory) -> None:
    """A delivery that comes late again does not undo what an admin has done since."""
    at = await told(make_server)
    news = {"id": "d1", "topic": "app/uninstalled", "is_disconnected": True}

    assert (await at.deliver(news)).status_code == 200
    assert not await at.enabled()
    await at.operator.change(at.connected.path, {"enabled": True})
    assert (await at.deliver(news)).status_code == 200

    assert await at.enabled()
    (entry,) = await at.server.rows(AuditEntry, action="integration.told")
    assert (entry["actor"], entry["after"]["topic"]) == ("system", "app/uninstalled")


async def test_a_customer_is_forgotten_by_all_their_ids_once(make_server: ServerFactory) -> None:
    """Also of a connection that is off by then, and however many deliveries come at the same time."""
    at = await told(make_server)
    await at.operator.change(at.connected.path, {"enabled": False})
    news = {
        "id": "d1",
        "topic": "customers/redact",
        "erased_visitors": ["bob@x.example", "whatsapp:+354", ""],
    }

    answers = await asyncio.gather(*(at.deliver(news) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    wishes = await at.server.rows(Erasure)
    assert sorted(wish["external_id"] for wish in wishes) == ["bob@x.example", "whatsapp:+354"]
    assert {wish["client_id"] for wish in wishes} == {at.server.client.id}
    assert "bob" not in str([entry["after"] for entry in await at.server.rows(AuditEntry)])


async def test_whoever_is_to_be_forgotten_is(make_server: ServerFactory) -> None:
    clock = FakeClock()
    at = await told(make_server, clock=clock)
    await at.deliver({"id": "d1", "erased_visitors": ["bob@x.example"]})

    clock.advance(60)
    await at.server.services.erasures.sweep()

    (wish,) = await at.server.rows(Erasure)
    assert wish["finished_at"] is not None
    assert wish["external_id"] is None


async def test_a_wish_for_data_stands_in_the_audit_log(make_server: ServerFactory) -> None:
    at = await told(make_server)

    await at.deliver({"id": "d1", "topic": "customers/data_request"})

    (entry,) = await at.server.rows(AuditEntry, action="integration.told")
    assert entry["after"] == {"topic": "customers/data_request", "enabled": True, "is_erasure": False}
    assert entry["client_id"] == at.server.client.id


async def test_addresses_of_no_connection_are_all_the_same(make_server: ServerFactory) -> None:
    at = await told(make_server)
    own = at.path.split("/")[3]
    unknown = "01981c7e-0000-7000-8000-000000000000"
    paths = [
        f"/integrations/{one}/{two}/webhook"
        for one, two in (("systems", unknown), ("shopify", own), ("systems", "x"), ("systems", own.upper()))
    ]

    answers = [await at.deliver({"id": "d"}, path=path) for path in paths]
    await at.operator.change(f"/admin/clients/{at.server.client.id}/plugins/systems", {"enabled": False})
    answers.append(await at.deliver({"id": "d"}))

    for answer in answers:
        said = answer.json()
        assert answer.status_code == 404
        assert said | {"request_id": ""} == answers[0].json() | {"request_id": ""}
    assert at.systems.received == []


async def test_another_clients_connection_is_untouched(make_server: ServerFactory) -> None:
    at = await told(make_server)
    other = await at.server.add_client()
    theirs = await connect(at.operator, of_client=other.id, place="Lima", key="other")
    path = f"/integrations/systems/{theirs.path.rpartition('/')[2]}/webhook"

    refused = await at.deliver({"id": "d1", "is_disconnected": True}, path=path)
    taken = await at.deliver({"id": "d1", "is_disconnected": True}, path=path, key="other")

    assert (refused.status_code, taken.status_code) == (401, 200)
    assert await at.enabled()
    assert (await at.operator.get(theirs.path))["enabled"] is False
    assert [client_id for _, client_id in at.systems.received] == [other.id, other.id]


@pytest.mark.parametrize("body", [b"broken", b"no json", b'[{"nothing": 1}]'])
async def test_a_plugin_that_fails_fails_closed(make_server: ServerFactory, body: bytes) -> None:
    at = await told(make_server)

    answer = await at.send(body)

    assert (answer.status_code, answer.json()["code"]) == (500, "delivery_unreadable")
    assert await at.enabled()


async def test_a_body_that_is_too_large_is_not_read(make_server: ServerFactory) -> None:
    at = await told(make_server)

    assert (await at.send(b"x" * 1_000_001)).status_code == 413
    assert at.systems.received == []
