"""Operators who follow the list of conversations: one look a second for all of them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from csai_sdk import Clock

from csai.conversations.list_repository import ConversationFilter, ConversationList, ListedConversation
from csai.conversations.list_view import item_of
from csai.database import Database
from csai.kit.problem import Problem
from csai.kit.waiting import end

log = structlog.get_logger(__name__)

POLL_S = 1.0
BEAT_S = 15.0
LONGEST_S = 300.0
"""Then the connection ends: whoever may not look any more comes back in vain."""
BACK = timedelta(seconds=10)
"""A look goes back by so much: a transaction is seen later than the time it wrote."""
MOST = 100
MOST_ROWS = 500
MOST_UNREAD = 500


@dataclass(eq=False, slots=True)
class _Follower:
    clients: Collection[str] | None
    news: deque[bytes] = field(default_factory=lambda: deque(maxlen=MOST_UNREAD))
    has_news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, row: ListedConversation, event: bytes) -> None:
        if self.clients is None or row.client_id in self.clients:
            self.news.append(event)
            self.has_news.set()


class ListFeed:
    """Tells which conversations have begun and changed."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._followers: set[_Follower] = set()
        self._seen: dict[str, ListedConversation] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False

    def open(self, clients: Collection[str] | None) -> AsyncIterator[bytes]:
        """Server-sent events from now on, of these clients; None: of all. Raises 503."""
        if self._is_over or len(self._followers) >= MOST:
            raise Problem(
                503,
                "too_many_connections",
                "Too many follow the list at the moment. Read it from time to time.",
                headers={"Retry-After": "30"},
            )
        return self._follow(_Follower(clients))

    def end(self) -> None:
        """Let all go, to come back to another process."""
        self._is_over = True
        for follower in self._followers:
            follower.has_news.set()

    async def aclose(self) -> None:
        self.end()
        if self._watcher is not None:
            await end((self._watcher,))

    async def _follow(self, follower: _Follower) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_S
        self._followers.add(follower)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            yield b": following\n\n"
            while not self._is_over and loop.time() < until:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await follower.has_news.wait()
                follower.has_news.clear()
                events = b"".join(follower.news)
                follower.news.clear()
                yield events or b": still here\n\n"
        finally:
            self._followers.discard(follower)

    async def _watch(self) -> None:
        self._seen = {}
        is_first = True
        while self._followers and not self._is_over:
            try:
                rows = await self._look()
            except Exception:
                log.exception("list that is followed not looked at")
            else:
                # What there was before anybody followed is in the list that they read.
                self._tell(rows, is_first=is_first)
                is_first = False
            await asyncio.sleep(POLL_S)

    async def _look(self) -> Sequence[ListedConversation]:
        async with self._database.read() as connection:
            listed = ConversationList(connection, ConversationFilter())
            return await listed.changed(self._clock.now() - BACK, count=MOST_ROWS)

    def _tell(self, rows: Sequence[ListedConversation], *, is_first: bool) -> None:
        for row in reversed(rows):
            if self._seen.get(row.id) != row and not is_first:
                event = _event(row)
                for follower in self._followers:
                    follower.tell(row, event)
        self._seen = {row.id: row for row in rows}


def _event(row: ListedConversation) -> bytes:
    told = {name: value for name, value in item_of(row, None).items() if name != "last_message"}
    body = json.dumps(told, ensure_ascii=False, default=str, separators=(",", ":"))
    return f"event: conversation.changed\ndata: {body}\n\n".encode("utf-8", "replace")
