"""Tool calls as a model wrote them, made safe to look at, store and show."""

from __future__ import annotations

import json
from dataclasses import replace

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
        arguments=call.arguments if _is_sound(call) else None,
        raw_arguments="",
    )


def _is_sound(call: ToolCall) -> bool:
    if call.arguments is None:
        return False
    try:
        text = json.dumps(dict(call.arguments), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return len(text) <= MAX_ARGUMENT_CHARS and "\\u0000" not in text and is_clean(text)
