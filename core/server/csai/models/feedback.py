from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id, within_client


class Feedback(Base):
    """What a visitor thinks of one answer (`kind` is `answer`), or of the conversation as a whole.

    `about_id` is the id of the message or of the conversation, of which there is one row at most. `value` is
    1 or -1 for an answer's thumb, 1 to 5 for a conversation. `revision` grows with every change of mind.
    `turn_id` is the turn that gave the answer; a teammate's has none. It outlives the message, and refers to
    neither.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        within_client("conversation_id", "conversations"),
        UniqueConstraint("client_id", "about_id"),
        Index("ix_feedback_client_id_conversation_id", "client_id", "conversation_id"),
        Index("ix_feedback_client_id_updated_at", "client_id", "updated_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    conversation_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(12))
    about_id: Mapped[str] = mapped_column(Id)
    turn_id: Mapped[str | None] = mapped_column(Id)
    value: Mapped[int]
    comment: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
