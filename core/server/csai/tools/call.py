"""Tool calls as a model wrote them, made safe to look at, store and show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from csai_sdk import ToolCall

from csai.kit.text import clean, is_clean

MAX_ARGUMENT_CHARS = 32_000


def sound(call: ToolCall) -> ToolCall:
    """The call with a clean id and name, its arguments dropped where they are no JSON that can be passed on.

    NaN is no JSON, NUL and half surrogate pairs cannot be stored, and what is nested a thousand deep or very
    large is no honest call.
    """
    return replace(
        call,
        id=clean(call.id)[:200],
        name=clean(call.name)[:200],
        arguments=call.arguments if call.arguments is not None and is_sound(call.arguments) else None,
        raw_arguments="",
    )


def is_sound(arguments: Mapping[str, Any]) -> bool:
    """Whether they are JSON that can be stored and passed on."""
    try:
        text = json.dumps(dict(arguments), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return len(text) <= MAX_ARGUMENT_CHARS and "\\u0000" not in text and is_clean(text)
