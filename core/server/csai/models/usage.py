from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt, Id, primary_id


class LedgerEntry(Base):
    """One model call, append-only: the truth that bills. It outlives its conversation, so refers to none.

    `turn_id` is the turn's, or that of the fold that made a summary between turns.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("turn_id", "attempt"),
        Index("ix_ledger_client_id_day", "client_id", "day"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    turn_id: Mapped[str] = mapped_column(Id)
    attempt: Mapped[int]
    provider: Mapped[str] = mapped_column(String(100))
    model: Mapped[str] = mapped_column(String(200))
    tokens_input: Mapped[int]
    tokens_output: Mapped[int]
    tokens_cache_read: Mapped[int]
    tokens_cache_write: Mapped[int]
    cost_micros: Mapped[int] = mapped_column(BigInt)
    saved_micros: Mapped[int] = mapped_column(BigInt, default=0)
    """What the vendor's prompt cache took off the cost; less than nothing where writing to it cost more."""
    price: Mapped[dict[str, Any] | None]
    is_estimated: Mapped[bool]
    is_embedding: Mapped[bool] = mapped_column(default=False)
    """Whether vectors were made, of knowledge or of a question: no model of a chain could have done that."""
    duration_ms: Mapped[int | None]
    """Until `created_at`; null where nobody measured it."""
    first_text_ms: Mapped[int | None]
    """From the call's beginning to its first text; null where it said nothing."""
    period: Mapped[str] = mapped_column(String(7))
    day: Mapped[dt.date]
    created_at: Mapped[datetime]


class Counter(Base):
    """What a client used and set aside of a metric in a period; one conditional update enforces the limit."""

    __tablename__ = "counters"
    __table_args__ = (
        CheckConstraint("used >= 0", name="used"),
        CheckConstraint("reserved >= 0", name="reserved"),
    )

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    metric: Mapped[str] = mapped_column(String(20), primary_key=True)
    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    used: Mapped[int] = mapped_column(BigInt, default=0)
    reserved: Mapped[int] = mapped_column(BigInt, default=0)


class ApiUsage(Base):
    """A client's day, recomputed from ledger, turns and tool log; never incremented.

    `response_cache_*`: messages answered without a model, and the tokens and the cost that this saved.
    `prompt_cache_*`: input tokens that vendors read from their own caches, and the cost that this saved.
    `routing_*`: messages that a model for simple questions was asked first, and the cost that this saved;
    less than nothing where it was asked in vain too often.
    """

    __tablename__ = "api_usage"

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    conversation_count: Mapped[int]
    message_count: Mapped[int]
    tokens_input: Mapped[int] = mapped_column(BigInt)
    tokens_output: Mapped[int] = mapped_column(BigInt)
    tool_calls_count: Mapped[int]
    cost_micros: Mapped[int] = mapped_column(BigInt)
    response_cache_count: Mapped[int] = mapped_column(default=0)
    response_cache_tokens: Mapped[int] = mapped_column(BigInt, default=0)
    response_cache_micros: Mapped[int] = mapped_column(BigInt, default=0)
    prompt_cache_tokens: Mapped[int] = mapped_column(BigInt, default=0)
    prompt_cache_micros: Mapped[int] = mapped_column(BigInt, default=0)
    routing_count: Mapped[int] = mapped_column(default=0)
    routing_micros: Mapped[int] = mapped_column(BigInt, default=0)
