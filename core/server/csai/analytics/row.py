"""What roll-ups come to, as repositories give it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import add, attrgetter
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sums:
    """What was used. The cost is in millionths of a US dollar."""

    conversation_count: int = 0
    message_count: int = 0
    tool_calls_count: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_micros: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*map(add, sums_of(self), sums_of(other)))


SUMS = tuple(field.name for field in fields(Sums))
# Not `astuple`, which copies each number: a week has many hours to add.
sums_of = attrgetter(*SUMS)


@dataclass(frozen=True, slots=True)
class Saved:
    """What caches, and cheaper models for simple questions, took off."""

    response_cache_count: int = 0
    response_cache_tokens: int = 0
    response_cache_micros: int = 0
    prompt_cache_tokens: int = 0
    prompt_cache_micros: int = 0
    routing_count: int = 0
    routing_micros: int = 0

    def __add__(self, other: Saved) -> Saved:
        return Saved(*map(add, _saved_of(self), _saved_of(other)))


SAVED = tuple(field.name for field in fields(Saved))
_saved_of = attrgetter(*SAVED)


@dataclass(frozen=True, slots=True)
class ToolRow:
    tool_name: str
    calls: int
    succeeded: int
    failed: int
    refused: int
    unknown: int
    durations: Sequence[int]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used of all days, on each day of the time looked at, and what was saved on those."""

    total: Sums
    days: dict[dt.date, Sums]
    saved: Saved


@dataclass(frozen=True, slots=True)
class SpentRow:
    """What a model, or a client, cost: a model has a provider, a client its id."""

    client_id: str | None
    provider: str
    name: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost_micros: int


@dataclass(frozen=True, slots=True)
class CountedRow:
    client_id: str
    name: str
    timezone: str
    metric: str
    period: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class HappenedRow:
    """A conversation that began or waits, a change, or what befell: a limit reached, a plugin kept out."""

    kind: Literal["conversation", "handoff", "change", "limit", "plugin", "degraded"]
    client_id: str | None
    title: str
    id: str | None
    object: str
    actor_name: str
    at: datetime
