"""What the admin's routes for experiments take and give."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from csai.providers.choice import MAX_CHAIN

MAX_ARMS = 10


class ArmState(BaseModel):
    """What is other than with the client as it is; with nothing but a name it is that."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=50)]
    weight: Annotated[int, Field(ge=1, le=1_000, description="Its share of conversations.")] = 1
    chain: Annotated[list[str], Field(max_length=MAX_CHAIN, description="Who answers: provider/model.")] = []
    prompt: Annotated[str, Field(max_length=4_000, description="Added to the client's own.")] = ""
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None


class ExperimentChange(BaseModel):
    """An experiment as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Haiku or Opus",
                    "arms": [{"name": "opus"}, {"name": "haiku", "chain": ["claude/claude-haiku-5-5"]}],
                }
            ]
        },
    )

    name: Annotated[str, Field(min_length=1, max_length=200)]
    arms: Annotated[list[ArmState], Field(min_length=2, max_length=MAX_ARMS)]


class ExperimentState(BaseModel):
    id: str
    name: str
    status: Literal["draft", "running", "stopped"]
    arms: list[ArmState]
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None


class Experiments(BaseModel):
    experiments: list[ExperimentState] = Field(description="Newest first.")


class Estimate(BaseModel):
    """A value, and where it lies in 95 of 100 such experiments; null where there is too little to tell."""

    value: float | None
    low: float | None
    high: float | None


class ArmResult(BaseModel):
    """What became of an arm's conversations, as far as their turns are kept."""

    name: str
    weight: int
    conversations: int
    turns: int
    turns_by_status: dict[str, int]
    completed: Estimate = Field(description="Share of conversations all of whose turns were completed.")
    failed: Estimate = Field(description="Share of conversations with a turn that failed.")
    handed_off: Estimate = Field(description="Share of conversations with a turn that a teammate took over.")
    tokens_input: int
    tokens_output: int
    cost: Decimal = Field(description="US dollars.")
    cost_per_conversation: Estimate = Field(description="US dollars.")
    latency_p50_ms: int | None = Field(description="Of completed turns.")
    latency_p95_ms: int | None
    thumbs_up: int = Field(description="How many of its answers visitors liked.")
    thumbs_down: int
    rated: int = Field(description="How many of its conversations visitors rated.")
    rating: Estimate = Field(description="Their mean, of 1 to 5.")


class Comparison(BaseModel):
    """An arm less the first one."""

    arm: str
    measure: Literal["completed", "failed", "handed_off", "cost_per_conversation", "rating"]
    difference: Estimate
    verdict: Literal["too_few", "no_difference_shown", "lower", "higher"]


class ExperimentResults(BaseModel):
    experiment: ExperimentState
    arms: list[ArmResult]
    comparisons: list[Comparison] = Field(description="Of each arm with the first.")
    statement: str = Field(description="What can be said, in a sentence.")
    is_cut: bool = Field(description="Whether only the newest turns were counted.")
