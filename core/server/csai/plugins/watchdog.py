"""A thread that sees the event loop standing still, and which plugin's code it stands in.

Nothing else can: code that blocks the loop keeps every deadline from being noticed, and every client waits.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from csai.plugins.left import LEFT_REMEDY, MANY
from csai.plugins.owner import Owners

log = structlog.get_logger(__name__)

LOOK_S = 0.5
THREADS_EVERY = 10
"""Looks."""


class Block(NamedTuple):
    """Code that does not give the loop back."""

    plugin: str | None
    """None where it is no plugin's: the database's driver, or csai itself."""
    place: str
    blocked_s: float


class Watchdog:
    """Watches the loop it is started on.

    `blocked` is called once for each time that the loop stands still for `block_s`, and `stuck` when the same
    plugin's code has held it for `restart_s`: both in the watching thread, as the loop hears nothing.
    """

    def __init__(
        self,
        *,
        owners: Owners,
        block_s: float,
        restart_s: float,
        blocked: Callable[[Block], None],
        stuck: Callable[[Block], None],
        crowded: Callable[[str, str, str, str], None],
    ) -> None:
        self._owners = owners
        self._block_s = block_s
        self._restart_s = restart_s
        self._blocked = blocked
        self._stuck = stuck
        self._crowded = crowded
        self._is_over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the running loop, from the thread that runs it."""
        if self._block_s == 0:
            yield
            return
        arguments = (asyncio.get_running_loop(), threading.get_ident())
        thread = threading.Thread(target=self._watch, args=arguments, name="csai-watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        looks = 0
        while not self._is_over.wait(LOOK_S):
            beat = threading.Event()
            try:
                loop.call_soon_threadsafe(beat.set)
            except RuntimeError:  # the loop is closed
                return
            if not beat.wait(LOOK_S):
                self._look_on(beat, thread)
            looks += 1
            if looks % THREADS_EVERY == 0:
                self._count_threads(thread)

    def _look_on(self, beat: threading.Event, thread: int) -> None:
        """Look again and again where the loop stands, until it goes on."""
        blocked_s, is_told = 0.0, False
        suspects: set[str | None] | None = None
        began = time.monotonic()
        while True:
            found = self._owners.of_frame(sys._current_frames().get(thread))
            plugin = found[0] if found else None
            # It is to blame only if the loop stood in its code at every look.
            suspects = {plugin} if suspects is None else suspects & {plugin}
            culprit = plugin if suspects == {plugin} else None
            block = Block(culprit, found[1] if found else "code of no plugin", blocked_s)
            if blocked_s >= self._block_s and not is_told:
                is_told = True
                self._blocked(block)
            if blocked_s >= self._restart_s and is_told and culprit is not None:
                self._stuck(block)
            if beat.wait(LOOK_S) or self._is_over.is_set():
                return
            # A process that was stopped, or a machine that slept, wakes long after: that is nobody's fault.
            now = time.monotonic()
            blocked_s += min(now - began, 2 * LOOK_S)
            began = now

    def _count_threads(self, loop_thread: int) -> None:
        """Threads cannot be ended from outside; but who starts many can be named."""
        running = Counter(
            found[0]
            for number, frame in sys._current_frames().items()
            if number != loop_thread and (found := self._owners.of_frame(frame)) is not None
        )
        for plugin, count in running.items():
            if count > MANY:
                cause = f"more than {MANY} threads run its code"
                self._crowded(plugin, "threads", cause, LEFT_REMEDY)
