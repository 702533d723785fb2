"""Streams that stay open: one look a second for all who follow, or at once when woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from csai.kit.problem import Problem
from csai.kit.waiting import end

log = structlog.get_logger(__name__)

POLL_S = 1.0
BEAT_S = 15.0


@dataclass(eq=False, slots=True)
class Follower:
    """An open connection."""

    subject: str
    """What it follows."""
    has_news: asyncio.Event = field(default_factory=asyncio.Event, kw_only=True)


F = TypeVar("F", bound=Follower)


class Feed(Generic[F]):
    """Those who follow, and how long and how many of them may."""

    def __init__(
        self,
        *,
        most: int,
        look: Callable[[], Awaitable[None]],
        forget: Callable[[str], None],
    ) -> None:
        """`look` finds what has changed and sets `has_news` of those it concerns. It is called once a second
        while anybody follows. `forget` hears of the subject that nobody follows any more."""
        self.followers: dict[str, set[F]] = {}
        self._most = most
        self._look = look
        self._forget = forget
        self._watcher: asyncio.Task[None] | None = None
        self._is_woken = asyncio.Event()
        self._is_over = False

    def __iter__(self) -> Iterator[F]:
        return (follower for of_subject in self.followers.values() for follower in of_subject)

    @property
    def count(self) -> int:
        """How many follow now."""
        return sum(map(len, self.followers.values()))

    @property
    def has_room(self) -> bool:
        return not self._is_over and self.count < self._most

    def look_now(self) -> None:
        """Look before the second is over."""
        self._is_woken.set()

    def tell(self, subject: str) -> None:
        """There is news for those who follow it."""
        for follower in self.followers.get(subject, ()):
            follower.has_news.set()

    def end(self) -> None:
        """Let all go, to come back to another process."""
        self._is_over = True
        for follower in self:
            follower.has_news.set()

    async def aclose(self) -> None:
        self.end()
        if self._watcher is not None:
            await end((self._watcher,))

    async def follow(
        self, follower: F, events: AsyncGenerator[bytes | None, None], *, longest_s: float
    ) -> AsyncGenerator[bytes, None]:
        """The events as they come, and signs of life between them.

        `events` gives None where there is nothing to tell until there is news, and is over where there is
        nothing to wait for any more.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + longest_s
        self._enter(follower)
        try:
            # So that whoever opened it knows that it is open.
            yield b": following\n\n"
            async with aclosing(events):
                async for event in events:
                    if event is not None:
                        yield event
                        continue
                    if self._is_over or loop.time() >= until:
                        return
                    if not await _is_set(follower.has_news, BEAT_S):
                        yield b": still here\n\n"
                    follower.has_news.clear()
        finally:
            self._leave(follower)

    def _enter(self, follower: F) -> None:
        self.followers.setdefault(follower.subject, set()).add(follower)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        # What happened since it was looked at is seen at once.
        self.look_now()

    def _leave(self, follower: F) -> None:
        others = self.followers[follower.subject]
        others.discard(follower)
        if not others:
            del self.followers[follower.subject]
            self._forget(follower.subject)

    async def _watch(self) -> None:
        while self.followers and not self._is_over:
            self._is_woken.clear()
            try:
                await self._look()
            except Exception:
                log.exception("what is followed not looked at")
            await _is_set(self._is_woken, POLL_S)


def crowded(status: int, detail: str) -> Problem:
    """Too many follow already."""
    return Problem(status, "too_many_connections", detail, headers={"Retry-After": "30"})


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Whether it was set in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()
