"""A model request in the words of OpenAI's chat completions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from csai_sdk import AssistantMessage, Message, ModelRequest, ToolMessage, ToolSpec, UserMessage

from csai_provider_openai.models import is_reasoning, traits_of
from csai_provider_openai.settings import OpenAISettings

# The regional hosts included.
_OPENAI_URL = re.compile(r"https://(?:[\w-]+\.)?api\.openai\.com(?:/|$)")


def body_of(request: ModelRequest, settings: OpenAISettings) -> dict[str, Any]:
    """The body of `POST /chat/completions`."""
    model = request.model or settings.model
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(request.system, request.messages),
        "stream": True,
        _output_cap(model, settings): request.max_output_tokens,
    }
    if settings.reports_usage:
        body["stream_options"] = {"include_usage": True}
    if request.temperature is not None and traits_of(model).takes_temperature:
        body["temperature"] = request.temperature
    if settings.reasoning_effort:
        body["reasoning_effort"] = settings.reasoning_effort
    if request.tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
        if request.tool_choice == "none":
            body["tool_choice"] = "none"
    return body


def _output_cap(model: str, settings: OpenAISettings) -> str:
    if settings.output_cap != "auto":
        return settings.output_cap
    is_openai = _OPENAI_URL.match(settings.base_url) is not None
    return "max_completion_tokens" if is_openai or is_reasoning(model) else "max_tokens"


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": dict(spec.parameters_schema),
        },
    }


def _messages(system: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for message in messages:
        match message:
            case UserMessage():
                _add_text(sent, "user", message.text)
            case AssistantMessage(tool_calls=()):
                # An answer without text says nothing, and some servers refuse it.
                if message.text:
                    _add_text(sent, "assistant", message.text)
            case AssistantMessage():
                sent.append(_calling(message))
            case ToolMessage():
                sent.extend(
                    {"role": "tool", "tool_call_id": result.call_id, "content": result.content}
                    for result in message.results
                )
    return sent


def _add_text(sent: list[dict[str, Any]], role: str, text: str) -> None:
    # The chat templates of many open models insist on strict alternation.
    if sent and sent[-1]["role"] == role and "tool_calls" not in sent[-1]:
        sent[-1]["content"] += f"\n\n{text}"
    else:
        sent.append({"role": role, "content": text})


def _calling(message: AssistantMessage) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": message.text or None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    # What the model wrote wrongly is not sent back: servers parse it and refuse the request.
                    "arguments": json.dumps(dict(call.arguments or {}), ensure_ascii=False),
                },
            }
            for call in message.tool_calls
        ],
    }
