"""What the admin's routes for routing give."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field


class RoutingDecision(BaseModel):
    """One turn's. It holds counts, and no word of the visitor."""

    turn_id: str
    accepted_at: datetime
    status: str = Field(description="Of the turn.")
    rules: int = Field(description="The version of the rules that judged it.")
    features: dict[str, Any]
    difficulty: int = Field(description="0 to 100.")
    threshold: int
    chosen: Literal["simple", "chain"]
    simple: str = Field(description="The first model for simple questions then, as provider/model.")
    chain: str = Field(description="The first model of the chain then.")
    escalation: Literal["failed", "no_answer", "action", "look_up"] | None = Field(
        description="Why the chain took over; null: it did not."
    )
    simple_calls: int = Field(description="How many of the turn's calls were of models for simple questions.")


class RoutingDecisions(BaseModel):
    decisions: list[RoutingDecision] = Field(description="Newest first.")
    next: str | None = Field(description="For older ones ask with `before` set to this; null at the end.")


class Share(BaseModel):
    turns: int
    share: float = Field(description="Of the turns decided again, 0 to 1.")


class DifficultyBand(BaseModel):
    """Turns whose difficulty is from `least` to `least` + 9."""

    least: int
    turns: int
    was_simple: int
    escalated: int = Field(description="Simple ones that the chain took over.")


class RoutingReplay(BaseModel):
    """What would be other under a threshold. Quality is not measured."""

    days: int
    threshold: int = Field(description="The one that is tried.")
    simple_model: str = Field(description="Who would answer simple questions; empty: as was then.")
    turns: int = Field(description="Turns with a decision that were decided again.")
    other_rules: int = Field(description="Turns judged by other rules, which are left out.")
    is_cut: bool = Field(description="Whether only the newest turns of the time were looked at.")
    simple_before: Share
    simple_after: Share
    to_simple: Share = Field(description="Turns that would go to the cheaper model and did not.")
    to_chain: Share = Field(description="Turns that would no longer.")
    escalated: Share = Field(description="Simple ones that the chain took over.")
    cost_before: Decimal = Field(description="US dollars, as booked, without vectors of questions.")
    cost_after: Decimal = Field(description="US dollars, with the tokens as they were.")
    unpriced: int = Field(
        description="Turns that would move to a model of unknown price: their cost is left as it was."
    )
    bands: list[DifficultyBand]
