from __future__ import annotations

import datetime as dt
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt, Id


class UsageHour(Base):
    """A client's hour (in UTC), recomputed as its days are. Quiet ones have no row; kept for some days."""

    __tablename__ = "usage_hours"
    __table_args__ = (Index("ix_usage_hours_hour", "hour"),)

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    conversation_count: Mapped[int]
    message_count: Mapped[int]
    tool_calls_count: Mapped[int]
    tokens_input: Mapped[int] = mapped_column(BigInt)
    tokens_output: Mapped[int] = mapped_column(BigInt)
    cost_micros: Mapped[int] = mapped_column(BigInt)


class OutcomeDay(Base):
    """How many of the messages that came on a day had this outcome."""

    __tablename__ = "outcome_days"
    __table_args__ = (Index("ix_outcome_days_date", "date"),)

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(12), primary_key=True)
    message_count: Mapped[int]


class ModelDay(Base):
    """What a model did and cost on a day, drawn from the ledger."""

    __tablename__ = "model_days"
    __table_args__ = (Index("ix_model_days_date", "date"),)

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(100), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    calls: Mapped[int]
    tokens_input: Mapped[int] = mapped_column(BigInt)
    tokens_output: Mapped[int] = mapped_column(BigInt)
    cost_micros: Mapped[int] = mapped_column(BigInt)


class ToolDay(Base):
    """A tool's calls of a day that came to an end, and how many of those that ran took how long.

    `ms_100` counts what took at most 100 ms and more than the bound before; `ms_more` the rest.
    """

    __tablename__ = "tool_days"
    __table_args__ = (Index("ix_tool_days_date", "date"),)

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    tool_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    calls: Mapped[int]
    succeeded: Mapped[int]
    failed: Mapped[int]
    refused: Mapped[int]
    unknown: Mapped[int]
    ms_50: Mapped[int]
    ms_100: Mapped[int]
    ms_250: Mapped[int]
    ms_500: Mapped[int]
    ms_1000: Mapped[int]
    ms_2500: Mapped[int]
    ms_5000: Mapped[int]
    ms_10000: Mapped[int]
    ms_30000: Mapped[int]
    ms_more: Mapped[int]
