"""What of one client's is older than it is kept, found and removed.

`RULES` is the table in docs/data.md as code. A rule's condition serves the run and the dry run alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import (
    Base,
    ChannelContact,
    ChannelInbound,
    ChannelOutbound,
    ChannelThread,
    Conversation,
    Feedback,
    IntegrationDelivery,
    Message,
    OutboxEvent,
    PluginEntry,
    ToolExecution,
    Turn,
    Visitor,
)
from csai.usage.rollup import recompute_day

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What is older than these moments is over; `conversations` is the earliest of all."""

    replays: datetime
    words: datetime
    tool_log: datetime
    conversations: datetime
    events: datetime
    """Earlier than any period began in which an event happens once."""


@dataclass(frozen=True)
class Rule:
    """Rows of a table that are over, and what becomes of them: `emptied` columns, or else the row goes."""

    name: str
    table: type[Base]
    moment: Any
    is_due: Callable[[Cutoffs], Sequence[Condition]]
    emptied: Mapping[str, Any] = field(default_factory=dict)
    is_archived: bool = False
    is_counted: bool = False
    """`api_usage` counts such rows, so their days are drawn together before they go."""


def _is_stale(before: datetime) -> Condition:
    return (Conversation.last_message_at < before) & Conversation.lease_turn_id.is_(None)


def _is_named(column: Any) -> Condition:
    """Whether a JSON object holds anything, on both databases."""
    return cast(column, Text) != "{}"


# In this order: rows refer to the conversation, and the conversation to the visitor.
RULES = (
    Rule(
        "replays",
        Turn,
        Turn.accepted_at,
        lambda at: (
            Turn.accepted_at < at.replays,
            Turn.status != "running",
            or_(Turn.outcome.is_not(None), Turn.idempotency_key.is_not(None)),
        ),
        emptied={"outcome": None, "idempotency_key": None},
    ),
    Rule(
        "plugin_store",
        PluginEntry,
        PluginEntry.expires_at,
        lambda at: (PluginEntry.expires_at < at.replays,),
    ),
    Rule(
        "messages",
        Message,
        Message.timestamp,
        lambda at: (Message.timestamp < at.words,),
        is_archived=True,
    ),
    Rule(
        # What was thought stays to be counted, for as long as the conversation is there.
        "feedback_emptied",
        Feedback,
        Feedback.updated_at,
        lambda at: (Feedback.updated_at < at.words, Feedback.comment != ""),
        emptied={"comment": ""},
    ),
    Rule(
        # A summary tells of the oldest message in it; what is left of the messages is told anew.
        "summaries",
        Conversation,
        Conversation.started_at,
        lambda at: (Conversation.summary_since < at.words, Conversation.lease_turn_id.is_(None)),
        emptied={"summary": None, "summary_seq": 0, "summary_since": None},
    ),
    Rule(
        "tool_log_stripped",
        ToolExecution,
        ToolExecution.timestamp,
        lambda at: (
            ToolExecution.timestamp < at.words,
            or_(_is_named(ToolExecution.parameters), ToolExecution.n8n_response.is_not(None)),
        ),
        emptied={"parameters": {}, "n8n_response": None},
        is_archived=True,
    ),
    Rule(
        "turns",
        Turn,
        Turn.accepted_at,
        lambda at: (Turn.accepted_at < at.words, Turn.status != "running"),
        is_counted=True,
    ),
    Rule(
        "tool_log",
        ToolExecution,
        ToolExecution.timestamp,
        lambda at: (ToolExecution.timestamp < at.tool_log,),
        is_counted=True,
    ),
    Rule(
        "conversations_emptied",
        Conversation,
        Conversation.started_at,
        lambda at: (
            _is_stale(at.words),
            or_(
                Conversation.user_identifier.is_not(None),
                Conversation.contact_email.is_not(None),
                Conversation.visitor_id.is_not(None),
                Conversation.ended_at.is_(None),
                _is_named(Conversation.details),
            ),
        ),
        # What is left of it cannot be gone on with.
        emptied={
            "user_identifier": None,
            "contact_email": None,
            "visitor_id": None,
            "details": {},
            "ended_at": func.coalesce(Conversation.ended_at, Conversation.last_message_at),
        },
    ),
    Rule(
        "conversations",
        Conversation,
        Conversation.started_at,
        lambda at: (
            _is_stale(at.conversations),
            ~_has(Message, Message.timestamp >= at.conversations),
            ~_has(Turn, or_(Turn.accepted_at >= at.conversations, Turn.status == "running")),
            ~_has(ToolExecution, ToolExecution.timestamp >= at.conversations),
        ),
        is_counted=True,
    ),
    Rule(
        "events_emptied",
        OutboxEvent,
        OutboxEvent.created_at,
        lambda at: (OutboxEvent.created_at < at.words, _is_named(OutboxEvent.payload)),
        # There is nothing left to send.
        emptied={
            "payload": {},
            "status": case((OutboxEvent.status == "pending", "failed"), else_=OutboxEvent.status),
        },
    ),
    Rule(
        "events",
        OutboxEvent,
        OutboxEvent.created_at,
        lambda at: (OutboxEvent.created_at < at.events,),
    ),
    # Longer than any vendor delivers a message again.
    Rule(
        "channel_inbox",
        ChannelInbound,
        ChannelInbound.received_at,
        lambda at: (ChannelInbound.received_at < at.words,),
    ),
    Rule(
        "channel_outbox",
        ChannelOutbound,
        ChannelOutbound.created_at,
        lambda at: (ChannelOutbound.created_at < at.words,),
    ),
    Rule(
        "channel_threads",
        ChannelThread,
        ChannelThread.heard_at,
        lambda at: (ChannelThread.heard_at < at.words, ~_has_pieces(at.words)),
    ),
    Rule(
        # Who wants no messages is remembered, by the address alone.
        "channel_contacts_emptied",
        ChannelContact,
        ChannelContact.heard_at,
        lambda at: (
            ChannelContact.heard_at < at.words,
            ChannelContact.opted_out_at.is_not(None),
            ChannelContact.name != "",
        ),
        emptied={"name": ""},
    ),
    Rule(
        "channel_contacts",
        ChannelContact,
        ChannelContact.heard_at,
        lambda at: (
            ChannelContact.heard_at < at.words,
            ChannelContact.opted_out_at.is_(None),
            ~exists().where(
                ChannelThread.client_id == ChannelContact.client_id,
                ChannelThread.contact_id == ChannelContact.id,
            ),
        ),
    ),
    Rule(
        # No vendor delivers again after so long.
        "integration_deliveries",
        IntegrationDelivery,
        IntegrationDelivery.received_at,
        lambda at: (IntegrationDelivery.received_at < at.words,),
    ),
    Rule(
        "visitors",
        Visitor,
        Visitor.created_at,
        lambda at: (
            Visitor.created_at < at.words,
            ~exists().where(
                Conversation.client_id == Visitor.client_id,
                Conversation.visitor_id == Visitor.id,
                ~_is_stale(at.words),
            ),
        ),
    ),
)


