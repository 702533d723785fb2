"""A conversation that took place, as a case: what was said, and what the tools answered then."""

from __future__ import annotations

import json
from typing import Any

import yaml

from csai.evals.repository import CalledRow, SaidRow, Source
from csai.kit.problem import not_found


async def recorded_case(source: Source, session_id: str, *, name: str) -> dict[str, Any]:
    """The conversation as a case of a suite. Raises `Problem`.

    What it expects are the tools that were called; words are for a person to choose. Arguments and answers
    may be missing where retention has taken them.
    """
    said, called = await source.conversation(session_id)
    if not said:
        raise not_found("conversation")
    return {
        "name": name,
        "tools": _mocks(called),
        "steps": [_step(row, called) for row in said],
    }


def as_suite(case: dict[str, Any]) -> str:
    """A file with one case."""
    written: str = yaml.safe_dump({"cases": [case]}, allow_unicode=True, sort_keys=False, width=110)
    return written


def _step(row: SaidRow, called: list[CalledRow]) -> dict[str, Any]:
    tools = [call.tool_name for call in called if call.turn_id == row.turn_id]
    return {"say": row.content, "expect": {"tools": tools}}


def _mocks(called: list[CalledRow]) -> dict[str, list[dict[str, Any]]]:
    mocks: dict[str, list[dict[str, Any]]] = {}
    for call in called:
        outcome = {"error": call.response or ""} if call.status == "failed" else {"answer": _value(call)}
        mock = {"when": dict(call.parameters), **outcome}
        if mock not in mocks.setdefault(call.tool_name, []):
            mocks[call.tool_name].append(mock)
    return mocks


def _value(call: CalledRow) -> Any:
    try:
        return json.loads(call.response or "null")
    except ValueError:
        return call.response
