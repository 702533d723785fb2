"""Hooks that cannot wait share a task; nobody notices but the clock."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import pytest
from csai.plugins import event
from csai.plugins.event import EventHooks
from csai.plugins.hook import can_wait
from csai_sdk import HookRefusal
from csai_testkit.context import make_context

NOTE: ContextVar[str] = ContextVar("note", default="")


def hooks(**functions: Any) -> EventHooks:
    """One event, heard by a plugin for each keyword."""
    return EventHooks(
        {"event": tuple((name, function, make_context()) for name, function in functions.items())}
    )


async def answers() -> str:
    return "answered"


async def exits() -> str:
    sys.exit(3)


async def cancels_itself() -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return "cancelled its task"


def cancel_the_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def cancels_by_another() -> str:
    cancel_the_task()
    return "never"


async def is_cancelled() -> str:
    raise asyncio.CancelledError


async def closes() -> str:
    raise GeneratorExit


async def lacks_a_parameter(event: object, more: object) -> str:
    return "never"


async def waits_and_exits() -> str:
    await asyncio.sleep(0)
    raise GeneratorExit


@pytest.mark.parametrize(
    "fault",
    [exits, is_cancelled, closes, lacks_a_parameter, waits_and_exits, cancels_by_another],
    ids=lambda fault: str(fault.__name__),
)
async def test_whatever_a_hook_raises_stays_with_it(fault: Callable[[], Any]) -> None:
    between = hooks(a=answers, b=fault, c=answers)
    assert await between.tell("event", None) == ["answered", "answered"]
    assert await between.ask("event", None) == "a check that must pass first did not answer"


@pytest.mark.parametrize("cancels", [cancels_itself, cancels_by_another])
async def test_a_hook_that_cancels_its_task_cancels_nothing_else(cancels: Callable[[], Any]) -> None:
    told = await hooks(a=answers, b=cancels, c=answers).tell("event", None)
    assert (told[0], told[-1]) == ("answered", "answered")
    await asyncio.sleep(0)
    turn = asyncio.current_task()
    assert turn is not None
    assert not turn.cancelling()


async def test_no_hook_runs_in_the_task_that_tells() -> None:
    seen: list[asyncio.Task[Any] | None] = []

    def look() -> None:
        seen.append(asyncio.current_task())

    async def at_once() -> None:
        look()

    async def asks_itself() -> None:
        seen.append(asyncio.current_task())

    async def later() -> None:
        look()
        await asyncio.sleep(0)

    await hooks(a=at_once).tell("event", None)
    await hooks(a=asks_itself, b=later).tell("event", None)
    assert seen[0] is None
    assert len(seen) == len({*seen, asyncio.current_task()}) - 1 == 3


async def test_hooks_start_in_order_whether_they_can_wait_or_not() -> None:
    started: list[str] = []

    def at_once(name: str) -> Any:
        async def hook() -> str:
            started.append(name)
            return name

        return hook

    def later(name: str) -> Any:
        async def hook() -> str:
            started.append(name)
            await asyncio.sleep(0)
            return name

        return hook

    order = {"a": at_once, "b": later, "c": at_once, "d": at_once, "e": later, "f": at_once}
    told = await hooks(**{name: make(name) for name, make in order.items()}).tell("event", None)
    assert started == told == list(order)


async def test_what_a_hook_sets_in_its_context_is_for_nobody_else() -> None:
    async def sets() -> str:
        seen = NOTE.get()
        NOTE.set("set by a hook")
        return seen or "nothing"

    NOTE.set("")
    assert await hooks(a=sets, b=sets).tell("event", None) == ["nothing", "nothing"]
    assert NOTE.get() == ""


async def test_a_late_hook_takes_no_answer_from_those_that_cannot_be_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event, "DEADLINE_S", 0.01)

    async def hangs() -> str:
        await asyncio.Event().wait()
        return "never"

    mixed = hooks(a=answers, b=hangs, c=answers)
    assert await mixed.tell("event", None) == ["answered", "answered"]
    assert await mixed.ask("event", None) == "a check that must pass first did not answer"


async def test_a_refusal_counts_from_either_sort() -> None:
    async def refuses() -> None:
        raise HookRefusal("not on Sundays")

    async def waits_and_refuses() -> None:
        await asyncio.sleep(0)
        raise HookRefusal("not on Mondays")

    assert await hooks(a=answers, b=refuses, c=waits_and_refuses).ask("event", None) == "not on Sundays"
    assert await hooks(a=waits_and_refuses, b=refuses).ask("event", None) == "not on Mondays"


async def test_hooks_of_a_turn_that_is_stopped_are_stopped_with_it() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    turn = asyncio.create_task(hooks(a=answers, b=hangs).tell("event", None))
    async with asyncio.timeout(5):
        await begun.wait()
        turn.cancel()
        await ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await turn


async def many() -> AsyncIterator[int]:
    yield 1


async def loops() -> None:
    async for _ in many():
        pass


async def enters() -> None:
    async with asyncio.Lock():
        pass


async def gathers() -> list[int]:
    return [number async for number in many()]


async def awaits_at_times(event: object) -> None:
    if event is None:
        await asyncio.sleep(0)


@functools.wraps(answers)
async def wrapper() -> str:
    return await answers()


class Called:
    async def __call__(self) -> None:
        """Waits for nothing, but that is not seen from its class."""


class Method:
    async def at_once(self) -> None:
        pass

    async def later(self) -> None:
        await asyncio.sleep(0)


def hands_on() -> Any:
    """No coroutine function, but may be marked as one."""
    return asyncio.sleep(0)


@pytest.mark.parametrize(
    "function",
    [
        *(
            loops,
            enters,
            gathers,
            cancels_itself,
            awaits_at_times,
            wrapper,
            Called(),
            Method().later,
            hands_on,
        ),
        functools.partial(answers),
    ],
)
def test_code_that_may_wait_is_known(function: Any) -> None:
    assert can_wait(function)


@pytest.mark.parametrize(
    "function", [answers, exits, cancels_by_another, lacks_a_parameter, Method().at_once]
)
def test_code_that_cannot_wait_is_known(function: Any) -> None:
    assert not can_wait(function)
    assert inspect.iscoroutinefunction(function)


async def test_a_hook_without_a_signature_fails_alone() -> None:
    class Unsigned:
        __signature__ = "none"

        async def __call__(self, event: object) -> str:
            return "never"

    assert await hooks(a=answers, b=Unsigned()).tell("event", None) == ["answered"]
