from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class ClientWebhook(Base):
    """Where a client is told of events. Its secrets are encrypted and bound to their owner.

    While a secret is being replaced the previous one signs too, until `previous_until`.
    """

    __tablename__ = "client_webhooks"

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    secret: Mapped[str] = mapped_column(Text)
    previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_until: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class OutboxEvent(Base):
    """An event on its way to the client's webhook, written in the transaction that makes it true.

    `attempts` only grows, and an attempt that is begun counts: `next_attempt_at` is then when it is given up
    for lost. `attempts_before` are those before the event was last asked to be sent again.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("client_id", "dedupe_key"),
        Index("ix_outbox_status_next_attempt_at", "status", "next_attempt_at"),
        Index("ix_outbox_client_id_created_at", "client_id", "created_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(50))
    payload: Mapped[dict[str, Any]]
    dedupe_key: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    attempts_before: Mapped[int]
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(200))
