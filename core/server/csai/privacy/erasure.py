"""Forgetting a visitor, or one conversation, on request: at once, and again until it is done.

What is counted or billed stays, without a word of anybody's: rows are emptied as retention empties them, and
retention removes them in its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog
from csai_sdk import Clock
from csai_sdk.event import EraseVisitor

from csai.chat.context_cache import context_key
from csai.chat.live import LiveTurns
from csai.database import Database
from csai.kit.cache import Cache
from csai.kit.identifier import new_id
from csai.plugins.view import ClientViews
from csai.privacy.erasure_repository import ErasureRepository, Subject, open_erasures

log = structlog.get_logger(__name__)

TRY_AGAIN = timedelta(seconds=30)
WATCH_S = 10.0

Status = Literal["erased", "pending"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a wish. `failing` are the plugins that have not erased yet."""

    id: str
    status: Status
    conversations: int
    failing: Sequence[str]


class Erasures:
    """Erases, and keeps at what could not be erased yet: a turn that runs, a plugin that fails."""

    def __init__(
        self, *, database: Database, clock: Clock, live: LiveTurns, views: ClientViews, cache: Cache
    ) -> None:
        self._database = database
        self._clock = clock
        self._live = live
        self._views = views
        self._cache = cache

    async def erase(self, client_id: str, subject: Subject) -> Outcome:
        """Write the wish down, and fulfil what can be at once. Repeating it does no harm."""
        now = self._clock.now()
        erasure_id = new_id()
        async with self._database.write() as transaction:
            await ErasureRepository(transaction, client_id).begin(erasure_id, subject, now=now)
        return await self._go_on(client_id, erasure_id, subject)

    async def watch(self) -> None:
        """Go on with what is open, now and ever after."""
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("open erasures not looked after")
            await asyncio.sleep(WATCH_S)

    async def sweep(self) -> int:
        """Try again what was tried some time ago; how many are still open."""
        now = self._clock.now()
        async with self._database.read() as connection:
            found = await open_erasures(connection, before=now - TRY_AGAIN)
        still_open = 0
        for client_id, erasure_id, subject in found:
            outcome = await self._go_on(client_id, erasure_id, subject)
            still_open += outcome.status == "pending"
        return still_open

    async def _go_on(self, client_id: str, erasure_id: str, subject: Subject) -> Outcome:
        now = self._clock.now()
        async with self._database.write() as transaction:
            repository = ErasureRepository(transaction, client_id)
            taken = await repository.close(subject, now=now)
            await repository.empty([each.id for each in taken])
            await repository.empty_events([each.session_id for each in taken])
            await repository.empty_channels(subject, [each.session_id for each in taken])
        for each in taken:
            await self._live.stop(client_id, each.session_id)
            await self._cache.forget(context_key(client_id, each.session_id))
        failing = await self._tell(client_id, subject)
        # A turn that still runs has its outcome to store, with arguments of tools: it is emptied after it.
        is_done = not failing and not any(each.is_leased for each in taken)
        async with self._database.write() as transaction:
            repository = ErasureRepository(transaction, client_id)
            if is_done:
                await repository.forget(subject)
            await repository.note(erasure_id, failing, now=now, is_done=is_done)
        if failing:
            log.error("plugins have not erased a visitor yet", client_id=client_id, plugins=failing)
        return Outcome(erasure_id, "erased" if is_done else "pending", len(taken), failing)

    async def _tell(self, client_id: str, subject: Subject) -> list[str]:
        """Have the client's plugins erase what they keep; those that failed."""
        if subject.external_id is None:
            return []
        view = await self._views.get(client_id, 0)
        self._views.hold(view)
        try:
            return await view.hooks.insist("erase_visitor", EraseVisitor(client_id, subject.external_id))
        finally:
            await self._views.release(view)
