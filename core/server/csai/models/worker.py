from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, primary_id


class Worker(Base):
    """A process that does jobs, of the installation and not of a client.

    It lives until `expires_at`, which it keeps putting off; what it left unfinished then is anybody's.
    """

    __tablename__ = "workers"

    id: Mapped[str] = primary_id()
    kind: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
