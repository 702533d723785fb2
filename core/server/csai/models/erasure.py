from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class Erasure(Base):
    """A wish to be forgotten: of a verified visitor, or of one session, until it is done.

    `external_id` is emptied with the rest when it is `finished_at`; `failing` are plugins whose turn is still
    to come.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint("(external_id IS NULL) OR (session_id IS NULL)", name="one_subject"),
        Index("ix_erasures_finished_at_tried_at", "finished_at", "tried_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    session_id: Mapped[str | None] = mapped_column(Id)
    requested_at: Mapped[datetime]
    tried_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    failing: Mapped[list[Any]] = mapped_column(default=list)
