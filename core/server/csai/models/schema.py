from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base


class SchemaState(Base):
    """What the newest migration tells servers that do not know it: one row, of the revision it stands at.

    Code of `serves_from` and of every later revision can work on this schema.
    """

    __tablename__ = "schema_state"

    revision: Mapped[str] = mapped_column(String(32), primary_key=True)
    serves_from: Mapped[str] = mapped_column(String(32))
