"""Who answers in one client's conversations, and what teammates say there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.conversations.repository import MessageRow
from csai.models import Conversation, Message, Turn

_STATE = (
    *(Conversation.id, Conversation.state, Conversation.state_since, Conversation.teammate),
    *(Conversation.ended_at, Conversation.fence),
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

    @property
    def state(self) -> str:
        """`ai`, `queued`, `teammate` or `closed`."""
        return "closed" if self.ended_at is not None else self.answered_by


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
        self, conversation_id: str, state: str, *, teammate: str | None, is_from_ai: bool, now: datetime
    ) -> StateOf | None:
        """Hand the conversation over; None where it has ended, or is that way already.

        With `is_from_ai` also where somebody has it. Raises its fence, so that what the AI is still about to
        say is refused, and asks its turn to stop.
        """
        return await self._pass_on(
            conversation_id,
            Conversation.state == "ai"
            if is_from_ai
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
        return StateOf(row.id, row.state, row.state_since, row.teammate, row.ended_at, row.fence)

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

    async def said(self, conversation_id: str, message_id: str) -> MessageRow | None:
        """A teammate's message that was stored before."""
        statement = select(
            Message.id, Message.seq, Message.role, Message.author, Message.content, Message.timestamp
        ).where(
            Message.client_id == self._client_id,
            Message.conversation_id == conversation_id,
            Message.id == message_id,
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return MessageRow(*row) if row is not None else None

    def _own(self, conversation_id: str) -> tuple[ColumnElement[bool], ...]:
        return Conversation.client_id == self._client_id, Conversation.id == conversation_id
