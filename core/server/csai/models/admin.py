from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class Admin(Base):
    """A person who operates the installation. `token_generation` grows when all their tokens are revoked."""

    __tablename__ = "admins"

    id: Mapped[str] = primary_id()
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(20))
    token_generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class AuditEntry(Base):
    """A change that a person or a command made, written in the change's own transaction and never altered.

    It belongs to the installation and refers to nothing, so that it outlives what it tells of. `before` and
    `after` hold no secret, only the names of those that were set.
    """

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_client_id_id", "client_id", "id"),)

    id: Mapped[str] = primary_id()
    actor: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[str | None] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(254), default="")
    action: Mapped[str] = mapped_column(String(60))
    object: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str | None] = mapped_column(Id)
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
