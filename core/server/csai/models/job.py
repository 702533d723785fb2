from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base


class JobRun(Base):
    """A job's run for all clients, of the installation and not of a client.

    `status`: asked (by an admin, and not begun), running, succeeded or failed. `failures` names clients and
    what went wrong, without a word that could be a visitor's.
    """

    __tablename__ = "job_runs"
    __table_args__ = (Index("ix_job_runs_job_began_at", "job", "began_at"),)

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    job: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(10))
    clients: Mapped[int] = mapped_column(default=0)
    failures: Mapped[list[Any]] = mapped_column(default=list)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
