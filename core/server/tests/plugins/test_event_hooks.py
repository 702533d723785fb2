"""Event hooks of several plugins, called together and kept apart."""

from __future__ import annotations

import asyncio
from typing import Any

from csai.plugins import event
from csai.plugins.event import EventHooks
from csai_sdk import HookRefusal
from csai_testkit.context import make_context


def hooks(**functions: Any) -> EventHooks:
    """One event, heard by a plugin for each keyword."""
    return EventHooks(
        {"event": tuple((name, function, make_context()) for name, function in functions.items())}
    )


async def test_one_hook_that_raises_loses_nobody_else_s_answer() -> None:
    async def fails(event: object) -> str:
        raise RuntimeError("broken")

    async def answers(event: object) -> str:
        return f"heard {event}"

    assert await hooks(a=answers, b=fails, c=answers).tell("event", "it") == ["heard it", "heard it"]


async def test_one_hook_that_hangs_costs_the_event_its_deadline_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(event, "DEADLINE_S", 0.05)
    was_ended = asyncio.Event()

    async def hangs(event: object) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            was_ended.set()
        return "never"

    async def answers() -> str:
        return "in time"

    assert await hooks(a=hangs, b=hangs, c=answers).tell("event", None) == ["in time"]
    async with asyncio.timeout(5):
        await was_ended.wait()


async def test_an_action_is_refused_by_a_refusal_and_by_a_check_that_fails() -> None:
    async def refuses() -> None:
        raise HookRefusal("not on Sundays")

    async def fails() -> None:
        raise RuntimeError("broken")

    async def agrees() -> None:
        return None

    assert await hooks(a=agrees, b=refuses).ask("event", None) == "not on Sundays"
    assert await hooks(a=fails, b=agrees).ask("event", None) == "a check that must pass first did not answer"
    assert await hooks(a=agrees).ask("event", None) is None
