"""Operators who follow the list of conversations, or one of them: one look a second for all who do."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
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
PER_ADMIN = 20
MOST_ROWS = 500
MOST_UNREAD = 500

_Key = tuple[str | None, str]
"""Which conversation, after the one that those follow who are told of it: None for those of the list."""


@dataclass(eq=False, slots=True)
class _Follower:
    admin_id: str
    clients: Collection[str] | None
    conversation_id: str | None
    news: deque[bytes] = field(default_factory=lambda: deque(maxlen=MOST_UNREAD))
    has_news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, row: ListedConversation, event: bytes) -> None:
        if self.clients is None or row.client_id in self.clients:
            self.news.append(event)
            self.has_news.set()


class ListFeed:
    """Tells which conversations have begun and changed."""

    def __init__(self, *, database: Database, clock: Clock, most: int) -> None:
        """No more than `most` follow at once, of one admin a few."""
        self._database = database
        self._clock = clock
        self._most = most
        self._followers: set[_Follower] = set()
        self._seen: Mapping[_Key, ListedConversation] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False

    def open(
        self, clients: Collection[str] | None, *, admin_id: str, conversation_id: str | None = None
    ) -> AsyncIterator[bytes]:
        """Server-sent events from now on, of these clients; None: of all. Or of one conversation of theirs.

        Raises 503 and 429 where too many follow already.
        """
        if sum(each.admin_id == admin_id for each in self._followers) >= PER_ADMIN:
            raise Problem(
                429,
                "too_many_connections",
                f"You follow conversations in {PER_ADMIN} places already. Close other tabs.",
                headers={"Retry-After": "30"},
            )
        if self._is_over or len(self._followers) >= self._most:
            raise Problem(
                503,
                "too_many_connections",
                "Too many follow the list at the moment. Read it from time to time.",
                headers={"Retry-After": "30"},
            )
        return self._follow(_Follower(admin_id, clients, conversation_id))

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
        # At first all that changed lately is told: it may have changed after they had read it.
        self._seen = {}
        while self._followers and not self._is_over:
            try:
                self._tell(await self._look())
            except Exception:
                log.exception("conversations that operators follow not looked at")
            await asyncio.sleep(POLL_S)

    async def _look(self) -> Mapping[_Key, ListedConversation]:
        followed = {each.conversation_id for each in self._followers if each.conversation_id is not None}
        async with self._database.read() as connection:
            listed = ConversationList(connection, ConversationFilter())
            rows = await listed.changed(self._clock.now() - BACK, count=MOST_ROWS)
            ones = await listed.named(followed) if followed else []
        return {(None, row.id): row for row in reversed(rows)} | {(row.id, row.id): row for row in ones}

    def _tell(self, rows: Mapping[_Key, ListedConversation]) -> None:
        for key, row in rows.items():
            if self._seen.get(key) != row:
                event = _event(row)
                for follower in self._followers:
                    if follower.conversation_id == key[0]:
                        follower.tell(row, event)
        self._seen = rows


def _event(row: ListedConversation) -> bytes:
    told = {name: value for name, value in item_of(row, None).items() if name != "last_message"}
    body = json.dumps(told, ensure_ascii=False, default=str, separators=(",", ":"))
    return f"event: conversation.changed\ndata: {body}\n\n".encode("utf-8", "replace")
