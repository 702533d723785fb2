from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt, Id, primary_id, within_client


class Conversation(Base):
    """Messages of one visitor under one public session id.

    The lease (`lease_turn_id`, `lease_expires_at`) belongs to the turn that runs; every taking of it raises
    `fence`, and a turn whose fence has passed writes nothing. `next_seq` numbers the messages. `summary`
    tells the messages up to number `summary_seq` in short, the first of which was written at `summary_since`.

    `state` is who answers: `ai`, `queued` (nobody until a teammate comes) or `teammate`, since `state_since`;
    one that has ended is closed, whatever it says. Every change of it raises the fence as well.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("client_id", "session_id"),
        within_client("visitor_id", "visitors", ondelete=None),
        Index("ix_conversations_lease_expires_at", "lease_expires_at"),
        Index("ix_conversations_client_id_last_message_at", "client_id", "last_message_at"),
        # For erasing and exporting, and for removing visitors, which looks for what still refers to them.
        Index(
            "ix_conversations_client_id_visitor_id",
            "client_id",
            "visitor_id",
            sqlite_where=text("visitor_id IS NOT NULL"),
            postgresql_where=text("visitor_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(Id)
    visitor_id: Mapped[str | None] = mapped_column(Id)
    user_identifier: Mapped[str | None] = mapped_column(String(200))
    channel: Mapped[str] = mapped_column(String(30))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime]
    last_message_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    message_count: Mapped[int] = mapped_column(default=0)
    tokens_total: Mapped[int] = mapped_column(BigInt, default=0)
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


class SummaryFold(Base):
    """The folding of a conversation's older messages into its summary, while a model is asked for it.

    At most one for a conversation. What it set aside in the counters is given back with its row: at its end,
    or by whoever finds it expired. It holds no words.
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
