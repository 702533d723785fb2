"""Telling of a plan's limits: the client's plugins at once, its own systems and admins once a period."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from csai_sdk import Clock
from csai_sdk.event import LimitReached

from csai.analytics import incident
from csai.database import Database, DatabaseUnavailable
from csai.kit.waiting import end
from csai.outbox.event import EventName, Outbox
from csai.plugins.view import ClientView
from csai.statement import Rows, Step
from csai.usage import counter

log = structlog.get_logger(__name__)

NEAR = 0.8
MAX_REMEMBERED = 10_000
CLOSE_S = 5.0


class LimitNews:
    """Tells when a limit is near and when it is reached."""

    def __init__(self, *, database: Database, outbox: Outbox, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        # What this process need not write again. Whatever changes a client's webhook changes its version.
        self._told: set[tuple[str, int, str]] = set()
        self._telling: set[asyncio.Task[None]] = set()

    async def reached(self, view: ClientView, error: counter.LimitReached) -> None:
        """Work was refused, and nothing of it stored."""
        if "limit_reached" in view.hooks:
            await view.hooks.tell("limit_reached", LimitReached(view.client.id, error.metric, error.limit))
        now = self._clock.now()
        period = counter.period_of(now, view.client.timezone)
        befell = incident.limit_reached(view.client.id, error.metric, period, error.limit, now=now)
        self._tell(view, "limit.reached", error.metric, period, {"limit": error.limit}, befell)

    def near(self, view: ClientView, period: str, granted: Rows) -> None:
        """Work was accepted; `granted` is what `counter.reserve` answered."""
        for metric, used in granted:
            limit = view.limits.get(metric)
            if limit is not None and used >= NEAR * limit:
                self._tell(view, "limit.near", metric, period, {"limit": limit, "used": used})

    async def aclose(self) -> None:
        """Wait for what is being written, no longer than it may take."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=CLOSE_S)
        await end(self._telling)

    def _tell(
        self,
        view: ClientView,
        event: EventName,
        metric: str,
        period: str,
        more: Mapping[str, int],
        *beside: Step,
    ) -> None:
        key = f"{event}:{metric}:{period}"
        known = (view.client.id, view.version, key)
        if known in self._told:
            return
        if len(self._told) >= MAX_REMEMBERED:
            self._told.clear()
        self._told.add(known)
        step = self._outbox.event(view.client.id, event, {"metric": metric, "period": period, **more}, key)
        # Nobody who asks something waits for it.
        task = asyncio.create_task(self._write(known, step, *beside))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _write(self, known: tuple[str, int, str], *steps: Step) -> None:
        try:
            await self._database.transact(*steps)
        except (DatabaseUnavailable, OSError):
            log.warning("limit not told", client_id=known[0], event_key=known[2], exc_info=True)
            self._told.discard(known)  # the next message tells it
