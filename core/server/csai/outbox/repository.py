"""A client's webhook and its deliveries; and, for whoever delivers, what is due of any client's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import is_id
from csai.models import Client, ClientWebhook, OutboxEvent

# A sweep looks at no more than this; who has more of it waiting is in nobody's way for long.
MAX_DUE = 1_000


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """Where a client is told of events; of its secrets only what is stored."""

    url: str
    enabled: bool
    secret: str
    previous_secret: str | None
    previous_until: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at delivering one event, the only one with its number."""

    client_id: str
    event_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event with where it goes."""

    event: str
    payload: Mapping[str, Any]
    created_at: datetime
    attempts_before: int
    webhook: WebhookRow


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """An event as its client's operator sees it."""

    id: str
    event: str
    status: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None


async def due_attempts(
    connection: AsyncConnection, *, now: datetime, count: int, per_client: int, busy: Collection[str]
) -> list[Attempt]:
    """The next attempts that are due, of any client but those `busy`, the longest due first."""
    due = (
        select(OutboxEvent.client_id, OutboxEvent.id, OutboxEvent.attempts, OutboxEvent.next_attempt_at)
        .join(ClientWebhook, ClientWebhook.client_id == OutboxEvent.client_id)
        .join(Client, Client.id == OutboxEvent.client_id)
        .where(
            OutboxEvent.status == "pending",
            OutboxEvent.next_attempt_at <= now,
            OutboxEvent.client_id.not_in(busy),
            ClientWebhook.enabled,
            Client.status == "active",
        )
        .order_by(OutboxEvent.next_attempt_at)
        .limit(MAX_DUE)
        .subquery()
    )
    order = (due.c.next_attempt_at, due.c.id)
    place = func.row_number().over(partition_by=due.c.client_id, order_by=order).label("place")
    placed = select(due, place).subquery()
    statement = (
        select(placed.c.client_id, placed.c.id, placed.c.attempts + 1)
        .where(placed.c.place <= per_client)
        .order_by(placed.c.next_attempt_at, placed.c.id)
        .limit(count)
    )
    return [Attempt(*row) for row in await connection.execute(statement)]


async def failed_events(
    connection: AsyncConnection, *, client_id: str | None, count: int
) -> list[tuple[str, str]]:
    """For the operator, whom no client scopes: client and id of events that were given up, oldest first."""
    statement = (
        select(OutboxEvent.client_id, OutboxEvent.id)
        .where(OutboxEvent.status == "failed")
        .order_by(OutboxEvent.id)
        .limit(count)
    )
    if client_id is not None:
        statement = statement.where(OutboxEvent.client_id == client_id)
    return [(row[0], row[1]) for row in await connection.execute(statement)]


class WebhookRepository:
    """One client's webhook."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def get(self) -> WebhookRow | None:
        statement = select(
            ClientWebhook.url,
            ClientWebhook.enabled,
            ClientWebhook.secret,
            ClientWebhook.previous_secret,
            ClientWebhook.previous_until,
        ).where(ClientWebhook.client_id == self._client_id)
        row = (await self._connection.execute(statement)).first()
        return WebhookRow(*row) if row else None

    async def put(self, webhook: WebhookRow, *, now: datetime) -> None:
        await self._connection.execute(
            delete(ClientWebhook).where(ClientWebhook.client_id == self._client_id)
        )
        await self._connection.execute(
            insert(ClientWebhook).values(
                client_id=self._client_id,
                url=webhook.url,
                enabled=webhook.enabled,
                secret=webhook.secret,
                previous_secret=webhook.previous_secret,
                previous_until=webhook.previous_until,
                updated_at=now,
            )
        )

    async def switch_off(self, url: str, *, now: datetime) -> None:
        """Tell it nothing more, where this is still its address."""
        await self._connection.execute(
            update(ClientWebhook)
            .where(ClientWebhook.client_id == self._client_id, ClientWebhook.url == url)
            .values(enabled=False, updated_at=now)
        )


class OutboxRepository:
    """One client's events, once they are written."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def claim(self, attempt: Attempt, *, now: datetime, until: datetime) -> bool:
        """Count the attempt, which is lost when nothing is heard of it `until` then; False if taken."""
        own = (
            update(OutboxEvent)
            .where(
                OutboxEvent.client_id == self._client_id,
                OutboxEvent.id == attempt.event_id,
                OutboxEvent.attempts == attempt.number - 1,
                OutboxEvent.status == "pending",
                OutboxEvent.next_attempt_at <= now,
            )
            .values(attempts=attempt.number, next_attempt_at=until)
        )
        return (await self._connection.execute(own)).rowcount == 1

    async def outgoing(self, attempt: Attempt) -> Outgoing | None:
        """What to send, while this attempt is the latest and the webhook is on."""
        statement = (
            select(
                *(OutboxEvent.event, OutboxEvent.payload, OutboxEvent.created_at),
                *(OutboxEvent.attempts_before, ClientWebhook.url, ClientWebhook.enabled),
                *(ClientWebhook.secret, ClientWebhook.previous_secret, ClientWebhook.previous_until),
            )
            .join_from(OutboxEvent, ClientWebhook, ClientWebhook.client_id == OutboxEvent.client_id)
            .where(*self._under_way(attempt), ClientWebhook.enabled)
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            return None
        event, payload, created_at, attempts_before, *webhook = row
        return Outgoing(event, payload, created_at, attempts_before, WebhookRow(*webhook))

    async def record(
        self, attempt: Attempt, *, status: str, next_attempt_at: datetime, **outcome: Any
    ) -> bool:
        """Store what came of an attempt; False when it is no longer the latest."""
        own = (
            update(OutboxEvent)
            .where(*self._under_way(attempt))
            .values(status=status, next_attempt_at=next_attempt_at, **outcome)
        )
        return (await self._connection.execute(own)).rowcount == 1

    async def recent(self, *, count: int) -> list[DeliveryRow]:
        """The latest events, newest first."""
        statement = (
            select(*_DELIVERY)
            .where(OutboxEvent.client_id == self._client_id)
            .order_by(OutboxEvent.created_at.desc(), OutboxEvent.id.desc())
            .limit(count)
        )
        return [DeliveryRow(*row) for row in await self._connection.execute(statement)]

    async def repeat(self, event_id: str, *, now: datetime) -> DeliveryRow | None:
        """Have an event that still has its payload sent again, with all its attempts before it."""
        if not is_id(event_id):
            return None
        own = (OutboxEvent.client_id == self._client_id, OutboxEvent.id == event_id)
        found = (await self._connection.execute(select(*_DELIVERY, OutboxEvent.payload).where(*own))).first()
        if found is None or not found.payload:
            return None
        await self._connection.execute(
            update(OutboxEvent)
            .where(*own)
            .values(
                status="pending",
                attempts_before=OutboxEvent.attempts,
                next_attempt_at=now,
                delivered_at=None,
            )
        )
        return DeliveryRow(*found[:-1])

    def _under_way(self, attempt: Attempt) -> Sequence[Any]:
        return (
            OutboxEvent.client_id == self._client_id,
            OutboxEvent.id == attempt.event_id,
            OutboxEvent.attempts == attempt.number,
            OutboxEvent.status == "pending",
        )


_DELIVERY = (
    *(OutboxEvent.id, OutboxEvent.event, OutboxEvent.status, OutboxEvent.attempts, OutboxEvent.created_at),
    *(OutboxEvent.next_attempt_at, OutboxEvent.delivered_at, OutboxEvent.last_status, OutboxEvent.last_error),
)
