"""What event hooks are told. All frozen: a hook observes, and acts only through what it returns or raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from csai_sdk.provider import Usage


@dataclass(frozen=True, slots=True)
class TurnRef:
    """Which turn an event belongs to."""

    client_id: str
    conversation_id: str
    turn_id: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    turn: TurnRef
    text: str
    visitor_id: str | None
    """Set only for a verified visitor."""


@dataclass(frozen=True, slots=True)
class BeforeModelCall:
    turn: TurnRef
    provider: str
    model: str
    text: str
    """What the visitor asked in this turn."""


@dataclass(frozen=True, slots=True)
class AfterModelCall:
    turn: TurnRef
    provider: str
    model: str
    usage: Usage
    error: str | None
    """The class name of the SDK error the call ended with, or None."""


@dataclass(frozen=True, slots=True)
class BeforeToolCall:
    turn: TurnRef
    call_id: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AfterToolCall:
    turn: TurnRef
    call_id: str
    tool: str
    is_success: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class ReplySent:
    turn: TurnRef
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Handoff:
    turn: TurnRef
    reason: str
    """Why, as the visitor or the AI put it."""


@dataclass(frozen=True, slots=True)
class UsageRecorded:
    turn: TurnRef
    provider: str
    model: str
    usage: Usage
    cost_usd: Decimal
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class LimitReached:
    client_id: str
    metric: str
    """conversations, messages, tokens, cost (in millionths of a dollar) or tool_calls."""
    limit: int


@dataclass(frozen=True, slots=True)
class PluginToggled:
    client_id: str
    plugin: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class EraseVisitor:
    client_id: str
    visitor_id: str
