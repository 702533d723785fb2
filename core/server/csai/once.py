"""Writing, in the background, what has to be written once."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import structlog

from csai.database import Database, DatabaseUnavailable
from csai.kit.waiting import end
from csai.statement import Step

log = structlog.get_logger(__name__)

MAX_REMEMBERED = 10_000
CLOSE_S = 5.0


class OnceWriter:
    """Remembers what this process need not write again; other processes are for the statements to bear."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: set[Hashable] = set()
        self._writing: set[asyncio.Task[None]] = set()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._written

    def write(self, key: Hashable, *steps: Step) -> None:
        """Begin to write it in one transaction, unless this was done before; nobody waits for it."""
        if key in self._written:
            return
        if len(self._written) >= MAX_REMEMBERED:
            self._written.clear()
        self._written.add(key)
        task = asyncio.create_task(self._write(key, steps))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def aclose(self) -> None:
        """Wait for what is being written, no longer than it may take."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=CLOSE_S)
        await end(self._writing)

    async def _write(self, key: Hashable, steps: tuple[Step, ...]) -> None:
        try:
            await self._database.transact(*steps)
        except (DatabaseUnavailable, OSError):
            log.warning("not written, and tried again the next time", key=key, exc_info=True)
            self._written.discard(key)
