"""What a model costs, as an operator may set it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

MAX_USD = 100_000
Usd = Annotated[Decimal, Field(ge=0, le=MAX_USD)]
"""Checked where an operator writes it: a price below nothing would take back what was used."""


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens. Cached tokens without a rate of their own are charged as input."""

    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
