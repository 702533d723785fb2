"""What the dashboard gives."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Usd = Annotated[Decimal, Field(description="US dollars.", examples=["0.001250"])]
Rate = Annotated[float | None, Field(description="Of those that ran, 0 to 1; null where none ran.")]


class Used(BaseModel):
    conversations: int
    messages: int
    tool_calls: int
    tokens_input: int
    tokens_output: int
    cost: Usd


class ClientCount(BaseModel):
    total: int
    active: int


class Today(BaseModel):
    """The day in UTC so far, and what others had come to at this hour.

    Of the hour that is under way, the others count the part that has passed of it.
    """

    used: Used
    yesterday: Used
    week_mean: Used = Field(description="Of each of the seven days before.")


class SeriesDay(Used):
    date: dt.date


class ToolFigures(BaseModel):
    name: str
    calls: int
    success_rate: Rate
    p50_ms: int | None = Field(description="About how long half of the calls took at most.")
    p95_ms: int | None


class ModelCost(BaseModel):
    provider: str
    model: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost: Usd


class ClientCost(BaseModel):
    client_id: str
    name: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost: Usd


class Savings(BaseModel):
    response_cache_answers: int = Field(description="Messages that were answered without a model.")
    response_cache_tokens: int
    response_cache: Usd
    prompt_cache_tokens: int = Field(description="Input that vendors read from caches of their own.")
    prompt_cache: Usd
    routing_messages: int = Field(description="Simple questions that a cheaper model was asked first.")
    routing: Usd = Field(
        description="What that took off the price of the chain's first model, with the tokens as they were; "
        "less than nothing where the cheaper model was asked in vain."
    )


class FailingPlugin(BaseModel):
    id: str
    state: Literal["degraded", "quarantined"]
    cause: str
    remedy: str


class NearLimit(BaseModel):
    client_id: str
    client: str
    metric: str = Field(examples=["messages"])
    used: int
    limit: int
    part: float = Field(description="Of the limit, that is used: 0.8 and more.")


class Activity(BaseModel):
    kind: Literal["conversation", "handoff", "change", "limit", "plugin", "degraded"]
    at: datetime
    client_id: str | None
    title: str = Field(
        description="The channel of a conversation, the action of a change, the metric of a limit that was "
        "reached, or the plugin that a server started without or that failed in it.",
        examples=["client.updated"],
    )
    object: str = Field(description="Such as `conversation:` and its id.")
    actor: str = Field(description="Who changed it; empty for what visitors do, and for what nobody did.")


EXAMPLE_USED: dict[str, Any] = {
    "conversations": 12,
    "messages": 40,
    "tool_calls": 9,
    "tokens_input": 52_000,
    "tokens_output": 6_100,
    "cost": "0.247500",
}


class Dashboard(BaseModel):
    """Drawn from roll-ups, which the jobs bring up to date once a minute; days are days in UTC."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "as_of": "2026-03-01T12:00:00Z",
                    "days": 7,
                    "clients": {"total": 3, "active": 2},
                    "total": EXAMPLE_USED,
                    "today": {"used": EXAMPLE_USED, "yesterday": EXAMPLE_USED, "week_mean": EXAMPLE_USED},
                    "series": [{"date": "2026-03-01", **EXAMPLE_USED}],
                    "outcomes": {"completed": 38, "handed_off": 2},
                    "tools": [
                        {
                            "name": "get_order_status",
                            "calls": 9,
                            "success_rate": 0.8889,
                            "p50_ms": 180,
                            "p95_ms": 900,
                        }
                    ],
                    "models": [],
                    "by_client": [],
                    "savings": {
                        "response_cache_answers": 4,
                        "response_cache_tokens": 3_000,
                        "response_cache": "0.012000",
                        "prompt_cache_tokens": 20_000,
                        "prompt_cache": "0.054000",
                        "routing_messages": 20,
                        "routing": "0.031000",
                    },
                    "plugins": [],
                    "limits": [],
                    "activity": [],
                }
            ]
        }
    )

    as_of: datetime
    days: int = Field(description="That the series, outcomes, tools, models, clients and savings are of.")
    clients: ClientCount
    total: Used = Field(description="Of all time.")
    today: Today
    series: list[SeriesDay] = Field(description="Every day, oldest first, today the last.")
    outcomes: dict[str, int] = Field(description="Messages by their turn's outcome.")
    tools: list[ToolFigures] = Field(description="The most called, at most 5.")
    models: list[ModelCost] = Field(description="Dearest first.")
    by_client: list[ClientCost] = Field(description="Dearest first, at most 10.")
    savings: Savings
    plugins: list[FailingPlugin]
    limits: list[NearLimit] = Field(description="Those nearly reached, the fullest first.")
    activity: list[Activity] = Field(description="Newest first, at most 20.")
