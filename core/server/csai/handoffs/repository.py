"""Who answers in one client's conversations, and what teammates say there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from csai.conversations.repository import MESSAGE_COLUMNS, MessageRow
from csai.handoffs.news import Mark, Snapshot
from csai.models import Conversation, Message, Turn

STILL_WAITING = timedelta(hours=24)
"""Who has waited for longer is not counted before others: nobody waits so long, most have gone."""

_STATE = (
    *(Conversation.id, Conversation.state, Conversation.state_since, Conversation.teammate),
    *(Conversation.ended_at, Conversation.fence, Conversation.contact_email),
)


@dataclass(frozen=True, slots=True)
class StateOf:
    """Who answers in a conversation. `teammate` is a label for the one who took it over."""

    conversation_id: str
    answered_by: str
    since: datetime | None
    teammate: str | None
    ended_at: datetime | None
    fence: int
    email: str | None = None
    """Where the visitor wants to be answered when nobody is there."""

    @property
    def state(self) -> str:
        """`ai`, `queued`, `teammate` or `closed`."""
        return "closed" if self.ended_at is not None else self.answered_by


def mark_of(found: StateOf, *, seq: int) -> Mark:
    """The mark of what a visitor knows who was told this, and messages up to number `seq`."""
    since = found.ended_at or found.since
    snapshot = Snapshot("", found.conversation_id, found.state, since, found.teammate, seq)
    return Mark.of(snapshot, seq=seq)


class HandoffRepository:
    """One client's conversations, as to who answers in them."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def get(self, conversation_id: str) -> StateOf:
        statement = select(*_STATE).where(*self._own(conversation_id))
        return StateOf(*(await self._connection.execute(statement)).one())

    async def lock(self, conversation_id: str) -> None:
        """Let no other transaction change who answers, or say anything, until this one has ended."""
        statement = select(Conversation.id).where(*self._own(conversation_id))
        await self._connection.execute(statement.with_for_update(key_share=True))

    async def change(
        self,
        conversation_id: str,
        state: str,
        *,
        teammate: str | None,
        only_from: Collection[str] | None,
        now: datetime,
    ) -> StateOf | None:
        """Hand the conversation over; None where it has ended, or is that way already.

        With `only_from` also where it is in none of these states. Raises its fence, so that what the AI is
        still about to say is refused, and asks its turn to stop.
        """
        return await self._pass_on(
            conversation_id,
            Conversation.state.in_(only_from)
            if only_from is not None
            else or_(Conversation.state != state, Conversation.teammate.is_distinct_from(teammate)),
            {"state": state, "state_since": now, "teammate": teammate},
        )

    async def close(self, conversation_id: str, *, now: datetime) -> StateOf | None:
        """End the conversation, for the AI as well; None where it has ended."""
        return await self._pass_on(conversation_id, true(), {"ended_at": now})

    async def _pass_on(
        self, conversation_id: str, condition: ColumnElement[bool], values: Mapping[str, Any]
    ) -> StateOf | None:
        changed = (
            update(Conversation)
            .where(*self._own(conversation_id), Conversation.ended_at.is_(None), condition)
            .values(fence=Conversation.fence + 1, **values)
            .returning(*_STATE, Conversation.lease_turn_id)
        )
        row = (await self._connection.execute(changed)).one_or_none()
        if row is None:
            return None
        if row.lease_turn_id is not None:
            await self._connection.execute(
                update(Turn)
                .where(
                    Turn.client_id == self._client_id, Turn.id == row.lease_turn_id, Turn.status == "running"
                )
                .values(is_stop_requested=True)
            )
        *state, _lease_turn_id = row
        return StateOf(*state)

    async def set_email(self, conversation_id: str, email: str) -> bool:
        """Whether it is another than before, in a conversation that has not ended."""
        changed = (
            update(Conversation)
            .where(
                *self._own(conversation_id),
                Conversation.ended_at.is_(None),
                Conversation.contact_email.is_distinct_from(email),
            )
            .values(contact_email=email)
        )
        return (await self._connection.execute(changed)).rowcount == 1

    async def say(
        self, conversation_id: str, message_id: str, content: str, *, now: datetime
    ) -> MessageRow | None:
        """Store what a teammate says; None where the conversation is not a teammate's."""
        numbered = (
            update(Conversation)
            .where(
                *self._own(conversation_id),
                Conversation.ended_at.is_(None),
                Conversation.state == "teammate",
            )
            .values(
                next_seq=Conversation.next_seq + 1,
                message_count=Conversation.message_count + 1,
                last_message_at=now,
            )
            .returning(Conversation.next_seq - 1)
        )
        seq = (await self._connection.execute(numbered)).scalar_one_or_none()
        if seq is None:
            return None
        row = MessageRow(message_id, seq, "assistant", "teammate", content, now)
        await self._connection.execute(
            insert(Message).values(
                id=row.id,
                client_id=self._client_id,
                conversation_id=conversation_id,
                turn_id=None,
                seq=row.seq,
                role=row.role,
                author=row.author,
                content=row.content,
                parts=None,
                tokens_used=0,
                timestamp=row.timestamp,
            )
        )
        return row

    async def said_between(
        self, conversation_id: str, after: int, up_to: int, *, count: int
    ) -> list[MessageRow]:
        """What teammates said, numbered above `after` and up to `up_to`, oldest first."""
        statement = (
            select(*MESSAGE_COLUMNS)
            .where(
                Message.client_id == self._client_id,
                Message.conversation_id == conversation_id,
                Message.seq > after,
                Message.seq <= up_to,
                Message.author == "teammate",
            )
            .order_by(Message.seq)
            .limit(count)
        )
        return [MessageRow(*row) for row in await self._connection.execute(statement)]

    async def said(self, conversation_id: str, message_id: str) -> MessageRow | None:
        """A teammate's message that was stored before."""
        statement = select(*MESSAGE_COLUMNS).where(
            Message.client_id == self._client_id,
            Message.conversation_id == conversation_id,
            Message.id == message_id,
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return MessageRow(*row) if row is not None else None

    def _own(self, conversation_id: str) -> tuple[ColumnElement[bool], ...]:
        return Conversation.client_id == self._client_id, Conversation.id == conversation_id


async def snapshots(
    connection: AsyncConnection, conversation_ids: Sequence[str], *, now: datetime
) -> list[Snapshot]:
    """For visitors who have shown that they may see them: these conversations of any client."""
    statement = select(
        *(Conversation.client_id, Conversation.id, Conversation.state, Conversation.state_since),
        *(Conversation.teammate, Conversation.ended_at, Conversation.next_seq),
    ).where(Conversation.id.in_(conversation_ids))
    rows = (await connection.execute(statement)).all()
    waiting = [row.id for row in rows if row.state == "queued" and row.ended_at is None]
    positions = await _positions(connection, waiting, now=now) if waiting else {}
    return [
        Snapshot(
            row.client_id,
            row.id,
            "closed" if row.ended_at is not None else row.state,
            row.ended_at or row.state_since,
            row.teammate if row.ended_at is None else None,
            row.next_seq - 1,
            positions.get(row.id, 0),
        )
        for row in rows
    ]


async def _positions(
    connection: AsyncConnection, conversation_ids: Sequence[str], *, now: datetime
) -> dict[str, int]:
    """The place of each in the queue of its client, from 1."""
    own, ahead = aliased(Conversation), aliased(Conversation)
    statement = (
        select(own.id, func.count(ahead.id))
        .join(
            ahead,
            and_(
                ahead.client_id == own.client_id,
                ahead.state == "queued",
                ahead.ended_at.is_(None),
                or_(
                    ahead.state_since < own.state_since,
                    and_(ahead.state_since == own.state_since, ahead.id <= own.id),
                ),
                or_(ahead.id == own.id, ahead.state_since >= now - STILL_WAITING),
            ),
        )
        .where(own.id.in_(conversation_ids))
        .group_by(own.id)
    )
    return {row[0]: row[1] for row in await connection.execute(statement)}
