"""The processes that do jobs. They belong to the installation, so no client scopes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import Worker


class WorkerRepository:
    """One process' place among the workers."""

    def __init__(self, connection: AsyncConnection, worker_id: str) -> None:
        self._connection = connection
        self._worker_id = worker_id

    async def join(self, kind: str, *, now: datetime, expires: datetime, is_alone: bool) -> bool:
        """Become a worker; False where `is_alone` and another one lives."""
        others = exists().where(Worker.expires_at >= now)
        values = select(
            literal(self._worker_id, Worker.id.type),
            literal(kind),
            literal(now, Worker.started_at.type),
            bindparam("expires", expires, type_=Worker.expires_at.type),
        )
        statement = insert(Worker).from_select(
            ["id", "kind", "started_at", "expires_at"],
            values.where(~others) if is_alone else values,
            include_defaults=False,
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def stay(self, *, expires: datetime) -> bool:
        """Put the end off; False when the others took this worker for dead."""
        own = update(Worker).where(Worker.id == self._worker_id).values(expires_at=expires)
        return (await self._connection.execute(own)).rowcount == 1

    async def leave(self) -> None:
        await self._connection.execute(delete(Worker).where(Worker.id == self._worker_id))

    async def living(self, *, now: datetime) -> set[str]:
        """The workers that live; those that do not are forgotten."""
        await self._connection.execute(delete(Worker).where(Worker.expires_at < now))
        return set((await self._connection.execute(select(Worker.id))).scalars())
