from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id, within_client


class KnowledgePassage(Base):
    """A piece of a client's knowledge, found by its words and by its vector.

    The words lie beside it in `knowledge_words`, a table with a GIN index on PostgreSQL and an FTS5 table on
    SQLite; the vector in `knowledge_vectors`, whose type is pgvector's where that is there. Migrations make
    both and the knowledge repository writes the words: add passages through that only.
    """

    __tablename__ = "knowledge_passages"
    __table_args__ = (UniqueConstraint("client_id", "id"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class KnowledgeEmbedding(Base):
    """How far a client's passages have vectors: a row once it has knowledge."""

    __tablename__ = "knowledge_embeddings"

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(String(300), default="")
    """Whose vectors were made last, as `Embedder.key` names it; empty before the first."""
    revision: Mapped[int] = mapped_column(default=0)
    """Grows with every change of the passages or their vectors."""
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    """When there is something to embed again; None where there is nothing left to do."""
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    error: Mapped[str | None] = mapped_column(String(100))
    """Why the last try came to nothing, as a code."""
    dimensions: Mapped[int | None]
    """The length of these vectors; None before the first."""
    updated_at: Mapped[datetime]


class EmbeddingRefusal(Base):
    """A passage of which a model made no vector when it was asked for that one alone."""

    __tablename__ = "embedding_refusals"
    __table_args__ = (
        within_client("passage_id", "knowledge_passages"),
        Index("ix_embedding_refusals_client_id", "client_id"),
    )

    passage_id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Id)
    model: Mapped[str] = mapped_column(String(300))
    tries: Mapped[int]
    error: Mapped[str] = mapped_column(String(100))
    """Of the last try, as a code."""
    is_given_up: Mapped[bool]
    tried_at: Mapped[datetime]


class EmbeddingBatch(Base):
    """A call for vectors under way; a client has one at a time. What a dead process left expires."""

    __tablename__ = "embedding_batches"

    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(Id)
    provider: Mapped[str] = mapped_column(String(100))
    model: Mapped[str] = mapped_column(String(200))
    bytes_input: Mapped[int]
    """Of the texts: what bounds their tokens."""
    period: Mapped[str] = mapped_column(String(7))
    reserved: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]
