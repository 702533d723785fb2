"""A conversation that took place, as a case: what was said, and what the tools answered then."""

from __future__ import annotations

import json
from typing import Any

import yaml

from csai.evals.repository import CalledRow, SaidRow, Source
from csai.kit.problem import not_found

_BEGUN = ("succeeded", "failed", "unknown", "intended")
_NOT_RUN = ("waiting", "declined", "replaced")


async def recorded_case(source: Source, session_id: str, *, name: str) -> dict[str, Any]:
    """The conversation as a case of a suite. Raises `Problem`.

    What it expects are the tools that were called and what was asked to be confirmed; words are for a person
    to choose. Arguments and answers may be missing where retention has taken them.
    """
    said, called = await source.conversation(session_id)
    if not said:
        raise not_found("conversation")
    visitor = await source.visitor(session_id)
    return {
        "name": name,
        **({} if visitor is None else {"visitor": visitor}),
        "tools": _mocks(called),
        "steps": [_step(row, called) for row in said],
    }


def as_suite(case: dict[str, Any]) -> str:
    """A file with one case."""
    written: str = yaml.safe_dump({"cases": [case]}, allow_unicode=True, sort_keys=False, width=110)
    return written


def _step(row: SaidRow, called: list[CalledRow]) -> dict[str, Any]:
    own = [call for call in called if call.turn_id == row.turn_id]
    decided = next((call for call in own if _asked_in(call) != row.turn_id), None)
    asks = [call.tool_name for call in called if _was_asked(call) and _asked_in(call) == row.turn_id]
    expected: dict[str, Any] = {"tools": [call.tool_name for call in own if call.status not in _NOT_RUN]}
    if asks:
        expected["asks"] = asks
    if decided is None:
        return {"say": row.content, "expect": expected}
    return {"decide": "decline" if decided.status == "declined" else "approve", "expect": expected}


def _asked_in(call: CalledRow) -> str:
    """The turn in which the model wished for the call."""
    return call.call_id.partition(".")[0]


def _was_asked(call: CalledRow) -> bool:
    """Whether it waited for the visitor's word."""
    return call.status in _NOT_RUN or _asked_in(call) != call.turn_id


def _mocks(called: list[CalledRow]) -> dict[str, list[dict[str, Any]]]:
    mocks: dict[str, list[dict[str, Any]]] = {}
    for call in called:
        if call.status not in _BEGUN:
            continue
        outcome = {"answer": _value(call)} if call.status == "succeeded" else {"error": call.response or ""}
        mock = {"when": dict(call.parameters), **outcome}
        if mock not in mocks.setdefault(call.tool_name, []):
            mocks[call.tool_name].append(mock)
    return mocks


def _value(call: CalledRow) -> Any:
    try:
        return json.loads(call.response or "null")
    except ValueError:
        return call.response
