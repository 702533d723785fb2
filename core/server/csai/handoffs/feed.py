"""Visitors who follow their conversation: one look a second for all of them, or at once when woken."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace

from csai_sdk import Clock

from csai.conversations.repository import MessageRow
from csai.database import Database
from csai.handoffs.follow_up import FollowUps
from csai.handoffs.news import Mark, Snapshot, told
from csai.handoffs.repository import HandoffRepository, snapshots
from csai.kit.feed import Feed, Follower, crowded
from csai.kit.wake import Wake

LONGEST_S = 900.0
"""Then the connection ends and the widget comes back with the last mark, maybe to another process."""
PER_CONVERSATION = 8
PAGE = 100


@dataclass(eq=False, slots=True)
class _Visitor(Follower):
    """Of a conversation; or the client's own server in the visitor's place."""

    client_id: str


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
        self._feed: Feed[_Visitor] = Feed(most=most, look=self._look, forget=self._forget)
        self._snapshots: dict[str, Snapshot] = {}
        self.wake = Wake(redis_url=redis_url, timeout_s=redis_timeout_s, heard=self._hear)

    @property
    def count(self) -> int:
        """How many follow now."""
        return self._feed.count

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
        self.wake.listen()
        events = self._events(found, mark, is_visitor=is_visitor)
        return self._feed.follow(_Visitor(conversation_id, client_id), events, longest_s=LONGEST_S)

    def end(self) -> None:
        """Let all go, to come back to another process."""
        self._feed.end()

    async def aclose(self) -> None:
        await self._feed.aclose()
        await self.wake.aclose()

    async def _events(
        self, found: Snapshot, mark: Mark | None, *, is_visitor: bool
    ) -> AsyncGenerator[bytes | None, None]:
        while True:
            mark, events, said_seq = await self._news(found, mark)
            if events:
                yield events
            if said_seq and is_visitor:
                await self._follow_ups.read(found.client_id, found.conversation_id, said_seq)
            if found.is_closed:
                return
            yield None
            found = self._snapshots.get(found.conversation_id, found)

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

    def _forget(self, conversation_id: str) -> None:
        self._snapshots.pop(conversation_id, None)

    def _hear(self, conversation_id: str) -> None:
        if conversation_id in self._feed.followers:
            self._feed.look_now()

    async def _look(self) -> None:
        async with self._database.read() as connection:
            found = await snapshots(connection, list(self._feed.followers), now=self._clock.now())
        for snapshot in found:
            conversation_id = snapshot.conversation_id
            is_followed = conversation_id in self._feed.followers  # and not left meanwhile
            if is_followed and self._snapshots.get(conversation_id) != snapshot:
                self._snapshots[conversation_id] = snapshot
                self._feed.tell(conversation_id)

    async def _look_at(self, client_id: str, conversation_id: str) -> Snapshot:
        async with self._database.read() as connection:
            (found,) = await snapshots(connection, [conversation_id], now=self._clock.now())
        return found

    def _check_room(self, client_id: str, conversation_id: str) -> None:
        if len(self._feed.followers.get(conversation_id, ())) >= PER_CONVERSATION:
            raise crowded(
                429, f"This conversation is followed {PER_CONVERSATION} times already. Close other tabs."
            )
        of_client = sum(each.client_id == client_id for each in self._feed)
        if not self._feed.has_room or of_client * 2 >= self._most:
            raise crowded(
                503, "Too many follow their conversations at the moment. Read the history from time to time."
            )
