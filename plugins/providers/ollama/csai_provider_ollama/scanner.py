"""Parts a stream of text into what the visitor sees and the tool calls written in it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from csai_sdk import ToolCall

from csai_provider_ollama.written_call import (
    broken_call,
    calls_in,
    calls_in_block,
    leading_json,
    may_begin_call,
    names_tool,
)

_OPEN, _CLOSE, _FENCE = "<tool_call>", "</tool_call>", "```"
_SUSPECT = re.compile(r"\s*[<`{\[]|\s+\Z")
_FENCE_LINE = re.compile(r"```[^\n`]{0,40}\n\s*")
_FENCE_LINE_SO_FAR = re.compile(r"```[^\n`]{0,40}\Z")
_FENCE_END = re.compile(r"\n\s*```")


class _Verdict(NamedTuple):
    """What the first `length` characters are."""

    length: int
    calls: list[ToolCall] | None = None
    """None: ordinary text."""


class CallScanner:
    """Fed with text as it streams; `feed` gives back what may be shown.

    Text is held back only while it may still turn out to be a call. Whatever follows a call is not shown:
    a model that has no tools of its own likes to go on with a result it has made up.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self.calls: list[ToolCall] = []
        self._tools = tools
        self._held = ""
        # How much at the start of `_held` is known to be ordinary text.
        self._cleared = 0

    def feed(self, text: str) -> str:
        self._held += text
        return self._advance(is_end=False)

    def finish(self) -> str:
        """The rest, once no more text comes."""
        return self._advance(is_end=True)

    def _advance(self, *, is_end: bool) -> str:
        shown: list[str] = []
        while match := _SUSPECT.search(self._held, self._cleared):
            shown.append(self._cut(match.start()))
            body = self._held.lstrip()
            indent = len(self._held) - len(body)
            verdict = self._judge(body, is_end=is_end)
            if verdict is None:
                return "".join(shown)
            if verdict.calls is None:
                self._cleared = indent + verdict.length
            else:
                self._cut(indent + verdict.length)
                self.calls += verdict.calls
        shown.append(self._cut(len(self._held)))
        return "".join(shown)

    def _cut(self, end: int) -> str:
        text, self._held, self._cleared = self._held[:end], self._held[end:], 0
        return "" if self.calls else text

    def _judge(self, body: str, *, is_end: bool) -> _Verdict | None:
        """What a suspicious piece of text is; None while more of it is needed to tell."""
        match body[:1]:
            case "<":
                verdict = self._judge_tag(body, is_end=is_end)
            case "`":
                verdict = self._judge_fence(body, is_end=is_end)
            case "{" | "[":
                verdict = self._judge_json(body, is_end=is_end)
            case _:
                verdict = None
        # What could still have become a call is text once nothing more comes.
        return _Verdict(len(body)) if verdict is None and is_end else verdict

    def _judge_tag(self, body: str, *, is_end: bool) -> _Verdict | None:
        if not body.startswith(_OPEN):
            return None if _OPEN.startswith(body) else _Verdict(1)
        end = body.find(_CLOSE)
        if end < 0 and not is_end:
            return None
        block = body[:end] if end >= 0 else body
        calls = [call for part in block.split(_OPEN) for call in calls_in_block(part, self._tools)]
        return _Verdict(len(block) + (len(_CLOSE) if end >= 0 else 0), calls)

    def _judge_fence(self, body: str, *, is_end: bool) -> _Verdict | None:
        if not body.startswith(_FENCE):
            return None if _FENCE.startswith(body) else _Verdict(1)
        line = _FENCE_LINE.match(body)
        if line is None:
            return None if _FENCE_LINE_SO_FAR.match(body) else _Verdict(len(_FENCE))
        content = body[line.end() :]
        if content and content[0] not in "{[<":
            return _Verdict(len(_FENCE))
        verdict = self._judge(content, is_end=is_end) if content else None
        return verdict and _Verdict(line.end() + verdict.length, verdict.calls)

    def _judge_json(self, body: str, *, is_end: bool) -> _Verdict | None:
        begins_call = may_begin_call(body)
        if begins_call is not True:
            return None if begins_call is None else _Verdict(1)
        if found := leading_json(body):
            value, length = found
            return _Verdict(length, calls_in(value, self._tools) or None)
        fence = _FENCE_END.search(body)
        if fence is None and not is_end:
            return None
        broken = body[: fence.start()] if fence else body
        is_call = names_tool(broken, self._tools)
        return _Verdict(len(broken), [broken_call(broken)] if is_call else None)
