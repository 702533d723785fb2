"""Tool calls put together from the pieces that servers send them in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from csai_sdk import ToolCall
from jiter import from_json

MAX_CALLS = 128


@dataclass(slots=True)
class _Pending:
    id: str = ""
    name: str = ""
    written: str = ""

    @property
    def is_finished(self) -> bool:
        return self.written != "" and _object(self.written) is not None


class CallCollector:
    """Collects `tool_calls` deltas, OpenAI's and those of servers that take liberties with them.

    Met in the wild: no index; index 0 for every call; no id, an empty one, or the same one again; the name
    repeated with each piece; arguments as an object instead of its text.
    """

    __slots__ = ("_by_index", "_calls")

    def __init__(self) -> None:
        self._calls: list[_Pending] = []
        self._by_index: dict[int, _Pending] = {}

    def add(self, piece: dict[str, Any]) -> None:
        """Take one element of a `tool_calls` list."""
        function = piece.get("function") or {}
        call_id, name = str(piece.get("id") or ""), str(function.get("name") or "")
        call = self._call_for(piece.get("index"), call_id, name)
        call.id = call.id or call_id
        call.name = call.name or name
        arguments = function.get("arguments")
        if arguments is not None:
            call.written += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def finish(self) -> tuple[ToolCall, ...]:
        """The calls, each with an id of its own. Raises `ValueError` when one has no name."""
        seen: set[str] = set()
        calls = []
        for pending in self._calls:
            if not pending.name:
                raise ValueError("a tool call without a name")
            call_id = pending.id
            if not call_id or call_id in seen:
                call_id = f"call_{uuid4().hex[:24]}"
            seen.add(call_id)
            arguments = _object(pending.written) if pending.written.strip() else {}
            calls.append(ToolCall(call_id, pending.name, arguments, pending.written))
        return tuple(calls)

    def _call_for(self, index: Any, call_id: str, name: str) -> _Pending:
        if isinstance(index, int):
            known = self._by_index.get(index)
            if known is None or _starts_another(known, call_id, name):
                known = self._by_index[index] = self._started()
            return known
        if call_id:
            known = next((call for call in self._calls if call.id == call_id), None)
            return known or self._started()
        if name or not self._calls:
            return self._started()
        return self._calls[-1]

    def _started(self) -> _Pending:
        if len(self._calls) == MAX_CALLS:
            raise ValueError("more tool calls than any model makes")
        self._calls.append(_Pending())
        return self._calls[-1]


def _starts_another(known: _Pending, call_id: str, name: str) -> bool:
    if call_id and known.id:
        return call_id != known.id
    return bool(name) and known.is_finished


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = from_json(text.encode("utf-8", "surrogatepass"), allow_inf_nan=False)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
