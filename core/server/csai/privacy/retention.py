"""Removing what is older than it is kept, client by client.

Any statement may be the last: what was used is written into `api_usage` in the transaction that deletes
what it was counted from, an archived batch is deleted after it has arrived, and a second run goes on where
the first one ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from csai_sdk import Clock

from csai.chat.replay import KEY_LIFETIME
from csai.clients.repository import ClientRepository
from csai.config import Settings
from csai.database import Database
from csai.kit.fault_point import FaultPoint, reach
from csai.privacy.archive import Archive
from csai.privacy.repository import RULES, Cutoffs, RetentionRepository, Rule

log = structlog.get_logger(__name__)

BATCH = 500
# Clocks of several machines differ.
MARGIN = timedelta(hours=1)
# A billing period and some days: its events are keyed by it.
LONGEST_PERIOD = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Periods:
    """For how many days a client's visitors' words, and its tool log without them, are kept."""

    message_days: int
    tool_log_days: int

    def cutoffs(self, now: datetime) -> Cutoffs:
        words = now - timedelta(days=self.message_days)
        tool_log = now - timedelta(days=self.tool_log_days)
        return Cutoffs(
            replays=now - KEY_LIFETIME - MARGIN,
            words=words,
            tool_log=tool_log,
            conversations=min(words, tool_log),
            events=min(words, now - LONGEST_PERIOD),
        )


class Retention:
    """Keeps what docs/data.md promises."""

    def __init__(
        self, *, settings: Settings, database: Database, clock: Clock, archive: Archive | None
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._archive = archive

    async def periods(self, client_id: str) -> Periods:
        """The client's own periods, or the installation's."""
        async with self._database.read() as connection:
            own = (await ClientRepository(connection, client_id).get()).settings
        return Periods(
            own.get("message_days", self._settings.message_days),
            own.get("tool_log_days", self._settings.tool_log_days),
        )

    async def preview(self, client_id: str) -> dict[str, int]:
        """How many rows a run would touch now, by the name of the rule."""
        cutoffs = (await self.periods(client_id)).cutoffs(self._clock.now())
        async with self._database.read() as connection:
            repository = RetentionRepository(connection, client_id)
            return {rule.name: await repository.count(rule, cutoffs) for rule in RULES}

    async def run(self, client_id: str) -> dict[str, int]:
        """Remove what is over; how many rows that were, by the name of the rule. Safe to repeat.

        Raises `ArchiveFailed`: what could not be archived stays.
        """
        cutoffs = (await self.periods(client_id)).cutoffs(self._clock.now())
        done = {rule.name: await self._apply(client_id, rule, cutoffs) for rule in RULES}
        if any(done.values()):
            log.info("kept no longer", client_id=client_id, **done)
        return done

    async def _apply(self, client_id: str, rule: Rule, cutoffs: Cutoffs) -> int:
        total = 0
        while rows := await self._batch(client_id, rule, cutoffs):
            reach(FaultPoint.RETENTION_CHOSEN)
            if self._archive is not None and rule.is_archived:
                await self._archive.put(client_id, rule.table.__tablename__, rows)
                reach(FaultPoint.RETENTION_ARCHIVED)
            total += await self._remove(client_id, rule, cutoffs, rows)
            reach(FaultPoint.RETENTION_COMMITTED)
            if len(rows) < BATCH:
                break
        return total

    async def _batch(self, client_id: str, rule: Rule, cutoffs: Cutoffs) -> list[Mapping[str, Any]]:
        async with self._database.read() as connection:
            return await RetentionRepository(connection, client_id).batch(rule, cutoffs, size=BATCH)

    async def _remove(
        self, client_id: str, rule: Rule, cutoffs: Cutoffs, rows: list[Mapping[str, Any]]
    ) -> int:
        async with self._database.write() as transaction:
            repository = RetentionRepository(transaction, client_id)
            if rule.is_counted:
                for day in sorted({row["moment"].date() for row in rows}):
                    await repository.recompute(day)
                    reach(FaultPoint.RETENTION_COUNTED)
            removed = await repository.apply(rule, cutoffs, [row["id"] for row in rows])
            reach(FaultPoint.RETENTION_REMOVED)
            return removed
