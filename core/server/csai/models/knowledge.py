from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class KnowledgePassage(Base):
    """A piece of a client's knowledge, found by its words.

    The words lie beside it in `knowledge_words`, a table with a GIN index on PostgreSQL and an FTS5 table on
    SQLite. Migrations make it and the knowledge repository writes it: add passages through that only.
    """

    __tablename__ = "knowledge_passages"
    __table_args__ = (UniqueConstraint("client_id", "id"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
