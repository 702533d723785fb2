"""A model request in the words of Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from csai_sdk import AssistantMessage, Message, ModelRequest, ToolMessage, ToolSpec, UserMessage

from csai_provider_claude.models import traits_of
from csai_provider_claude.settings import ClaudeSettings

PROVIDER_ID = "claude"
_CACHED = {"cache_control": {"type": "ephemeral"}}
# Stands where a conversation opens with our greeting: the first message has to be a user's.
_OPENING = "(opened the chat)"
# Anthropic refuses empty text.
_NOTHING = "(empty message)"

Blocks = list[dict[str, Any]]


def body_of(request: ModelRequest, settings: ClaudeSettings) -> dict[str, Any]:
    """The body of `POST /v1/messages`."""
    model = request.model or settings.model
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_output_tokens,
        "messages": _messages(request.messages),
        "stream": True,
    }
    steady, rest = request.system[: request.steady_chars], request.system[request.steady_chars :]
    if system := [*_text(steady), *_text(rest)]:
        body["system"] = system
    if request.tools:
        body["tools"] = _tools(request.tools)
        if request.tool_choice == "none":
            body["tool_choice"] = {"type": "none"}
    if settings.caches_prompt:
        _mark(body, request)
    if settings.thinking:
        body["thinking"] = {"type": settings.thinking}
    if (
        request.temperature is not None
        and settings.thinking != "adaptive"
        and traits_of(model).takes_temperature
    ):
        body["temperature"] = request.temperature
    return body


def _mark(body: dict[str, Any], request: ModelRequest) -> None:
    """Say what Anthropic shall keep: what is likely sent again, since keeping costs a quarter more."""
    if request.tools:
        body["tools"][-1].update(_CACHED)
    if request.system[: request.steady_chars].strip():
        body["system"][0].update(_CACHED)
    if request.tools and request.tool_choice == "auto" and body["messages"]:
        # A tool round sends all of it again.
        body["messages"][-1]["content"][-1].update(_CACHED)


def _tools(specs: Iterable[ToolSpec]) -> Blocks:
    return [
        {"name": spec.name, "description": spec.description, "input_schema": dict(spec.parameters_schema)}
        for spec in specs
    ]


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if isinstance(message, AssistantMessage) else "user"
        blocks = _blocks(message)
        if not blocks:
            continue
        if sent and sent[-1]["role"] == role:
            sent[-1]["content"].extend(blocks)
        else:
            sent.append({"role": role, "content": blocks})
    if sent and sent[0]["role"] == "assistant":
        sent.insert(0, {"role": "user", "content": [{"type": "text", "text": _OPENING}]})
    return sent


def _blocks(message: Message) -> Blocks:
    match message:
        case UserMessage():
            return _text(message.text) or _text(_NOTHING)
        case ToolMessage():
            return [
                {
                    "type": "tool_result",
                    "tool_use_id": result.call_id,
                    "content": result.content,
                    **({"is_error": True} if result.is_error else {}),
                }
                for result in message.results
            ]
        case AssistantMessage():
            return _answer(message)


def _answer(message: AssistantMessage) -> Blocks:
    calls: Blocks = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments or {})}
        for call in message.tool_calls
    ]
    # Thinking must stand ahead of the calls it led to; an answer without calls needs none of it.
    is_own = calls and message.provider == PROVIDER_ID
    reasoning = [dict(block) for block in message.reasoning] if is_own else []
    return [*reasoning, *_text(message.text), *calls]


def _text(text: str) -> Blocks:
    return [{"type": "text", "text": text}] if text.strip() else []
