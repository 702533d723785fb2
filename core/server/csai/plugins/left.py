"""Tasks that a plugin's call starts and leaves behind: counted, named, and ended with what the plugin keeps.

A hook or tool runs under `on_behalf`; a task that is created there, or by such a task, is the plugin's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from csai_sdk import PluginContext

MANY = 20
"""So many that still run, of one plugin and client, are no longer what a plugin keeps for its work."""
PATIENCE_S = 2.0

LEFT_REMEDY = (
    "tell its author: what a call starts must end with it, or be kept by ctx.resource and closed there"
)


class LeftTasks:
    """The tasks of one plugin for one client that still run."""

    def __init__(self) -> None:
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.is_used = False
        """Whether there ever was one; most plugins start none, and a look at the set costs more."""

    def add(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        self.is_used = True

    @property
    def are_many(self) -> bool:
        # What has ended is mostly gone from the set, so looking closer is rarely due.
        return len(self._tasks) > MANY and sum(not task.done() for task in self._tasks) > MANY

    async def end(self) -> int:
        """Cancel them and wait a little; how many there were."""
        left = {task for task in self._tasks if not task.done() and task is not asyncio.current_task()}
        found = len(left)
        # Twice, since a library may lose the first; a task that takes neither is not waited for.
        for _ in range(2):
            for task in left:
                task.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=PATIENCE_S)
        return found


_ON_BEHALF: ContextVar[LeftTasks | None] = ContextVar("csai_plugin_call", default=None)


@contextmanager
def on_behalf(tasks: LeftTasks | None) -> Iterator[None]:
    """What is started within is the plugin's."""
    token = _ON_BEHALF.set(tasks)
    try:
        yield
    finally:
        _ON_BEHALF.reset(token)


def begin_on_behalf(tasks: LeftTasks | None) -> None:
    """The same from here to the end of the running task, for a little less."""
    _ON_BEHALF.set(tasks)


def tasks_of(ctx: PluginContext) -> LeftTasks | None:
    """Where a context's tasks are counted; nowhere in a context that a test made."""
    return getattr(ctx.resources, "tasks", None)


def watch_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop tell whose its tasks are."""
    loop.set_task_factory(_make_task)


def _make_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **how: Any
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **how)
    tasks = _ON_BEHALF.get()
    if tasks is not None:
        tasks.add(task)
    return task
