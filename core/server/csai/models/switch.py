from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base


class Switch(Base):
    """Something of the whole installation that is switched: `spending_stopped`. Without a row it is not."""

    __tablename__ = "switches"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    since: Mapped[datetime]
