"""Visitors who follow their conversation: one look a second for all of them, or at once when woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog
from csai_sdk import Clock

from csai.conversations.repository import MessageRow
from csai.database import Database
from csai.handoffs.follow_up import FollowUps
from csai.handoffs.news import Mark, Snapshot, told
from csai.handoffs.repository import HandoffRepository, snapshots
from csai.kit.problem import Problem
from csai.kit.waiting import end
from csai.kit.wake import Wake

log = structlog.get_logger(__name__)

POLL_S = 1.0
BEAT_S = 15.0
LONGEST_S = 900.0
"""Then the connection ends and the widget comes back with the last mark, maybe to another process."""
PER_CONVERSATION = 8
PAGE = 100


@dataclass(eq=False, slots=True)
class _Follower:
    client_id: str
    conversation_id: str
    is_visitor: bool
    has_news: asyncio.Event = field(default_factory=asyncio.Event)


class ConversationFeed:
    """Tells visitors what happens in their conversations beside turns."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        follow_ups: FollowUps,
        redis_url: str,
        redis_timeout_s: float,
        most: int,
    ) -> None:
        """No more than `most` follow at once, of one client half of that."""
        self._database = database
        self._clock = clock
        self._follow_ups = follow_ups
        self._most = most
        self._followers: dict[str, set[_Follower]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._is_woken = asyncio.Event()
        self._is_over = False
        self.wake = Wake(redis_url=redis_url, timeout_s=redis_timeout_s, heard=self._hear)

    @property
    def count(self) -> int:
        """How many follow now."""
        return sum(map(len, self._followers.values()))

    async def open(
        self,
        client_id: str,
        conversation_id: str,
        mark: Mark | None,
        *,
        is_patient: bool,
        is_visitor: bool,
    ) -> AsyncIterator[bytes] | None:
        """Server-sent events from now on, or after the mark; None where there is nothing to wait for.

        With `is_patient` also while the AI answers. What is told to who `is_visitor` counts as read. Raises
        503 and 429 where too many follow already.
        """
        found = await self._look_at(client_id, conversation_id)
        if found.is_closed and mark is not None and mark.state == "closed":
            return None
        if not is_patient and mark is None and found.state in {"ai", "closed"}:
            return None
        self._check_room(client_id, conversation_id)
        return self._follow(_Follower(client_id, conversation_id, is_visitor), found, mark)

    def end(self) -> None:
        """Let all go, to come back to another process."""
        self._is_over = True
        for conversation_id in self._followers:
            self._tell(conversation_id)

    async def aclose(self) -> None:
        self.end()
        if self._watcher is not None:
            await end((self._watcher,))
        await self.wake.aclose()

    async def _follow(self, follower: _Follower, found: Snapshot, mark: Mark | None) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_S
        self._enter(follower)
        try:
            # So that whoever opened it knows that it is open.
            yield b": following\n\n"
            while True:
                mark, events, said_seq = await self._news(found, mark)
                if events:
                    yield events
                if said_seq and follower.is_visitor:
                    await self._follow_ups.read(found.client_id, found.conversation_id, said_seq)
                if found.is_closed or self._is_over or loop.time() >= until:
                    return
                if not await _is_set(follower.has_news, BEAT_S):
                    yield b": still here\n\n"
                follower.has_news.clear()
                found = self._snapshots.get(follower.conversation_id, found)
        finally:
            self._leave(follower)

    async def _news(self, found: Snapshot, mark: Mark | None) -> tuple[Mark | None, bytes, int]:
        """What is to be told, the mark of it, and the number of a teammate's last message in it, or 0."""
        events: list[bytes] = []
        said_seq = 0
        while True:
            said: list[MessageRow] = []
            if mark is not None and found.last_seq > mark.seq:
                async with self._database.read() as connection:
                    said = await HandoffRepository(connection, found.client_id).said_between(
                        found.conversation_id, mark.seq, found.last_seq, count=PAGE
                    )
                said_seq = said[-1].seq if said else said_seq
            for after, event in told(mark, found, said):
                mark = after
                events.append(event)
            if len(said) < PAGE:
                # What others said meanwhile need not be looked through again.
                seq = max(mark.seq, found.last_seq) if mark is not None else found.last_seq
                return mark and replace(mark, seq=seq), b"".join(events), said_seq

    # -- looking -----------------------------------------------------------------------------------------

    def _enter(self, follower: _Follower) -> None:
        self._followers.setdefault(follower.conversation_id, set()).add(follower)
        self.wake.listen()
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        # What happened since it was looked at is seen at once.
        self._is_woken.set()

    def _leave(self, follower: _Follower) -> None:
        others = self._followers[follower.conversation_id]
        others.discard(follower)
        if not others:
            del self._followers[follower.conversation_id]
            self._snapshots.pop(follower.conversation_id, None)

    def _tell(self, conversation_id: str) -> None:
        for follower in self._followers.get(conversation_id, ()):
            follower.has_news.set()

    def _hear(self, conversation_id: str) -> None:
        if conversation_id in self._followers:
            self._is_woken.set()

    async def _watch(self) -> None:
        while self._followers:
            self._is_woken.clear()
            try:
                await self._look()
            except Exception:
                log.exception("conversations that are followed not looked at")
            await _is_set(self._is_woken, POLL_S)

    async def _look(self) -> None:
        async with self._database.read() as connection:
            found = await snapshots(connection, list(self._followers), now=self._clock.now())
        for snapshot in found:
            if self._snapshots.get(snapshot.conversation_id) != snapshot:
                self._snapshots[snapshot.conversation_id] = snapshot
                self._tell(snapshot.conversation_id)

    async def _look_at(self, client_id: str, conversation_id: str) -> Snapshot:
        async with self._database.read() as connection:
            (found,) = await snapshots(connection, [conversation_id], now=self._clock.now())
        return found

    def _check_room(self, client_id: str, conversation_id: str) -> None:
        if len(self._followers.get(conversation_id, ())) >= PER_CONVERSATION:
            raise Problem(
                429,
                "too_many_connections",
                f"This conversation is followed {PER_CONVERSATION} times already. Close other tabs.",
                headers={"Retry-After": "30"},
            )
        of_client = sum(each.client_id == client_id for all_ in self._followers.values() for each in all_)
        if self._is_over or self.count >= self._most or of_client * 2 >= self._most:
            raise Problem(
                503,
                "too_many_connections",
                "Too many follow their conversations at the moment. Read the history from time to time.",
                headers={"Retry-After": "30"},
            )


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Whether it was set in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()
