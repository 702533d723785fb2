"""What event hooks are told. All frozen: a hook observes, and acts only through what it returns or raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from csai_sdk.usage import Usage


@dataclass(frozen=True, slots=True)
class TurnRef:
    """Which turn an event belongs to."""

    client_id: str
    conversation_id: str
    turn_id: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A visitor wrote something, and it was accepted."""

    turn: TurnRef
    text: str
    visitor_id: str | None
    """Set only for a verified visitor."""


@dataclass(frozen=True, slots=True)
class BeforeModelCall:
    """The model is about to be asked for the first time in this turn."""

    turn: TurnRef
    provider: str
    model: str
    text: str
    """What the visitor asked in this turn."""


@dataclass(frozen=True, slots=True)
class AfterModelCall:
    """A model call ended. `usage` is all zeros where nothing is booked for it."""

    turn: TurnRef
    provider: str
    model: str
    usage: Usage
    error: str | None
    """The class name of the SDK error the call ended with, or None."""


@dataclass(frozen=True, slots=True)
class BeforeToolCall:
    """A tool is about to run. `call_id` is stable over retries and restarts."""

    turn: TurnRef
    call_id: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AfterToolCall:
    """A tool ran."""

    turn: TurnRef
    call_id: str
    tool: str
    is_success: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class ReplySent:
    """The turn's one outcome: `status` is as in the HTTP answer, `text` what the visitor reads."""

    turn: TurnRef
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """The AI answers no longer: the conversation waits for a teammate, or one has it."""

    client_id: str
    conversation_id: str
    state: str
    """`queued` or `teammate`."""
    reason: str
    """Why, as whoever handed it over put it; may be empty."""
    email: str | None = None
    """Where the visitor wants to be answered when nobody is there, as far as they have said so."""


@dataclass(frozen=True, slots=True)
class UsageRecorded:
    """A model call's usage as the ledger has it."""

    turn: TurnRef
    provider: str
    model: str
    usage: Usage
    cost_usd: Decimal
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class LimitReached:
    """A limit of the client's plan leaves no room for more work in this period."""

    client_id: str
    metric: str
    """conversations, messages, tokens, cost (in millionths of a dollar) or tool_calls."""
    limit: int


@dataclass(frozen=True, slots=True)
class PluginToggled:
    """A plugin was switched on or off."""

    client_id: str
    plugin: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class EraseVisitor:
    """A verified visitor is to be forgotten."""

    client_id: str
    visitor_id: str
