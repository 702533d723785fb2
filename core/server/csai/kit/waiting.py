"""Waiting that a cancellation does not cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


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
