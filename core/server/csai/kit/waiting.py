"""Waiting that a cancellation does not cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

AGAIN_S = 5.0


async def see_through(work: Coroutine[Any, Any, T]) -> T:
    """Do short work to its end also when cancelled, so that its caller knows what came of it.

    The cancellation comes at the caller's next wait. For transactions whose success has to be remembered.
    """
    task = asyncio.create_task(work)
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            is_cancelled = True
    caller = asyncio.current_task()
    if is_cancelled and caller is not None:
        caller.uncancel()
        caller.cancel()
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
