"""The body of a chat request, in Ollama's form.

Source: https://docs.ollama.com/api/chat
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import AssistantMessage, Message, ModelRequest, ToolCall, ToolMessage, ToolSpec, UserMessage

from csai_provider_ollama import prompted
from csai_provider_ollama.settings import OllamaSettings

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def body(request: ModelRequest, settings: OllamaSettings, *, model: str, by_prompt: bool) -> dict[str, Any]:
    """The request as JSON. `by_prompt` describes the tools in words instead of declaring them.

    Ollama has no `tool_choice`. Where no tool may be called, none is declared: the calls and results of
    earlier rounds stay in the history, which needs no declaration.
    """
    system = prompted.system(request) if by_prompt else request.system
    history = prompted.messages(request.messages) if by_prompt else _messages(request.messages)
    result: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, *history] if system else history,
        "stream": True,
        "options": _options(request, settings),
    }
    if request.tools and request.tool_choice == "auto" and not by_prompt:
        result["tools"] = [_tool(spec) for spec in request.tools]
    if settings.keep_alive:
        result["keep_alive"] = duration(settings.keep_alive)
    return result


def _options(request: ModelRequest, settings: OllamaSettings) -> dict[str, Any]:
    options = {**settings.options, "num_predict": request.max_output_tokens}
    if settings.num_ctx is not None:
        options["num_ctx"] = settings.num_ctx
    if request.temperature is not None:
        options["temperature"] = request.temperature
    return options


def duration(text: str) -> str | float:
    """As `keep_alive` is sent: Ollama reads a bare number only as a JSON number; it means seconds."""
    return float(text) if _NUMBER.fullmatch(text) else text


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.parameters_schema}
    return {"type": "function", "function": function}


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for message in messages:
        match message:
            case UserMessage():
                result.append({"role": "user", "content": message.text})
            case AssistantMessage():
                result.append(_assistant(message))
            case ToolMessage():
                result.extend(
                    {
                        "role": "tool",
                        "tool_name": answer.name,
                        "tool_call_id": answer.call_id,
                        "content": f"Error: {answer.content}" if answer.is_error else answer.content,
                    }
                    for answer in message.results
                )
    return result


def _assistant(message: AssistantMessage) -> dict[str, Any]:
    result: dict[str, Any] = {"role": "assistant", "content": message.text}
    if message.tool_calls:
        result["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.provider == "ollama" and (thinking := _thinking(message.reasoning)):
        result["thinking"] = thinking
    return result


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.arguments or {}}}


def _thinking(reasoning: Sequence[Mapping[str, Any]]) -> str:
    return "".join(str(block.get("thinking", "")) for block in reasoning)
