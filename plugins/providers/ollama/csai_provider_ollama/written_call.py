"""Reads tool calls that a model has written as text, in the form it was told or in one it fell into."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection
from typing import Any

from csai_sdk import ToolCall

_NAME_KEYS = ("name", "tool", "tool_name", "function", "action")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "action_input")
_FIRST_KEYS = frozenset({*_NAME_KEYS, *_ARGUMENT_KEYS, "tool_calls", "tool_call", "type", "id"})
_FIRST_KEY = re.compile(r"""[\[\s]*\{\s*(["'])(\w*)(\1)?""")
_NAME = re.compile(r"""["'](?:name|tool|tool_name|function|action)["']\s*:\s*["']([\w.-]+)""")
_FENCES = re.compile(r"^\s*```[^\n]*\n|```\s*$")
_BETWEEN = re.compile(r"[\s,;]*")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_constant)


def new_call(name: str, arguments: Any, *, call_id: str = "") -> ToolCall:
    """A call with arguments as the vendor gave them: an object, JSON text of one, or something broken."""
    call_id = call_id or f"call_{uuid.uuid4().hex[:24]}"
    raw = arguments if isinstance(arguments, str) else ""
    if isinstance(arguments, str):
        arguments = decode_json(arguments)
    if arguments is None and not raw.strip():
        arguments = {}
    if not isinstance(arguments, dict):
        return ToolCall(call_id, name, None, raw or json.dumps(arguments))
    return ToolCall(call_id, name, arguments, raw)


def may_begin_call(text: str) -> bool | None:
    """Whether `text`, from its `{` or `[` on, begins a call; None while more text is needed to tell."""
    if match := _FIRST_KEY.match(text):
        key, is_whole = match[2], match[3] is not None
        if is_whole:
            return key in _FIRST_KEYS
        is_at_end = match.end() == len(text)
        return None if is_at_end and any(known.startswith(key) for known in _FIRST_KEYS) else False
    return None if re.fullmatch(r"[\[\s]*\{?\s*", text) else False


def decode_json(text: str) -> Any:
    """The JSON value that `text` is, None where it is none."""
    try:
        value, end = _DECODER.raw_decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return value if end == len(text.strip()) else None


def leading_json(text: str) -> tuple[Any, int] | None:
    """The JSON value at the start of `text` and where it ends; None while it is incomplete or broken."""
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value, end


def calls_in(value: Any, tools: Collection[str]) -> list[ToolCall]:
    """The calls that a JSON value stands for; empty where it is something else."""
    if isinstance(value, list):
        parts = [calls_in(item, tools) for item in value]
        return [call for part in parts for call in part] if all(parts) else []
    if not isinstance(value, dict):
        return []
    for key in ("tool_calls", "tool_call", "function"):
        if isinstance(value.get(key), list | dict):
            return calls_in(value[key], tools)
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), "")
    argument_keys = [key for key in _ARGUMENT_KEYS if key in value]
    if not name or not (argument_keys or name in tools):
        return []
    return [new_call(name, value[argument_keys[0]] if argument_keys else {})]


def calls_in_block(text: str, tools: Collection[str]) -> list[ToolCall]:
    """The calls between a pair of tags. What cannot be read becomes one call without arguments."""
    rest = _FENCES.sub("", text).strip()
    calls: list[ToolCall] = []
    while rest:
        found = leading_json(rest)
        read = calls_in(found[0], tools) if found else []
        if not found or not read:
            return [*calls, broken_call(rest)]
        calls += read
        rest = _BETWEEN.sub("", rest[found[1] :], count=1)
    return calls


def broken_call(text: str) -> ToolCall:
    """A call that cannot be read, with what was written."""
    match = _NAME.search(text)
    return ToolCall(f"call_{uuid.uuid4().hex[:24]}", match[1] if match else "unknown", None, text.strip())


def names_tool(text: str, tools: Collection[str]) -> bool:
    """Whether broken text asks for one of the tools by name."""
    match = _NAME.search(text)
    return match is not None and match[1] in tools
