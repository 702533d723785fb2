from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt, Id, primary_id, within_client

_BY_TIME = ("last_message_at", "id")
LISTED: Mapping[str, tuple[Sequence[str], str]] = {
    "failed_tool": (_BY_TIME, "failed_tool_count > 0"),
    "thumbs_down": (_BY_TIME, "thumbs_down_count > 0"),
    "rating": (("rating", *_BY_TIME), "rating IS NOT NULL"),
    "not_ai": (_BY_TIME, "state <> 'ai' AND ended_at IS NULL"),
    "visitor": (("user_identifier", *_BY_TIME), "user_identifier IS NOT NULL"),
    # For whoever follows the list: what has changed since a moment, beside what was said.
    "state_since": (("state_since",), "state_since IS NOT NULL"),
    "ended_at": (("ended_at",), "ended_at IS NOT NULL"),
}
"""Indexes for lists, by what they are of: their columns, and which rows they hold."""


class Conversation(Base):
    """Messages of one visitor under one public session id.

    The lease (`lease_turn_id`, `lease_expires_at`) belongs to the turn that runs; every taking of it raises
    `fence`, and a turn whose fence has passed writes nothing. `next_seq` numbers the messages. `summary`
    tells the messages up to number `summary_seq` in short, the first of which was written at `summary_since`.

    `state` is who answers: `ai`, `queued` (nobody until a teammate comes) or `teammate`, since `state_since`;
    one that has ended is closed, whatever it says. Every change of it raises the fence as well.
    `tool_call_count` counts calls that ran, `failed_tool_count` those of them that failed or of which nobody
    knows; with `cost_micros`, `thumbs_down_count` and `rating` they are kept here, so that lists need not
    count.
    `is_test`: an admin began it to try the client's assistant.
    `contact_email` is where the visitor wants to be answered when nobody is there.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("client_id", "session_id"),
        within_client("visitor_id", "visitors", ondelete=None),
        Index("ix_conversations_lease_expires_at", "lease_expires_at"),
        Index("ix_conversations_client_id_last_message_at_id", "client_id", "last_message_at", "id"),
        # For the operator's lists: of all clients, of a channel, and of what there are few of.
        Index("ix_conversations_last_message_at_id", "last_message_at", "id"),
        Index("ix_conversations_channel_last_message_at_id", "channel", "last_message_at", "id"),
        *(
            Index(
                f"ix_conversations_{name}",
                *columns,
                sqlite_where=text(condition),
                postgresql_where=text(condition),
            )
            for name, (columns, condition) in LISTED.items()
        ),
        # For erasing and exporting, and for removing visitors, which looks for what still refers to them.
        Index(
            "ix_conversations_client_id_visitor_id",
            "client_id",
            "visitor_id",
            sqlite_where=text("visitor_id IS NOT NULL"),
            postgresql_where=text("visitor_id IS NOT NULL"),
        ),
        # For who is before whom in a client's queue.
        Index(
            "ix_conversations_client_id_state_since",
            "client_id",
            "state_since",
            sqlite_where=text("state = 'queued' AND ended_at IS NULL"),
            postgresql_where=text("state = 'queued' AND ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(Id)
    visitor_id: Mapped[str | None] = mapped_column(Id)
    user_identifier: Mapped[str | None] = mapped_column(String(200))
    channel: Mapped[str] = mapped_column(String(30))
    is_test: Mapped[bool] = mapped_column(default=False)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime]
    last_message_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    message_count: Mapped[int] = mapped_column(default=0)
    tokens_total: Mapped[int] = mapped_column(BigInt, default=0)
    tool_call_count: Mapped[int] = mapped_column(default=0)
    failed_tool_count: Mapped[int] = mapped_column(default=0)
    cost_micros: Mapped[int] = mapped_column(BigInt, default=0)
    thumbs_down_count: Mapped[int] = mapped_column(default=0)
    rating: Mapped[int | None]
    next_seq: Mapped[int] = mapped_column(default=1)
    fence: Mapped[int] = mapped_column(default=0)
    summary: Mapped[str | None] = mapped_column(Text)
    summary_seq: Mapped[int] = mapped_column(default=0)
    summary_since: Mapped[datetime | None]
    lease_turn_id: Mapped[str | None] = mapped_column(Id)
    lease_expires_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(10), default="ai")
    state_since: Mapped[datetime | None]
    teammate: Mapped[str | None] = mapped_column(String(200))
    contact_email: Mapped[str | None] = mapped_column(String(254))


class SummaryFold(Base):
    """The folding of a conversation's older messages into its summary, while a model is asked for it.

    At most one for a conversation. What it set aside in the counters is given back with its row: at its end,
    or by whoever finds it expired, who books an estimate of what was asked for. It holds no words.
    """

    __tablename__ = "summary_folds"
    __table_args__ = (
        within_client("conversation_id", "conversations"),
        UniqueConstraint("client_id", "conversation_id"),
        Index("ix_summary_folds_expires_at", "expires_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    up_to_seq: Mapped[int]
    provider: Mapped[str] = mapped_column(String(100))
    model: Mapped[str] = mapped_column(String(200))
    bytes_input: Mapped[int]
    """Of the request: what bounds its tokens."""
    period: Mapped[str] = mapped_column(String(7))
    reserved: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]


class Message(Base):
    """One message; a teammate's belongs to no turn.

    `parts` keeps the tool rounds between question and answer, as the model saw them: with the answer, or with
    the question where a teammate took over before there was one.
    """

    __tablename__ = "messages"
    __table_args__ = (
        within_client("conversation_id", "conversations"),
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_messages_client_id_timestamp", "client_id", "timestamp"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    turn_id: Mapped[str | None] = mapped_column(Id)
    seq: Mapped[int]
    role: Mapped[str] = mapped_column(String(10))
    author: Mapped[str] = mapped_column(String(20))
    content: Mapped[str] = mapped_column(Text)
    parts: Mapped[dict[str, Any] | None]
    tokens_used: Mapped[int] = mapped_column(default=0)
    timestamp: Mapped[datetime]
