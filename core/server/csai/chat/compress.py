"""Sending less to the model without telling it less: where a client has `compression` on.

Passages and tool results lose padding and tags, passages that say the same are sent once, and a long result
is cut at the border of a value or a sentence, with a notice. A result stays the result of its call. Which
passages there is room for, the window decides as ever, the least relevant first to go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from csai_sdk import Passage, ToolResult

from csai.chat.markup import minified, tidy
from csai.chat.trim import beginning, cut_mark, ending, shorten
from csai.plugins.view import ClientView

MAX_RESULT_BYTES = 8_000
"""About 2,000 tokens: what one result may take of a conversation's context."""

_BORDER = re.compile(r"(?<=[.!?\u3002\uff01\uff1f\u061f])\s+|\n+")
_SPACE = re.compile(r"\s+")


def is_on(view: ClientView) -> bool:
    return view.client.settings.get("compression") == "on"


def compressed_passages(passages: Sequence[Passage]) -> list[Passage]:
    """The passages tidied, without those that another has all of; best first, as they came.

    A title is a part of what a passage says: the same words about shoes and about lamps are two things.
    """
    tidied = [replace(each, title=tidy(each.title), text=tidy(each.text)) for each in passages]
    plain = [(_plain(each.title), _plain(each.text)) for each in tidied]
    return [
        passage
        for at, passage in enumerate(tidied)
        if not any(
            _has_all_of(other, plain[at]) and (place < at or not _has_all_of(plain[at], other))
            for place, other in enumerate(plain)
            if place != at
        )
    ]


def compressed_result(result: ToolResult) -> ToolResult:
    """The result of the same call, told in less."""
    return replace(result, content=compressed_text(result.content))


def compressed_text(text: str) -> str:
    as_json = minified(text)
    if as_json is not None:
        return shorten(as_json, MAX_RESULT_BYTES)
    return _cut(tidy(text), MAX_RESULT_BYTES)


def _cut(text: str, size_bytes: int) -> str:
    """The beginning and the end of a text, whole sentences where it has such."""
    if len(text.encode()) <= size_bytes:
        return text
    mark = cut_mark(text)
    room = size_bytes - len(mark)
    head, tail = beginning(text, room * 2 // 3), ending(text, room // 3)
    borders = [border.start() for border in _BORDER.finditer(head)]
    if borders and borders[-1] > len(head) // 2:
        head = head[: borders[-1]]
    first = _BORDER.search(tail)
    if first and first.end() < len(tail) // 2:
        tail = tail[first.end() :]
    return head + mark + tail


def _has_all_of(whole: tuple[str, str], part: tuple[str, str]) -> bool:
    """By title and text, in whole words: `1 day` is no part of `21 days`."""
    return _stands_in(part[1], whole[1]) and (part[0] == whole[0] or _stands_in(part[0], " ".join(whole)))


def _stands_in(words: str, text: str) -> bool:
    if words not in text:
        return False
    within = rf"(?<!\w)(?<!\d[.,:/-]){re.escape(words)}(?!\w)(?![.,:/-]\d)"
    return re.search(within, text) is not None


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).casefold()
