"""One client's conversations, as its teammates look through them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import is_id
from csai.kit.problem import not_found
from csai.models import Conversation


@dataclass(frozen=True, slots=True)
class DeskRow:
    id: str
    session_id: str
    answered_by: str
    since: datetime | None
    teammate: str | None
    ended_at: datetime | None
    channel: str
    visitor: str | None
    email: str | None
    messages: int
    started_at: datetime
    last_message_at: datetime

    @property
    def state(self) -> str:
        return "closed" if self.ended_at is not None else self.answered_by


_COLUMNS = (
    *(Conversation.id, Conversation.session_id, Conversation.state, Conversation.state_since),
    *(Conversation.teammate, Conversation.ended_at, Conversation.channel, Conversation.user_identifier),
    *(Conversation.contact_email, Conversation.message_count, Conversation.started_at),
    Conversation.last_message_at,
)


class DeskRepository:
    """One client's."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def get(self, conversation_id: str) -> DeskRow:
        """Raises 404."""
        if is_id(conversation_id):
            statement: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*self._own(conversation_id))
            row = (await self._connection.execute(statement)).one_or_none()
            if row is not None:
                return DeskRow(*row)
        raise not_found("conversation")

    def _own(self, conversation_id: str) -> tuple[ColumnElement[bool], ...]:
        return Conversation.client_id == self._client_id, Conversation.id == conversation_id
