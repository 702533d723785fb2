"""One plugin's hook for one event of one client, with all that can be known before it is called."""

from __future__ import annotations

import asyncio
import dis
import inspect
from collections.abc import Callable, Coroutine
from functools import lru_cache
from types import CodeType, FunctionType, MethodType
from typing import Any

from csai_sdk import PluginContext

from csai.plugins.left import LeftTasks, begin_on_behalf, tasks_of
from csai.plugins.registry import EventHook

_WAITS = frozenset({"SEND", "YIELD_VALUE"})
"""What `await`, `async for` and `async with` are compiled to."""


class Hook:
    """Ready to be called, again and again."""

    __slots__ = ("_begin", "can_wait", "ctx", "plugin", "tasks")

    def __init__(self, plugin: str, function: EventHook, ctx: PluginContext) -> None:
        self.plugin = plugin
        self.ctx = ctx
        self.tasks = tasks_of(ctx) or LeftTasks()
        self.can_wait = can_wait(function)
        self._begin = _bound(function, ctx)

    async def answer(self, event: object) -> Any:
        """What it returned or raised, in a task of its own."""
        try:
            begin_on_behalf(self.tasks)
            return await self._begin(event)
        except KeyboardInterrupt:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return error
        except BaseException as error:  # noqa: BLE001 -- SystemExit too: out of a task, it would stop the server
            return error

    def answer_at_once(self, event: object) -> Any:
        """The same of one that cannot wait, in a context of its own."""
        begin_on_behalf(self.tasks)
        try:
            self._begin(event).send(None)
        except StopIteration as ended:
            return ended.value
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 -- as above; nobody else can have cancelled it
            return error
        return RuntimeError("a hook waited whose code cannot")


def can_wait(function: EventHook) -> bool:
    """Whether calling it may give the event loop back, or ask for its own task.

    It surely does not only where its own code says so.
    """
    plain = function.__func__ if isinstance(function, MethodType) else function
    if not isinstance(plain, FunctionType) or not plain.__code__.co_flags & inspect.CO_COROUTINE:
        return True
    return _has_a_wait(plain.__code__)


@lru_cache(maxsize=2_048)
def _has_a_wait(code: CodeType) -> bool:
    return "current_task" in code.co_names or any(
        step.opname in _WAITS for step in dis.get_instructions(code)
    )


def _bound(function: EventHook, ctx: PluginContext) -> Callable[[object], Coroutine[Any, Any, Any]]:
    """As with pluggy's own calls, a hook may leave out parameters it does not need."""
    names = _parameters(function)
    if {"event", "ctx"} <= names:
        return lambda event: function(event=event, ctx=ctx)
    if "event" in names:
        return lambda event: function(event=event)
    if "ctx" in names:
        return lambda event: function(ctx=ctx)
    return lambda event: function()


@lru_cache(maxsize=2_048)
def _parameters(function: EventHook) -> frozenset[str]:
    try:
        # A signature sees through decorators that wrap properly.
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        # Then the call fails, and is its plugin's fault; the view of the client is not to fail.
        return frozenset()
