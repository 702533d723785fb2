"""What the admin's routes for providers take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from csai.providers.choice import MAX_CHAIN, Source

Chain = Annotated[
    list[str],
    Field(
        max_length=MAX_CHAIN,
        description="provider/model each, the first first; a provider alone is asked for its own model.",
        examples=[["claude/claude-haiku-5-5", "openai"]],
    ),
]


class PlanProvidersState(BaseModel):
    """What a plan says of providers."""

    name: str
    chain: Chain
    models: list[str] | None = Field(
        description="The models that may be used: provider/model, or the beginning of one and a *; null: all."
    )
    may_choose: bool = Field(description="Whether clients may have a chain of their own.")


class AnsweringModel(BaseModel):
    provider: str
    model: str
    uses_own_account: bool = Field(description="Whether the client's own key or address is used.")


class LeftOut(BaseModel):
    model: str
    reason: str


class ClientProviders(BaseModel):
    """What answers a client, and because of what."""

    chain: list[str] = Field(description="The client's own; empty leaves it to the plan.")
    source: Source = Field(description="Whose chain is in use.")
    plan: PlanProvidersState
    answering: list[AnsweringModel] = Field(description="Who is asked at the next turn, in this order.")
    left_out: list[LeftOut] = Field(description="What is asked for and cannot answer.")


class ProvidersChange(BaseModel):
    """The client's choice as a whole."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"chain": ["claude/claude-haiku-5-5", "openai"]}}
    )

    chain: Chain = []


class PlanProvidersChange(BaseModel):
    """A plan's providers as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"chain": ["claude"], "models": ["claude/*", "openai/gpt-5*"], "may_choose": True}
        },
    )

    chain: Chain = []
    models: list[str] | None = None
    may_choose: bool = True
