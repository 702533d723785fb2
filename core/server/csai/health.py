"""Whether this server can take messages, and if not, why."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from csai.kit.problem import Problem
from csai.services import Services

log = structlog.get_logger(__name__)

PATIENCE_S = 3.0


class Readiness:
    """Looks afresh at what a message needs, each time it is asked."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Alembic's modules, which a server needs for nothing else.
        self._migrations: Any = None
        self._known: Any = None
        self._given_up: set[asyncio.Task[Any]] = set()

    async def report(self) -> dict[str, Any]:
        """That it is ready, and what is amiss all the same. Raises 503 with the reason when it is not."""
        services = self._services
        reason = "draining" if services.doors.is_closed else await self._database_fault()
        if reason is not None:
            raise Problem(
                503,
                "not_ready",
                "This server takes no messages now; `reason` says why.",
                headers={"Retry-After": "5"},
                reason=reason,
            )
        return {
            "status": "ready",
            "degraded": [] if await services.limiter.reaches_redis() else ["redis"],
            "plugins_quarantined": sorted(services.registry.quarantined),
        }

    async def _database_fault(self) -> str | None:
        if self._known is None:
            await asyncio.to_thread(self._load)
        try:
            found = await self._look_in_time()
        # Whatever it is, no message can be stored.
        except Exception as error:  # noqa: BLE001
            log.warning("database does not answer", error=type(error).__name__)
            return "database_unreachable"
        if self._known.is_served(found):
            return None
        is_newer = found.revision is not None and found.revision not in self._known.revisions
        return "schema_too_new" if is_newer else "migrations_missing"

    async def _look_in_time(self) -> Any:
        looking = asyncio.create_task(self._look())
        await asyncio.wait((looking,), timeout=PATIENCE_S)
        if not looking.done():
            # Not waited for: giving up a connection to a server that says nothing takes its time too.
            self._give_up(looking)
            raise TimeoutError
        return looking.result()

    def _give_up(self, looking: asyncio.Task[Any]) -> None:
        self._given_up.add(looking)
        looking.add_done_callback(self._given_up.discard)
        # What it raises in the end is of no interest any more.
        looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        looking.cancel()

    async def _look(self) -> Any:
        async with self._services.database.read() as connection:
            return await connection.run_sync(self._migrations.find)

    def _load(self) -> None:
        from csai import migrations

        self._migrations = migrations
        self._known = migrations.known_revisions()
