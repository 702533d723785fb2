"""One conversation of a client with everything that an operator may know of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.conversations.repository import MESSAGE_COLUMNS, MessageRow
from csai.models import Feedback, LedgerEntry, Message, Tool, ToolExecution, Turn

MOST_FEEDBACK = 1_000


@dataclass(frozen=True, slots=True)
class TurnRow:
    id: str
    status: str
    accepted_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoundRow:
    turn_id: str
    provider: str
    model: str
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    cost_micros: int
    is_estimated: bool
    is_embedding: bool
    duration_ms: int | None
    first_text_ms: int | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class CallRow:
    turn_id: str
    call_id: str
    tool_name: str
    status: str
    parameters: Mapping[str, Any]
    response: str | None
    duration_ms: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    kind: str
    about_id: str
    value: int
    comment: str
    updated_at: datetime


class DetailRepository:
    """One client's."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def messages(
        self, conversation_id: str, *, after: int, count: int
    ) -> Sequence[tuple[MessageRow, str | None]]:
        """Messages numbered above `after`, oldest first, each with its turn."""
        statement = (
            select(*MESSAGE_COLUMNS, Message.turn_id)
            .where(
                Message.client_id == self._client_id,
                Message.conversation_id == conversation_id,
                Message.seq > after,
            )
            .order_by(Message.seq)
            .limit(count)
        )
        return [(MessageRow(*row[:-1]), row[-1]) for row in await self._connection.execute(statement)]

    async def turns(self, turn_ids: Collection[str]) -> Sequence[TurnRow]:
        statement = (
            select(Turn.id, Turn.status, Turn.accepted_at, Turn.finished_at)
            .where(Turn.client_id == self._client_id, Turn.id.in_(turn_ids))
            .order_by(Turn.accepted_at, Turn.id)
        )
        return [TurnRow(*row) for row in await self._connection.execute(statement)]

    async def rounds(self, turn_ids: Collection[str]) -> Sequence[RoundRow]:
        statement: Select[*tuple[Any, ...]] = (
            select(
                *(LedgerEntry.turn_id, LedgerEntry.provider, LedgerEntry.model, LedgerEntry.tokens_input),
                *(LedgerEntry.tokens_output, LedgerEntry.tokens_cache_read, LedgerEntry.cost_micros),
                *(LedgerEntry.is_estimated, LedgerEntry.is_embedding, LedgerEntry.duration_ms),
                *(LedgerEntry.first_text_ms, LedgerEntry.created_at),
            )
            .where(LedgerEntry.client_id == self._client_id, LedgerEntry.turn_id.in_(turn_ids))
            .order_by(LedgerEntry.turn_id, LedgerEntry.attempt)
        )
        return [RoundRow(*row) for row in await self._connection.execute(statement)]

    async def calls(self, turn_ids: Collection[str]) -> Sequence[CallRow]:
        statement = (
            select(
                *(ToolExecution.turn_id, ToolExecution.call_id, ToolExecution.tool_name),
                *(ToolExecution.status, ToolExecution.parameters, ToolExecution.n8n_response),
                *(ToolExecution.execution_time_ms, ToolExecution.timestamp),
            )
            .where(ToolExecution.client_id == self._client_id, ToolExecution.turn_id.in_(turn_ids))
            .order_by(ToolExecution.timestamp, ToolExecution.call_id)
        )
        return [CallRow(*row) for row in await self._connection.execute(statement)]

    async def shown_tools(self, names: Collection[str]) -> frozenset[str]:
        """Those of these tools of which the catalog says that they are not private."""
        statement = select(Tool.tool_name, Tool.private).where(
            or_(Tool.client_id == self._client_id, Tool.client_id.is_(None)), Tool.tool_name.in_(names)
        )
        known = (await self._connection.execute(statement)).all()
        return frozenset(row[0] for row in known) - {row[0] for row in known if row[1]}

    async def feedback(self, conversation_id: str) -> Sequence[FeedbackRow]:
        statement = (
            select(
                *(Feedback.kind, Feedback.about_id, Feedback.value, Feedback.comment, Feedback.updated_at),
            )
            .where(Feedback.client_id == self._client_id, Feedback.conversation_id == conversation_id)
            .order_by(Feedback.created_at, Feedback.id)
            .limit(MOST_FEEDBACK)
        )
        return [FeedbackRow(*row) for row in await self._connection.execute(statement)]
