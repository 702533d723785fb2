"""What the admin's routes for providers take and give."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from csai.providers.choice import DEFAULT_THRESHOLD, MAX_CHAIN, Source

Chain = Annotated[
    list[str],
    Field(
        max_length=MAX_CHAIN,
        description="provider/model each, the first first; a provider alone is asked for its own model.",
        examples=[["claude/claude-haiku-5-5", "openai"]],
    ),
]


Simple = Annotated[
    list[str],
    Field(
        max_length=MAX_CHAIN,
        description="Who answers simple questions, before the chain; empty: the chain answers all.",
        examples=[["claude/claude-haiku-5-5"]],
    ),
]
Threshold = Annotated[
    int, Field(ge=0, le=100, description="Questions of a difficulty below it are simple.", examples=[30])
]


class PlanProvidersState(BaseModel):
    """What a plan says of providers."""

    name: str
    chain: Chain
    models: list[str] | None = Field(
        description="The models that may be used: provider/model, or the beginning of one and a *; null: all."
    )
    may_choose: bool = Field(description="Whether clients may have a chain of their own.")
    simple: Simple
    threshold: Threshold


class AnsweringModel(BaseModel):
    provider: str
    model: str
    uses_own_account: bool = Field(description="Whether the client's own key or address is used.")


class LeftOut(BaseModel):
    model: str
    reason: str


class RoutingState(BaseModel):
    """Who answers simple questions."""

    simple: Simple
    threshold: Threshold


class ClientProviders(BaseModel):
    """What answers a client, and because of what."""

    chain: list[str] = Field(description="The client's own; empty leaves it to the plan.")
    source: Source = Field(description="Whose chain is in use.")
    routing: RoutingState | None = Field(description="The client's own; null leaves it to the plan.")
    plan: PlanProvidersState
    answering: list[AnsweringModel] = Field(description="Who is asked at the next turn, in this order.")
    answering_simple: list[AnsweringModel] = Field(
        description="Who is asked first where the question is simple; empty: nobody else."
    )
    threshold: Threshold
    left_out: list[LeftOut] = Field(description="What is asked for and cannot answer.")


class RoutingChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    simple: Simple = []
    threshold: Threshold = DEFAULT_THRESHOLD


class ProvidersChange(BaseModel):
    """The client's choice as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "chain": ["claude/claude-opus-5", "openai"],
                    "routing": {"simple": ["claude/claude-haiku-5-5"], "threshold": 30},
                }
            ]
        },
    )

    chain: Chain = []
    routing: RoutingChange | None = Field(
        None, description="null leaves simple questions to the plan; with an empty list nobody else answers."
    )


class PlanProvidersChange(BaseModel):
    """A plan's providers as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"chain": ["claude"], "models": ["claude/*", "openai/gpt-5*"], "may_choose": True}]
        },
    )

    chain: Chain = []
    models: list[str] | None = None
    may_choose: bool = True
    simple: Simple = []
    threshold: Threshold = DEFAULT_THRESHOLD


Rate = Annotated[
    Decimal,
    Field(description="US dollars for a million tokens.", examples=["1.25"]),
]


class Price(BaseModel):
    """What a model costs now; a long prompt may be dearer."""

    input: Rate
    output: Rate
    cache_read: Rate | None = Field(description="null: as input.")
    cache_write: Rate | None = Field(description="null: as input.")
    source: str = Field(
        description="own (set here), override (CSAI_PRICE_OVERRIDES), free, or the data used."
    )


class ScheduledPrice(BaseModel):
    """What an admin set; without rates the published price holds again."""

    effective_from: datetime
    input: Rate | None
    output: Rate | None
    cache_read: Rate | None
    cache_write: Rate | None


class CatalogModel(BaseModel):
    provider: str
    model: str
    is_default: bool = Field(description="Whether the provider asks it where nobody names a model.")
    is_embedding: bool = Field(description="Whether it makes vectors of texts, and writes none.")
    context_window: int | None = Field(description="Tokens; null where it is not known.")
    has_tools: bool = Field(description="Whether the vendor has calls of tools of its own.")
    can_write: bool = Field(description="Whether a language model stands behind it.")
    takes_temperature: bool
    price: Price | None = Field(description="null: nobody knows it; set it.")
    coming: list[ScheduledPrice] = Field(description="What was set for later.")


class Models(BaseModel):
    models: list[CatalogModel]


class PriceState(BaseModel):
    provider: str
    model: str
    price: Price | None
    schedule: list[ScheduledPrice] = Field(description="All that was ever set, oldest first.")


class PriceChange(BaseModel):
    """A price from a moment on. Without rates the published price holds again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"input": "1.25", "output": "10", "effective_from": "2027-01-01T00:00:00Z"}]
        },
    )

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    effective_from: datetime | None = Field(None, description="With its zone; without it from now on.")
