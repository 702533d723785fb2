from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id, within_client


class PluginEntry(Base):
    """A value that a plugin keeps of a client, as JSON; with `visitor_id`, of that visitor."""

    __tablename__ = "plugin_store"
    __table_args__ = (
        UniqueConstraint("client_id", "plugin", "key"),
        within_client("visitor_id", "visitors"),
        Index("ix_plugin_store_client_id_visitor_id", "client_id", "visitor_id"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    plugin: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(200))
    value: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    visitor_id: Mapped[str | None] = mapped_column(Id)
    expires_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
