"""Clients with webhooks, who listens there, and what time it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from csai.config import Settings
from csai.database import Database
from csai.kit.alert import Alerts
from csai.kit.crypto import Keyring
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.models import OutboxEvent
from csai.outbox.delivery import Deliveries
from csai.outbox.event import Outbox
from csai.outbox.service import change_webhook

from tests.support.history import add_client, all_rows
from tests.support.receiver import Receiver

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
