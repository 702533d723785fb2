"""Waiting that a cancellation does not cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

AGAIN_S = 5.0


async def see_through(work: Coroutine[Any, Any, T]) -> T:
    """Do short work to its end also when cancelled, so that its caller knows what came of it.

    The cancellation comes at the caller's next wait. For transactions whose success has to be remembered.
    """
    task = asyncio.create_task(work)
    cancelled = await _ended(task)
    caller = asyncio.current_task()
    if cancelled is not None and caller is not None:
        caller.uncancel()
        caller.cancel()
    return task.result()


async def uninterrupted(work: Awaitable[T]) -> T:
    """Do work to its end, and only then be cancelled: what came of it is lost, but nothing is under way."""
    task = asyncio.ensure_future(work)
    cancelled = await _ended(task)
    if cancelled is not None:
        task.cancelled() or task.exception()  # looked at, so that nobody misses it
        raise cancelled
    return task.result()


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended; what they raise is theirs.

    A library that loses a cancellation, as happens where a connection is being given up, gets another one.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)


def is_ending() -> bool:
    """Whether this task was cancelled, also where a library it called has lost that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _ended(task: asyncio.Future[Any]) -> asyncio.CancelledError | None:
    """Once it has ended: the last cancellation of the caller that came meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
