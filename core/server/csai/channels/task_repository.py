"""What is due of messages and of pieces alike: of a conversation the oldest alone, one attempt at a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from csai.channels.task import Task
from csai.models import ChannelAccount, ChannelInbound, ChannelOutbound, Client

Queue = type[ChannelInbound] | type[ChannelOutbound]


async def due_tasks(
    connection: AsyncConnection,
    kind: str,
    queue: Queue,
    *,
    statuses: Collection[str],
    now: datetime,
    count: int,
    busy: Collection[str],
) -> list[Task]:
    """The next of a queue's rows in these statuses, of any client but those `busy`."""
    earlier: Any = aliased(queue)
    statement = (
        select(queue.client_id, queue.id, queue.attempts + 1)
        .join(ChannelAccount, ChannelAccount.id == queue.account_id)
        .join(Client, Client.id == queue.client_id)
        .where(
            queue.status.in_(statuses),
            queue.next_attempt_at <= now,
            queue.client_id.not_in(busy),
            ~exists().where(
                earlier.thread_id == queue.thread_id,
                earlier.id < queue.id,
                earlier.status.in_(statuses),
            ),
            ChannelAccount.enabled,
            Client.status == "active",
        )
        .order_by(queue.next_attempt_at, queue.id)
        .limit(count)
    )
    return [Task(kind, *row) for row in await connection.execute(statement)]


async def claim_task(
    connection: AsyncConnection,
    task: Task,
    queue: Queue,
    *,
    statuses: Collection[str],
    now: datetime,
    until: datetime,
    **values: str,
) -> bool:
    """Count the attempt, which is lost when nothing is heard of it `until` then; False if taken."""
    own = (
        update(queue)
        .where(
            queue.client_id == task.client_id,
            queue.id == task.item_id,
            queue.attempts == task.number - 1,
            queue.status.in_(statuses),
            queue.next_attempt_at <= now,
        )
        .values(attempts=task.number, next_attempt_at=until, **values)
    )
    return (await connection.execute(own)).rowcount == 1
