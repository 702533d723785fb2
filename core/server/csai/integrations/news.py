"""What a client's system tells of itself, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Clock, ConnectionNews
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, record
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.integrations.freshness import Freshness
from csai.integrations.repository import ConnectionRepository, ConnectionRow
from csai.kit.identifier import new_id
from csai.privacy.erasure_repository import ErasureRepository, Subject

MAX_VISITOR_CHARS = 200
MAX_TOPIC_CHARS = 100


async def take_news(
    client_id: str,
    row: ConnectionRow,
    news: Sequence[ConnectionNews],
    *,
    database: Database,
    freshness: Freshness,
    clock: Clock,
) -> None:
    """What cannot be done twice is done with the first delivery of its id, in one transaction with the id.

    Wishes to be forgotten are written down there, and fulfilled by those who look after open ones.
    """
    grave = [each for each in news if each.is_disconnected or each.erased_visitors or each.topic]
    if grave:
        async with database.write() as transaction:
            await ClientRepository(transaction, client_id).lock()
            for each in grave:
                await _take(transaction, client_id, row.id, each, clock)
    if news:
        await freshness.end(client_id, row.id)


async def _take(
    transaction: AsyncConnection, client_id: str, integration_id: str, news: ConnectionNews, clock: Clock
) -> None:
    now = clock.now()
    repository = ConnectionRepository(transaction, client_id)
    if not await repository.take_delivery(integration_id, news.id, now=now):
        return
    row = await repository.get(integration_id)
    if news.is_disconnected and row.enabled:
        await repository.update(row.id, enabled=False, revision=row.revision + 1, updated_at=now)
        await ClientRepository(transaction, client_id).bump()
    erasures = ErasureRepository(transaction, client_id)
    for visitor_id in news.erased_visitors:
        if 0 < len(visitor_id) <= MAX_VISITOR_CHARS:
            await erasures.begin(new_id(), Subject(external_id=visitor_id), now=now)
    await record(
        transaction,
        SYSTEM,
        "integration.told",
        object=f"integration:{row.id}",
        client_id=client_id,
        before={"enabled": row.enabled},
        after={
            "topic": news.topic[:MAX_TOPIC_CHARS],
            "enabled": row.enabled and not news.is_disconnected,
            "is_erasure": bool(news.erased_visitors),
        },
        at=now,
    )
