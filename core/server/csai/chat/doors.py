"""The way in for messages, closed when the process is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from csai.kit.problem import Problem


class Doors:
    """Lets messages in until it is closed, and knows of those that are on their way to being accepted."""

    def __init__(self) -> None:
        self.is_closed = False
        self._passing = 0
        self._cleared = asyncio.Event()

    def check(self) -> None:
        """Raises 503 when no message may be accepted any more. Again after every wait on the way in."""
        if self.is_closed:
            raise Problem(
                503,
                "shutting_down",
                "This server is being stopped; nothing was stored. Send the message again to another one.",
                headers={"Retry-After": "1"},
            )

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Around accepting a message. Raises as `check` does."""
        self.check()
        self._passing += 1
        try:
            yield
        finally:
            self._passing -= 1
            if not self._passing:
                self._cleared.set()

    def close(self) -> None:
        self.is_closed = True

    async def cleared(self) -> None:
        """Wait until nobody is on the way in; meant for closed doors."""
        while self._passing:
            self._cleared.clear()
            await self._cleared.wait()
