from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base


class Plan(Base):
    """What a client may use. `limits` maps a metric to its hard limit per period; absent means none.

    Metrics: conversations, messages, tokens, cost (micro-units of the currency), tool_calls.
    """

    __tablename__ = "plans"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    limits: Mapped[dict[str, Any]]
    features: Mapped[dict[str, Any]]
    limit_message: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]
