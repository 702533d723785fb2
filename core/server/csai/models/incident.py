from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id


class Incident(Base):
    """Something that befell a client, or the installation where `client_id` is null, and that nobody did.

    `kind` is limit (`subject` is its metric), plugin (one that was kept out) or degraded (one that
    failed while a server ran). Kept once for each `key`.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_client_id_created_at", "client_id", "created_at"),
        Index("ix_incidents_created_at", "created_at"),
    )

    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    client_id: Mapped[str | None] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
