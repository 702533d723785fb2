"""The jobs: what each does for one client, and how often.

Each is keyed in the tables it writes, so that doing it twice, or half and then again, changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csai_sdk import Clock

from csai.clients.repository import client_summaries
from csai.database import Database
from csai.outbox.delivery import Deliveries
from csai.privacy.retention import Retention
from csai.usage.rollup import roll_up


@dataclass(frozen=True)
class Job:
    """What is done for every client, once for each key."""

    name: str
    do: Callable[[str], Awaitable[Mapping[str, Any]]]
    key: Callable[[datetime], str]

    def run_id(self, now: datetime) -> str:
        """Names the run that is due now; the same in every process."""
        return f"{self.name}-{self.key(now)}"


class Work:
    """All jobs, in the order in which they are begun; and beside them what is delivered at any time."""

    def __init__(
        self, *, database: Database, clock: Clock, retention: Retention, deliveries: Deliveries
    ) -> None:
        self.deliveries = deliveries
        self._database = database
        self._clock = clock
        self.jobs = {
            job.name: job
            for job in (Job("usage", self._roll_up, _hour), Job("retention", retention.run, _hour))
        }

    async def clients(self) -> list[str]:
        """The clients that a run works for, oldest first."""
        async with self._database.read() as connection:
            return [found.id for found in await client_summaries(connection)]

    async def _roll_up(self, client_id: str) -> Mapping[str, Any]:
        return {"days": await roll_up(self._database, client_id, now=self._clock.now())}


def _hour(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H}"
