"""Telling of a plan's limits: the client's plugins at once, its own systems and admins once a period."""

from __future__ import annotations

from collections.abc import Mapping

from csai_sdk import Clock
from csai_sdk.event import LimitReached

from csai.analytics import incident
from csai.once import OnceWriter
from csai.outbox.event import EventName, Outbox
from csai.plugins.view import ClientView
from csai.statement import Rows, Step
from csai.usage import counter

NEAR = 0.8


class LimitNews:
    """Tells when a limit is near and when it is reached."""

    def __init__(self, *, once: OnceWriter, outbox: Outbox, clock: Clock) -> None:
        self._once = once
        self._outbox = outbox
        self._clock = clock

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
        # Whatever changes a client's webhook changes its version.
        known = (view.client.id, view.version, key)
        if known not in self._once:
            step = self._outbox.event(
                view.client.id, event, {"metric": metric, "period": period, **more}, key
            )
            self._once.write(known, step, *beside)
