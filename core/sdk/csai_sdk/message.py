"""What a model is told and what it says, in a form no vendor owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to run a tool.

    `id` is the vendor's id of the call, or one the provider made up where the vendor gave none; it is
    unique within its reply. `arguments` is None when the model wrote something that is no JSON object;
    `raw_arguments` then holds what it wrote.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] | None
    raw_arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one `ToolCall`, as text the model reads (JSON where the tool returned data)."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the visitor wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What the model answered: text, tool calls, or both.

    `reasoning` holds the vendor's own thinking blocks, opaque and in order. They are handed back only to
    the provider named by `provider`, and only within the turn that made them.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: tuple[Mapping[str, Any], ...] = ()
    provider: str = ""


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """The results of all tool calls of the assistant message before it, one for each, in its order."""

    results: tuple[ToolResult, ...]


Message = UserMessage | AssistantMessage | ToolMessage
