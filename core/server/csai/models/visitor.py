from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id


class Visitor(Base):
    """A person whose identity the host page vouched for. `external_id` is the host's own id."""

    __tablename__ = "visitors"
    __table_args__ = (UniqueConstraint("client_id", "id"), UniqueConstraint("client_id", "external_id"))

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
