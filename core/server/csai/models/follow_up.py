from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id, within_client


class FollowUp(Base):
    """Teammates' words that a visitor who left an address may not have read; one for a conversation at most.

    At `due_at` those numbered above `read_seq` are mailed, and the row goes. It holds no words.
    """

    __tablename__ = "follow_ups"
    __table_args__ = (
        within_client("conversation_id", "conversations"),
        UniqueConstraint("client_id", "conversation_id"),
        Index("ix_follow_ups_due_at", "due_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    read_seq: Mapped[int]
    due_at: Mapped[datetime]
