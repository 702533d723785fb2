"""The jobs: what each does for one client, and how often.

Each is keyed in the tables it writes, so that doing it twice, or half and then again, changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from csai_sdk import Clock

from csai.analytics import incident
from csai.billing.asking import Asking
from csai.channels.work import ChannelWork
from csai.clients.repository import busy_clients, client_summaries
from csai.database import Database
from csai.handoffs.follow_up import FollowUps
from csai.jobs.repository import Failure, JobRunRepository
from csai.knowledge.embedding import KnowledgeEmbeddings
from csai.outbox.delivery import Deliveries
from csai.privacy.retention import Retention
from csai.tools.listing import Listings
from csai.usage.rollup import roll_up, roll_up_hours

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BUSY = timedelta(hours=2)
RUNS_KEPT = timedelta(days=3)
INCIDENTS_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Job:
    """What is done for every client, once for each key."""

    name: str
    do: Callable[[str], Awaitable[Mapping[str, Any]]]
    every: timedelta
    """An hour or a minute, from the full one on."""
    is_for_busy: bool = False
    """Whether it is done only for clients that were written to a short while ago."""

    def key(self, now: datetime) -> str:
        return f"{now:%Y-%m-%dT%H}" if self.every == HOUR else f"{now:%Y-%m-%dT%H:%M}"

    def next_at(self, now: datetime) -> datetime:
        """When the run after the one that is due now falls due."""
        begun = now.replace(second=0, microsecond=0)
        return (begun if self.every == MINUTE else begun.replace(minute=0)) + self.every

    def run_id(self, now: datetime) -> str:
        """Names the run that is due now; the same in every process."""
        return f"{self.name}-{self.key(now)}"


class Work:
    """All jobs, in the order in which they are begun; and beside them what is delivered at any time."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        retention: Retention,
        deliveries: Deliveries,
        channels: ChannelWork,
        follow_ups: FollowUps,
        embeddings: KnowledgeEmbeddings,
        listings: Listings,
        payments: Asking,
    ) -> None:
        self.deliveries = deliveries
        self.channels = channels
        self.follow_ups = follow_ups
        self.embeddings = embeddings
        self._database = database
        self._clock = clock
        self.jobs = {
            job.name: job
            for job in (
                Job("usage", self._roll_up, HOUR),
                Job("hours", self._roll_up_hours, MINUTE, is_for_busy=True),
                Job("retention", retention.run, HOUR),
                Job("embeddings", embeddings.look_after, HOUR),
                Job("tools", listings.run, HOUR),
                Job("payments", payments.reconcile, HOUR),
            )
        }

    async def clients(self, job: str) -> list[str]:
        """The clients that a run of the job works for, oldest first."""
        async with self._database.read() as connection:
            if self.jobs[job].is_for_busy:
                return await busy_clients(connection, since=self._clock.now() - BUSY)
            return [found.id for found in await client_summaries(connection)]

    async def asked(self) -> list[tuple[str, str]]:
        """Runs that admins asked for and nobody has begun: the job, and the run's id."""
        async with self._database.read() as connection:
            found = await JobRunRepository(connection).asked()
        return [(run.job, run.id) for run in found if run.job in self.jobs]

    async def note_begun(self, job: str, run_id: str) -> None:
        async with self._database.write() as transaction:
            await JobRunRepository(transaction).begin(run_id, job, now=self._clock.now())

    async def note_ended(self, job: str, run_id: str, clients: int, failures: Sequence[Failure]) -> None:
        now = self._clock.now()
        async with self._database.write() as transaction:
            runs = JobRunRepository(transaction)
            await runs.end(run_id, clients=clients, failures=failures, now=now)
            await runs.forget(job, before=now - RUNS_KEPT)
            await incident.forget(transaction, before=now - INCIDENTS_KEPT)

    async def _roll_up(self, client_id: str) -> Mapping[str, Any]:
        days = await roll_up(self._database, client_id, now=self._clock.now())
        return {"days": days, **(await self._roll_up_hours(client_id) if days else {})}

    async def _roll_up_hours(self, client_id: str) -> Mapping[str, Any]:
        return {"hours": await roll_up_hours(self._database, client_id, now=self._clock.now())}
