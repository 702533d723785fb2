"""Operators who follow the list of conversations, or one of them: one look a second for all who do."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from csai_sdk import Clock

from csai.conversations.list_repository import ConversationFilter, ConversationList, ListedConversation
from csai.conversations.list_view import item_of
from csai.database import Database
from csai.kit.feed import Feed, Follower, crowded

LONGEST_S = 300.0
"""Then the connection ends: whoever may not look any more comes back in vain."""
BACK = timedelta(seconds=10)
"""A look goes back by so much: a transaction is seen later than the time it wrote."""
PER_ADMIN = 20
MOST_ROWS = 500
MOST_UNREAD = 500

THE_LIST = ""
"""What those follow who follow no conversation of their own."""

_Key = tuple[str, str]
"""Which conversation, after what those follow who are told of it."""


@dataclass(eq=False, slots=True)
class _Operator(Follower):
    admin_id: str
    clients: Collection[str] | None
    unread: deque[bytes] = field(default_factory=lambda: deque(maxlen=MOST_UNREAD))

    def tell(self, row: ListedConversation, event: bytes) -> None:
        if self.clients is None or row.client_id in self.clients:
            self.unread.append(event)
            self.has_news.set()


class ListFeed:
    """Tells which conversations have begun and changed."""

    def __init__(self, *, database: Database, clock: Clock, most: int) -> None:
        """No more than `most` follow at once, of one admin a few."""
        self._database = database
        self._clock = clock
        self._feed: Feed[_Operator] = Feed(most=most, look=self._look, forget=self._forget)
        self._seen: Mapping[_Key, ListedConversation] = {}

    def open(
        self, clients: Collection[str] | None, *, admin_id: str, conversation_id: str | None = None
    ) -> AsyncIterator[bytes]:
        """Server-sent events from now on, of these clients; None: of all. Or of one conversation of theirs.

        Raises 503 and 429 where too many follow already.
        """
        if sum(each.admin_id == admin_id for each in self._feed) >= PER_ADMIN:
            raise crowded(429, f"You follow conversations in {PER_ADMIN} places already. Close other tabs.")
        if not self._feed.has_room:
            raise crowded(503, "Too many follow the list at the moment. Read it from time to time.")
        operator = _Operator(conversation_id or THE_LIST, admin_id, clients)
        return self._feed.follow(operator, _events(operator), longest_s=LONGEST_S)

    def end(self) -> None:
        """Let all go, to come back to another process."""
        self._feed.end()

    async def aclose(self) -> None:
        await self._feed.aclose()

    async def _look(self) -> None:
        followed = self._feed.followers.keys() - {THE_LIST}
        async with self._database.read() as connection:
            listed = ConversationList(connection, ConversationFilter())
            rows = await listed.changed(self._clock.now() - BACK, count=MOST_ROWS)
            ones = await listed.named(followed) if followed else []
        found = {(THE_LIST, row.id): row for row in reversed(rows)} | {(row.id, row.id): row for row in ones}
        self._tell({key: row for key, row in found.items() if key[0] in self._feed.followers})

    def _tell(self, rows: Mapping[_Key, ListedConversation]) -> None:
        for key, row in rows.items():
            if self._seen.get(key) != row:
                event = _event(row)
                for operator in self._feed.followers[key[0]]:
                    operator.tell(row, event)
        self._seen = rows

    def _forget(self, subject: str) -> None:
        # Who follows it next is told all that changed lately: it may have changed after they had read it.
        self._seen = {key: row for key, row in self._seen.items() if key[0] != subject}


async def _events(operator: _Operator) -> AsyncGenerator[bytes | None, None]:
    while True:
        events = b"".join(operator.unread)
        operator.unread.clear()
        yield events or None


def _event(row: ListedConversation) -> bytes:
    told = {name: value for name, value in item_of(row, None).items() if name != "last_message"}
    body = json.dumps(told, ensure_ascii=False, default=str, separators=(",", ":"))
    return f"event: conversation.changed\ndata: {body}\n\n".encode("utf-8", "replace")
