"""Says in sentences what a tool answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import ToolResult

from csai_provider_offline.moment import in_words
from csai_provider_offline.parameter import name_words

_SAYS_IT = ("message", "summary", "answer", "text", "reply", "output")
_FAILS = ("error", "error_message", "detail")
_WRAPS = ("result", "data", "value", "response")
_MAX_LINES = 14
_MAX_ITEMS = 8
_MAX_CHARS = 1500
_ABBREVIATIONS = {"id": "ID", "url": "URL", "eta": "ETA", "sku": "SKU"}


_ISO_DAY = re.compile(r"(?:\b[A-Z][a-z]+day,? )?\b(\d{4}-\d\d-\d\d)\b(?![T:])")
_OUTCOMES = ("booked", "success", "ok", "found", "available", "done", "created")


def came_to_nothing(result: ToolResult) -> bool:
    """Whether the tool says that it did not do what was asked."""
    value = _unwrapped(_parsed(result.content))
    is_refused = isinstance(value, Mapping) and any(value.get(key) is False for key in _OUTCOMES)
    return result.is_error or is_refused


def in_sentences(result: ToolResult) -> str:
    value = _parsed(result.content)
    said = _own_words(value)
    failure = _failure(value)
    if result.is_error or failure:
        return _failed(result.name, said or failure or (value if isinstance(value, str) else ""))
    return _cut(said or _described(_unwrapped(value)))


def _failed(name: str, reason: str) -> str:
    doing = " ".join(name_words(name)[:8])
    reason = " ".join(reason.split())[:300].rstrip(".")
    because = f": {reason}." if reason else "."
    return f"I'm sorry, that did not work ({doing}){because} You could check what you gave me and try again."


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content


def _unwrapped(value: Any) -> Any:
    """What is inside an envelope such as `{"result": ...}`, and inside a list of one."""
    for _ in range(3):
        if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _WRAPS:
            value = next(iter(value.values()))
        elif isinstance(value, list) and len(value) == 1:
            value = value[0]
        else:
            break
    return value


def _own_words(value: Any) -> str:
    """What the tool itself has put into words."""
    value = _unwrapped(value)
    if isinstance(value, Mapping):
        said = next((value[key].strip() for key in _SAYS_IT if _is_words(value.get(key))), "")
        return _ISO_DAY.sub(lambda match: in_words(match[1]), said)
    return ""


def _failure(value: Any) -> str:
    value = _unwrapped(value)
    if not isinstance(value, Mapping):
        return ""
    error = next((value[key] for key in _FAILS if value.get(key)), None)
    if error is None:
        return ""
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail")
    return error if isinstance(error, str) else "it answered with an error"


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _described(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "That is done; there was nothing more to report."
    if isinstance(value, Mapping):
        return "Here is what I found:\n" + "\n".join(_lines(value)[:_MAX_LINES])
    if isinstance(value, list):
        more = f"\n… and {len(value) - _MAX_ITEMS} more" if len(value) > _MAX_ITEMS else ""
        return (
            f"I found {len(value)}:\n" + "\n".join(f"- {_short(item)}" for item in value[:_MAX_ITEMS]) + more
        )
    text = _scalar(value)
    return text if text[-1:] in ".!?\n" or "\n" in text else f"The answer is: {text}"


def _lines(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[str]:
    lines: list[str] = []
    for key, item in value.items():
        label = f"{prefix}{_words_of(str(key))}"
        if item is None or item in ("", [], {}):
            continue
        if isinstance(item, Mapping) and depth < 2:
            lines.extend(_lines(item, f"{label}, ", depth + 1))
        else:
            lines.append(f"- {label[:1].upper()}{label[1:]}: {_short(item)}")
    return lines


def _short(item: Any) -> str:
    """One item on one line."""
    if isinstance(item, Mapping):
        parts = [
            f"{_label(str(k))}: {_scalar(v)}" for k, v in item.items() if not isinstance(v, Mapping | list)
        ]
        return "; ".join(parts[:6]) or "…"
    if isinstance(item, Sequence) and not isinstance(item, str):
        more = f" and {len(item) - _MAX_ITEMS} more" if len(item) > _MAX_ITEMS else ""
        return ", ".join(_short(one) for one in item[:_MAX_ITEMS]) + more
    return _scalar(item)


def _label(key: str) -> str:
    text = _words_of(key)
    return text[:1].upper() + text[1:]


def _words_of(key: str) -> str:
    return " ".join(_ABBREVIATIONS.get(word, word) for word in name_words(key)) or key


def _scalar(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        is_code = re.fullmatch(r"[a-z]+(?:_[a-z]+)+", value) is not None
        return value.replace("_", " ") if is_code else in_words(value.strip())
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS].rstrip() + " …"
