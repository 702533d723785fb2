"""One client's feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.models import Conversation, Feedback, Message
from csai.statement import upsert

Kind = Literal["answer", "conversation"]


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """`about_id` is the answer's id, or the conversation's."""

    id: str
    session_id: str
    kind: str
    about_id: str
    value: int
    comment: str
    updated_at: datetime
    author: str | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Given:
    """Feedback that was just given for the first time, or changed."""

    id: str
    revision: int


class FeedbackRepository:
    """What one client's visitors think."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def answer(self, conversation_id: str, message_id: str) -> Row[Any] | None:
        """The `turn_id` of an answer in the conversation, as a row; None where there is no such answer."""
        statement = select(Message.turn_id).where(
            *self._messages_of(conversation_id), Message.id == message_id, Message.role == "assistant"
        )
        return (await self._connection.execute(statement)).one_or_none()

    async def has_messages(self, conversation_id: str) -> bool:
        statement = select(Message.id).where(*self._messages_of(conversation_id)).limit(1)
        return (await self._connection.execute(statement)).first() is not None

    async def put(
        self,
        conversation_id: str,
        *,
        kind: Kind,
        about_id: str,
        turn_id: str | None,
        value: int,
        comment: str,
        now: datetime,
    ) -> Given | None:
        """Store it in place of what was given before; None where that was the same."""
        added = upsert(self._connection, Feedback).values(
            id=new_id(),
            client_id=self._client_id,
            conversation_id=conversation_id,
            kind=kind,
            about_id=about_id,
            turn_id=turn_id,
            value=value,
            comment=comment,
            revision=1,
            created_at=now,
            updated_at=now,
        )
        statement = added.on_conflict_do_update(
            index_elements=[Feedback.client_id, Feedback.about_id],
            set_={
                "value": value,
                "comment": comment,
                "revision": Feedback.revision + 1,
                "updated_at": now,
            },
            where=or_(Feedback.value != value, Feedback.comment != comment),
        ).returning(Feedback.id, Feedback.revision)
        row = (await self._connection.execute(statement)).one_or_none()
        return Given(*row) if row is not None else None

    async def count(self, conversation_id: str) -> None:
        """Bring what the conversation tells of its feedback up to date, for lists."""
        own = (Feedback.client_id == self._client_id, Feedback.conversation_id == conversation_id)
        down = select(func.count()).where(*own, Feedback.kind == "answer", Feedback.value < 0)
        rating = select(Feedback.value).where(*own, Feedback.kind == "conversation")
        await self._connection.execute(
            update(Conversation)
            .where(Conversation.client_id == self._client_id, Conversation.id == conversation_id)
            .values(thumbs_down_count=down.scalar_subquery(), rating=rating.scalar_subquery())
        )

    async def get(self, about_id: str) -> FeedbackRow:
        """What is stored of an answer or a conversation, of which there is some."""
        return (await self._rows(Feedback.about_id == about_id, count=1))[0]

    async def newest(
        self, *, kind: str | None, value: int | None, before_id: str | None, count: int
    ) -> list[FeedbackRow]:
        """What was given or changed last comes first; after the one with `before_id`, where that is given."""
        conditions: list[ColumnElement[bool]] = []
        if kind is not None:
            conditions.append(Feedback.kind == kind)
        if value is not None:
            conditions.append(Feedback.value == value)
        if before_id is not None:
            last = select(Feedback.updated_at, Feedback.id).where(
                Feedback.client_id == self._client_id, Feedback.id == before_id
            )
            conditions.append(tuple_(Feedback.updated_at, Feedback.id) < last.scalar_subquery())
        return await self._rows(*conditions, count=count)

    async def counts(self, *, since: datetime) -> list[tuple[str, int, int]]:
        """Kind, value, and how many there are."""
        statement = (
            select(Feedback.kind, Feedback.value, func.count())
            .where(Feedback.client_id == self._client_id, Feedback.updated_at >= since)
            .group_by(Feedback.kind, Feedback.value)
        )
        return [(row[0], row[1], row[2]) for row in await self._connection.execute(statement)]

    async def _rows(self, *conditions: ColumnElement[bool], count: int) -> list[FeedbackRow]:
        statement = (
            select(
                *(Feedback.id, Conversation.session_id, Feedback.kind, Feedback.about_id, Feedback.value),
                *(Feedback.comment, Feedback.updated_at, Message.author, Message.content),
            )
            .join_from(
                Feedback,
                Conversation,
                and_(
                    Conversation.client_id == Feedback.client_id, Conversation.id == Feedback.conversation_id
                ),
            )
            .outerjoin(
                Message, and_(Message.client_id == Feedback.client_id, Message.id == Feedback.about_id)
            )
            .where(Feedback.client_id == self._client_id, *conditions)
            .order_by(Feedback.updated_at.desc(), Feedback.id.desc())
            .limit(count)
        )
        return [FeedbackRow(*row) for row in await self._connection.execute(statement)]

    def _messages_of(self, conversation_id: str) -> Sequence[ColumnElement[bool]]:
        return Message.client_id == self._client_id, Message.conversation_id == conversation_id
