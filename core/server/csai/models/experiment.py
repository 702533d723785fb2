from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, Name, primary_id


class Experiment(Base):
    """Conversations of a client split between arms; `status` is `draft`, `running` or `stopped`.

    A client has at most one that runs. `arms` are fixed when it starts: what was counted is one thing.
    """

    __tablename__ = "experiments"
    __table_args__ = (
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("client_id", "name"),
        Index(
            "ix_experiments_client_id",
            "client_id",
            unique=True,
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(String(10))
    arms: Mapped[list[Any]]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
