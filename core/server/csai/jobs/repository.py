"""The processes that do jobs, and their runs. Both belong to the installation, so no client scopes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Select, bindparam, case, delete, exists, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.problem import Problem
from csai.models import ChannelInbound, ChannelOutbound, JobRun, OutboxEvent, Worker
from csai.statement import upsert

MAX_FAILURES = 20


class Failure(TypedDict):
    """For whom a run failed, and why."""

    client_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class RunRow:
    id: str
    job: str
    status: str
    clients: int
    failures: list[Failure]
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkerRow:
    id: str
    kind: str
    started_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class QueueRow:
    name: str
    waiting: int
    due: int
    failed: int
    oldest_due_at: datetime | None


_RUN = select(*(JobRun.__table__.c[field.name] for field in fields(RunRow)))


def cause_of(error: Exception) -> str:
    """What went wrong, in no words but ours: those of another error may be a visitor's."""
    return error.detail if isinstance(error, Problem) else f"{type(error).__name__}; see the worker's log"


async def workers(connection: AsyncConnection) -> list[WorkerRow]:
    """Those that lived when they were last looked after, oldest first."""
    columns = [Worker.__table__.c[field.name] for field in fields(WorkerRow)]
    rows = await connection.execute(select(*columns).order_by(Worker.started_at, Worker.id))
    return [WorkerRow(*row) for row in rows]


async def queues(connection: AsyncConnection, *, now: datetime) -> list[QueueRow]:
    """What is to be done at any time: what waits, what of that is due, what was given up."""
    return [await _queue(connection, *about, now=now) for about in _QUEUES]


async def _queue(
    connection: AsyncConnection,
    name: str,
    model: Any,
    waiting: Sequence[str],
    failed: Sequence[str],
    *,
    now: datetime,
) -> QueueRow:
    """Asks for these states only: what is done stays in the table for a while."""
    is_due = case((model.next_attempt_at <= now, 1), else_=0)
    statement = (
        select(model.status, func.count(), func.sum(is_due), func.min(model.next_attempt_at))
        .where(model.status.in_((*waiting, *failed)))
        .group_by(model.status)
    )
    found = {row[0]: row for row in await connection.execute(statement)}
    return QueueRow(
        name,
        waiting=sum(found[status][1] for status in waiting if status in found),
        due=sum(int(found[status][2]) for status in waiting if status in found),
        failed=sum(found[status][1] for status in failed if status in found),
        oldest_due_at=min((found[status][3] for status in waiting if status in found), default=None),
    )


_QUEUES: tuple[tuple[str, Any, Sequence[str], Sequence[str]], ...] = (
    ("deliveries", OutboxEvent, ("pending",), ("failed",)),
    ("channel_inbox", ChannelInbound, ("waiting", "working"), ()),
    ("channel_outbox", ChannelOutbound, ("pending", "sending"), ("failed", "unknown")),
)


class JobRunRepository:
    """What runs came to."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ask(self, run_id: str, job: str, *, now: datetime) -> None:
        """Have a worker begin a run."""
        values = {"id": run_id, "job": job, "status": "asked", "began_at": now}
        await self._connection.execute(insert(JobRun).values(**values))

    async def asked(self) -> list[RunRow]:
        return await self._rows(_RUN.where(JobRun.status == "asked").order_by(JobRun.began_at))

    async def begin(self, run_id: str, job: str, *, now: datetime) -> None:
        """It runs; one that another process began and left is begun again."""
        values = {"job": job, "status": "running", "clients": 0, "failures": [], "ended_at": None}
        await self._connection.execute(
            upsert(self._connection, JobRun)
            .values(id=run_id, began_at=now, **values)
            .on_conflict_do_update(index_elements=["id"], set_=values)
        )

    async def end(self, run_id: str, *, clients: int, failures: Sequence[Failure], now: datetime) -> None:
        await self._connection.execute(
            update(JobRun)
            .where(JobRun.id == run_id)
            .values(
                status="failed" if failures else "succeeded",
                clients=clients,
                failures=list(failures[:MAX_FAILURES]),
                ended_at=now,
            )
        )

    async def forget(self, job: str, *, before: datetime) -> None:
        await self._connection.execute(delete(JobRun).where(JobRun.job == job, JobRun.began_at < before))

    async def newest(self, job: str, *, count: int) -> list[RunRow]:
        newest = _RUN.where(JobRun.job == job).order_by(JobRun.began_at.desc(), JobRun.id.desc())
        return await self._rows(newest.limit(count))

    async def failed_since(self, since: datetime) -> int:
        counted = select(func.count()).where(JobRun.status == "failed", JobRun.began_at >= since)
        return int((await self._connection.execute(counted)).scalar_one())

    async def _rows(self, statement: Select[*tuple[Any, ...]]) -> list[RunRow]:
        return [RunRow(*row) for row in await self._connection.execute(statement)]


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
