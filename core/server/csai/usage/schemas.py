"""What the admin's routes for usage give."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

Usd = Annotated[Decimal, Field(description="US dollars.", examples=["0.001250"])]


class Spending(BaseModel):
    """Calls of models, as the ledger has them."""

    calls: int
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int = Field(description="Part of the input that a vendor's prompt cache held.")
    tokens_cache_write: int
    cost: Usd
    saved: Annotated[Decimal, Field(description="What prompt caches took off the cost, in US dollars.")]
    estimated_calls: int = Field(description="Calls that the vendor did not report.")
    unpriced_calls: int = Field(
        description="Calls booked without a price: of a model that costs nothing, or whose price nobody knew."
    )


class ModelUsage(Spending):
    provider: str
    model: str = Field(description="As the vendor answered.")


class ProviderUsage(Spending):
    provider: str
    models: list[ModelUsage] = Field(description="Dearest first.")


class ClientUsage(BaseModel):
    """What a client spent on models in days of UTC."""

    client_id: str
    first: dt.date
    last: dt.date
    total: Spending
    providers: list[ProviderUsage] = Field(description="Dearest first.")


class UsedDay(BaseModel):
    date: dt.date
    total: Spending
    models: list[ModelUsage]


class UsageHistory(BaseModel):
    client_id: str
    first: dt.date
    last: dt.date
    days: list[UsedDay] = Field(description="Those on which a model was called, oldest first.")


class InstallationModel(ModelUsage):
    clients: int = Field(description="How many clients used it.")


class InstallationProvider(Spending):
    provider: str
    models: list[InstallationModel]


class SpendingClient(BaseModel):
    client_id: str
    name: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost: Usd


class InstallationUsage(BaseModel):
    """What all clients spent on models."""

    first: dt.date
    last: dt.date
    total: Spending
    providers: list[InstallationProvider] = Field(description="Dearest first.")
    clients: list[SpendingClient] = Field(description="Those who cost most, at most 100.")