def _has_pieces(since: datetime) -> Condition:
    """Whether something was sent in it since then, as teammates may long after the visitor wrote."""
    return exists().where(
        ChannelOutbound.client_id == ChannelThread.client_id,
        ChannelOutbound.thread_id == ChannelThread.id,
        ChannelOutbound.created_at >= since,
    )


def _has(table: Any, condition: Condition) -> Condition:
    """Whether the conversation still has a row that is kept."""
    return exists().where(
        table.client_id == Conversation.client_id, table.conversation_id == Conversation.id, condition
    )


class RetentionRepository:
    """One client's rows, as far as they are over."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def count(self, rule: Rule, cutoffs: Cutoffs) -> int:
        table: Any = rule.table
        statement = select(func.count()).select_from(table).where(*self._due(rule, cutoffs))
        return int((await self._connection.execute(statement)).scalar_one())

    async def batch(self, rule: Rule, cutoffs: Cutoffs, *, size: int) -> list[Mapping[str, Any]]:
        """The oldest rows that are over: whole where they are archived, else their `id` and `moment`."""
        table: Any = rule.table
        columns = table.__table__.columns if rule.is_archived else (table.id,)
        statement = (
            select(*columns, rule.moment.label("moment"))
            .where(*self._due(rule, cutoffs))
            .order_by(rule.moment, table.id)
            .limit(size)
        )
        return [dict(row) for row in (await self._connection.execute(statement)).mappings()]

    async def recompute(self, day: date) -> None:
        await recompute_day(self._connection, self._client_id, day)

    async def apply(self, rule: Rule, cutoffs: Cutoffs, ids: Sequence[str]) -> int:
        """Remove those of the rows that are still over; how many they were."""
        table: Any = rule.table
        due = (table.id.in_(ids), *self._due(rule, cutoffs))
        statement: Any = (
            update(table).where(*due).values(**rule.emptied) if rule.emptied else delete(table).where(*due)
        )
        return int((await self._connection.execute(statement)).rowcount)

    def _due(self, rule: Rule, cutoffs: Cutoffs) -> tuple[Condition, ...]:
        table: Any = rule.table
        return (table.client_id == self._client_id, *rule.is_due(cutoffs))
