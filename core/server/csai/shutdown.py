"""Ending a server: a signal closes the doors, open turns come to their end, then the process goes."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import structlog

from csai.services import Services

log = structlog.get_logger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """Hears the first signal before uvicorn does, and hands it on when no turn is open any more.

    Meanwhile the server still listens, so that whoever balances load reads `not ready` rather than guessing,
    and visitors whose turns are open hear their end. A second signal cuts the waiting short.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._previous: dict[int, Any] = {}
        self._hurry = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._handler(loop))
        try:
            yield
        finally:
            for number in SIGNALS:
                signal.signal(number, self._previous[number])

    def _handler(self, loop: asyncio.AbstractEventLoop) -> Callable[[int, FrameType | None], None]:
        def hear(number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._begin, number)

        return hear

    def _begin(self, number: int) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(number))
        else:
            self._hurry.set()

    async def _drain(self, number: int) -> None:
        try:
            await self._services.drain(self._hurry)
        except Exception:
            log.exception("open turns not ended in order")
        finally:
            previous = self._previous[number]
            if callable(previous):
                previous(number, None)
