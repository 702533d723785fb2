"""What is told of models that would have cost a client less."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from pydantic import BaseModel, Field


class CheaperModel(BaseModel):
    provider: str
    model: str
    cost: Decimal = Field(description="US dollars: the client's own calls at this model's price.")
    saving_per_month: Decimal = Field(description="US dollars in 30 days like those looked at.")
    saving_share: float = Field(description="Of what was spent, 0 to 1.")
    is_set_up: bool = Field(description="Whether its provider is on for the client and has a key.")
    context_window: int | None
    unknown: list[str] = Field(description="What this figure does not know.")


class LeftOut(BaseModel):
    """How many models of the catalog are not told, by the first reason."""

    not_allowed: int = Field(description="The client's plan does not allow them.")
    no_tools: int = Field(description="The client has tools, and they have no calls of tools of their own.")
    window_too_small: int = Field(description="A call of the client would not have fitted.")
    price_unknown: int
    not_cheaper: int


class Recommendation(BaseModel):
    """Quality is not measured: a cheaper model may answer worse."""

    client_id: str
    first: dt.date
    last: dt.date
    days: int = Field(description="From the first call that was found.")
    calls: int
    estimated_calls: int = Field(description="Of them not reported by their vendor.")
    unpriced_calls: int = Field(description="Of them without a price; what they cost is not in `cost`.")
    cost: Decimal = Field(description="US dollars, as booked.")
    largest_call: int = Field(description="Tokens of input and output.")
    needs_tools: bool
    cheaper: list[CheaperModel] = Field(description="The greatest saving first.")
    left_out: LeftOut
    statement: str = Field(description="What can be said, and what to do next.")
