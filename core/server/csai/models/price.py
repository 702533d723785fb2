from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt


class ModelPrice(Base):
    """What a model costs from a moment on, as an admin set it: millionths of a dollar for a million tokens.

    `input_micros` and `output_micros` are null together: from then on the price is the published one again.
    Cached tokens without a rate of their own are charged as input.
    """

    __tablename__ = "model_prices"

    provider: Mapped[str] = mapped_column(String(100), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    effective_from: Mapped[datetime] = mapped_column(primary_key=True)
    input_micros: Mapped[int | None] = mapped_column(BigInt)
    output_micros: Mapped[int | None] = mapped_column(BigInt)
    cache_read_micros: Mapped[int | None] = mapped_column(BigInt)
    cache_write_micros: Mapped[int | None] = mapped_column(BigInt)
