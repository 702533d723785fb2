from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class KnowledgePassage(Base):
    """A piece of a client's knowledge, found by its words.

    The word index lives beside the table: a GIN index over `to_tsvector` on PostgreSQL, an FTS5 table kept
    by triggers on SQLite. Migrations make both.
    """

    __tablename__ = "knowledge_passages"
    __table_args__ = (Index("ix_knowledge_passages_client_id", "client_id"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
