"""Making a text shorter so that a model still understands it, and sees that something is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import regex

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
MAX_DEPTH = 40
MAX_WORD_CHARS = 60
_SPACE = regex.compile(r"\s+")
_LETTER = regex.compile(r"\X")
"""With its accents, points and whatever else is shown as a part of it."""


def shorten(text: str, size_bytes: int) -> str:
    """The text itself where it fits, else what is worth most of it; never more than `size_bytes` of UTF-8.

    JSON stays JSON: lists lose their last items, long strings their middle. Other text keeps its beginning
    and its end. A mark tells how much is missing, where there is room for one.
    """
    if len(text.encode()) <= size_bytes:
        return text
    if text.lstrip()[:1] in {"{", "["}:
        try:
            shorter = _encode(_shrink(json.loads(text), size_bytes, 0))
        except (ValueError, RecursionError):
            shorter = None
        if shorter is not None and len(shorter.encode()) <= size_bytes:
            return shorter
    return _ends(text, size_bytes)


def level(weights: Sequence[int], room: int) -> int:
    """The height to which all must be cut so that together they fit: the small stay whole."""
    left = max(room, 0)
    for position, weight in enumerate(sorted(weights)):
        share = left // (len(weights) - position)
        if weight > share:
            return share
        left -= weight
    return max(weights, default=0)


def _ends(text: str, size_bytes: int) -> str:
    mark = cut_mark(text)
    room = size_bytes - len(mark)
    if room < len(mark):
        return beginning(text, max(size_bytes, 0))
    head = room * 2 // 3
    return beginning(text, head) + mark + ending(text, room - head)


def cut_mark(text: str) -> str:
    """Stands where the middle of the text was."""
    return f"\n[... {len(text.encode())} bytes in all, the middle left out ...]\n"


def beginning(text: str, size_bytes: int) -> str:
    """At most so much of its beginning: half of an amount is another amount, so no word is cut in two.

    A word longer than `MAX_WORD_CHARS` is, but never a letter from its marks.
    """
    at = len(text.encode()[:size_bytes].decode(errors="ignore"))
    if not _is_inside_word(text, at):
        return text[:at]
    start = max(0, at - MAX_WORD_CHARS)
    spaces = [space.start() for space in _SPACE.finditer(text, start, at)]
    # Not to the end of the text, which may be long.
    ends = takewhile(lambda end: end <= at, (each.end() for each in _LETTER.finditer(text, start)))
    places = spaces or [start, *ends]
    return text[: places[-1]]


def ending(text: str, size_bytes: int) -> str:
    """At most so much of its end, as `beginning` does."""
    encoded = text.encode()
    at = len(text) - len(encoded[len(encoded) - size_bytes :].decode(errors="ignore"))
    if not _is_inside_word(text, at):
        return text[at:]
    start = max(0, at - MAX_WORD_CHARS)
    space = _SPACE.search(text, at, at + MAX_WORD_CHARS)
    letter = next((each for each in _LETTER.finditer(text, start) if each.end() >= at), None)
    return text[space.end() if space else letter.end() if letter else at :]


def _is_inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and not (text[at - 1].isspace() or text[at].isspace())


def _shrink(value: Any, size: int, depth: int) -> Any:
    if depth > MAX_DEPTH or len(_encode(value).encode()) <= size:
        return value
    match value:
        case str():
            return _shrink_text(value, size)
        case list():
            return _shrink_list(value, size, depth)
        case dict():
            return _shrink_object(value, size, depth)
    return value


def _shrink_text(text: str, size: int) -> str:
    # Quotes and escapes come on top of the text itself; what they weigh, the written form tells.
    room = size - 2
    shorter = _ends(text, room)
    excess = len(_encode(shorter).encode()) - size
    return shorter if excess <= 0 else _ends(text, room - excess)


def _shrink_list(items: list[Any], size: int, depth: int) -> list[Any]:
    mark = f"({len(items)} items in all, the rest left out)"
    room = size - len(_encode(mark)) - 3
    kept: list[Any] = []
    for item in items:
        room -= len(_encode(item).encode()) + 1
        if room < 0:
            break
        kept.append(item)
    if not kept and items:
        # Better a piece of the first than nothing.
        kept = [_shrink(items[0], size - len(_encode(mark)) - 4, depth + 1)]
    return [*kept, mark]


def _shrink_object(found: dict[str, Any], size: int, depth: int) -> dict[str, Any]:
    weights = [len(_encode(item).encode()) for item in found.values()]
    names = sum(len(_encode(name).encode()) + 2 for name in found)
    cap = level(weights, size - 2 - names)
    return {
        name: item if weight <= cap else _shrink(item, cap, depth + 1)
        for (name, item), weight in zip(found.items(), weights, strict=True)
    }
