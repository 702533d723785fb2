"""The turns this process runs, and those it remembers: to follow, to resume, to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from csai_sdk import Clock

from csai.chat.repository import TurnRepository, stop_requests
from csai.chat.running import RunningTurn
from csai.chat.stream import TurnStream
from csai.config import Settings
from csai.database import Database
from csai.kit.waiting import end

log = structlog.get_logger(__name__)

WATCH_S = 1.0
REMEMBERED_TURNS = 1_000
SHUTDOWN_S = 10.0


class LiveTurns:
    """Keeps leases, hears stop requests that other processes wrote down, and remembers what was said."""

    def __init__(self, *, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._running: dict[str, RunningTurn] = {}
        self._by_session: dict[tuple[str, str], RunningTurn] = {}
        self.streams: dict[str, TurnStream] = {}
        self._supervisors: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False

    def add(self, turn: RunningTurn, supervisor: asyncio.Task[None]) -> None:
        self._running[turn.id] = turn
        self._by_session[turn.client_id, turn.session_id] = turn
        self._remember(turn.stream)
        self._supervisors.add(supervisor)
        supervisor.add_done_callback(self._supervisors.discard)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())

    def remove(self, turn: RunningTurn) -> None:
        self._running.pop(turn.id, None)
        self._by_session.pop((turn.client_id, turn.session_id), None)

    def of_session(self, client_id: str, session_id: str) -> TurnStream | None:
        """The stream of the turn that runs here in the session."""
        turn = self._by_session.get((client_id, session_id))
        return turn.stream if turn is not None else None

    async def stop(self, client_id: str, session_id: str) -> TurnStream | None:
        """Stop the session's turn if it runs here, else ask whoever runs it; its stream, if here."""
        turn = self._by_session.get((client_id, session_id))
        if turn is None:
            await self._database.transact(TurnRepository(client_id).request_stop(session_id))
            return None
        self._stop(turn)
        return turn.stream

    @property
    def count(self) -> int:
        return len(self._running)

    async def ended(self) -> None:
        """Wait until no turn runs."""
        while self._supervisors:
            await asyncio.wait(self._supervisors)

    async def end(self) -> None:
        """End what runs as failed. What cannot be stored in time stays to be found abandoned."""
        await asyncio.sleep(0)  # one that was added just now gets its task
        for turn in list(self._running.values()):
            if turn.task is not None:
                turn.task.cancel()
        if self._supervisors:
            await asyncio.wait(self._supervisors, timeout=SHUTDOWN_S)
        self._is_over = True

    async def close(self) -> None:
        """Let what runs come to its end, for a while; then end it as failed."""
        if self._supervisors and not self._is_over:
            await asyncio.wait(self._supervisors, timeout=SHUTDOWN_S)
            await self.end()
        if self._watcher is not None:
            await end((self._watcher,))

    def _stop(self, turn: RunningTurn) -> None:
        turn.is_stop_requested = True
        if turn.task is not None:
            turn.task.cancel()

    def _remember(self, stream: TurnStream) -> None:
        self.streams[stream.turn_id] = stream
        while len(self.streams) > REMEMBERED_TURNS:
            oldest = next(iter(self.streams))
            if not self.streams[oldest].is_done:
                break
            del self.streams[oldest]

    async def _watch(self) -> None:
        """While turns run: one look a second for stop requests, one renewal of all leases in ten.

        With the lease goes the note of what was spent, so that little is lost when the process dies.
        """
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        await asyncio.sleep(WATCH_S)
        while self._running:
            turn_ids = list(self._running)
            try:
                await self._hear_stops(turn_ids)
                if loop.time() - renewed >= self._settings.heartbeat_s:
                    await self._renew(list(self._running.values()))
                    renewed = loop.time()
            except Exception:
                log.exception("running turns not watched")
            await asyncio.sleep(WATCH_S)

    async def _hear_stops(self, turn_ids: Sequence[str]) -> None:
        async with self._database.read() as connection:
            for turn_id in await stop_requests(connection, turn_ids):
                if turn_id in self._running:
                    self._stop(self._running[turn_id])

    async def _renew(self, turns: Sequence[RunningTurn]) -> None:
        expires = self._clock.now() + timedelta(seconds=self._settings.lease_s)
        leases = [
            TurnRepository(turn.client_id).renew(turn.conversation_id, turn_id=turn.id, expires=expires)
            for turn in turns
        ]
        notes = [TurnRepository(turn.client_id).note_attempts(turn.id, turn.note()) for turn in turns]
        results = await self._database.transact(*leases, *notes)
        for turn, kept in zip(turns, results, strict=False):
            if not kept and turn.task is not None and not turn.task.done():
                # Whatever it says or does from here on is nothing anybody will see.
                log.warning("lease lost", client_id=turn.client_id, turn_id=turn.id)
                turn.task.cancel()
