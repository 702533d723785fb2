"""One client's conversations, read back and ended, and its visitors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.models import Conversation, Message, Visitor
from csai.statement import upsert


@dataclass(frozen=True, slots=True)
class MessageRow:
    id: str
    seq: int
    role: str
    author: str
    content: str
    timestamp: datetime


MESSAGE_COLUMNS = (Message.id, Message.seq, Message.role, Message.author, Message.content, Message.timestamp)
"""Of a `MessageRow`, in its order."""


class ConversationRepository:
    """One client's conversations."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def find(self, session_id: str) -> str | None:
        """The conversation's id."""
        statement = select(Conversation.id).where(
            Conversation.client_id == self._client_id, Conversation.session_id == session_id
        )
        found: str | None = (await self._connection.execute(statement)).scalar()
        return found

    async def find_test(self, session_id: str) -> str | None:
        """The id of a conversation that an admin began, to test; None also for a visitor's."""
        statement = select(Conversation.id).where(
            Conversation.client_id == self._client_id,
            Conversation.session_id == session_id,
            Conversation.is_test,
        )
        return (await self._connection.execute(statement)).scalar()

    async def messages(self, conversation_id: str, *, after: int, count: int) -> list[MessageRow]:
        """Messages numbered above `after`, oldest first."""
        statement = (
            select(*MESSAGE_COLUMNS)
            .where(
                Message.client_id == self._client_id,
                Message.conversation_id == conversation_id,
                Message.seq > after,
            )
            .order_by(Message.seq)
            .limit(count)
        )
        return [MessageRow(*row) for row in await self._connection.execute(statement)]

    async def end(self, conversation_id: str, *, now: datetime) -> bool:
        """End it; ending again changes nothing, and is False."""
        own = (
            update(Conversation)
            .where(
                Conversation.client_id == self._client_id,
                Conversation.id == conversation_id,
                Conversation.ended_at.is_(None),
            )
            .values(ended_at=now)
        )
        return (await self._connection.execute(own)).rowcount == 1


class VisitorRepository:
    """One client's verified visitors."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def ensure(self, external_id: str, *, now: datetime) -> str:
        """The visitor's id, made at first sight."""
        find = select(Visitor.id).where(
            Visitor.client_id == self._client_id, Visitor.external_id == external_id
        )
        found: str | None = (await self._connection.execute(find)).scalar()
        if found is not None:
            return found
        statement = upsert(self._connection, Visitor).values(
            id=new_id(), client_id=self._client_id, external_id=external_id, created_at=now
        )
        await self._connection.execute(statement.on_conflict_do_nothing())
        return str((await self._connection.execute(find)).scalar_one())
