"""What a turn says while it runs: a list of events that any number of readers follow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

TERMINAL = frozenset({"turn.completed", "turn.failed"})
KEEPALIVE_S = 15.0


class TurnStream:
    """The events of one turn, kept while its process remembers it, so that a reader can resume.

    Text is stored as it came; an event becomes bytes when a reader takes it, so that a turn nobody streams
    formats nothing.
    """

    __slots__ = ("_beat", "_events", "_has_text", "_waiting", "outcome", "turn_id")

    def __init__(self, turn_id: str) -> None:
        self.turn_id = turn_id
        self.outcome: Mapping[str, Any] | None = None
        self._events: list[tuple[str, Any]] = []
        self._has_text = False
        self._waiting: list[asyncio.Future[bool]] = []
        self._beat: asyncio.TimerHandle | None = None

    @property
    def is_done(self) -> bool:
        return self.outcome is not None

    def text(self, chunk: str) -> None:
        self._has_text = True
        self._add("text.delta", chunk)

    def add(self, name: str, data: Mapping[str, Any]) -> None:
        if name == "text.reset":
            self._has_text = False
        self._add(name, data)

    def hand_over(self, state: str) -> None:
        """Somebody else answers now, so what was said is withdrawn."""
        if self._has_text:
            self.add("text.reset", {})
        self.add("handoff", {"state": state})

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """The terminal event. `outcome` is the answer as a secret key sees it."""
        is_failure = outcome["status"] in {"failed", "blocked"}
        if is_failure and self._has_text:
            # What was said is part of no answer now; a reader must not keep it beside the apology.
            self.add("text.reset", {})
        self.outcome = outcome
        self._add("turn.failed" if is_failure else "turn.completed", outcome)

    async def wait(self) -> Mapping[str, Any]:
        """The outcome, when there is one."""
        while self.outcome is None:
            await self._change()
        return self.outcome

    async def read(self, *, after: int = 0, is_secret: bool) -> AsyncIterator[bytes]:
        """Server-sent events from number `after` + 1 to the terminal one, those at hand in one piece."""
        sent = after
        while True:
            pending = self._events[sent:]
            if pending:
                yield b"".join(
                    self._format(number, name, data, is_secret=is_secret)
                    for number, (name, data) in enumerate(pending, sent + 1)
                )
                sent += len(pending)
            if self.is_done and sent >= len(self._events):
                return
            if sent >= len(self._events) and not await self._change():
                yield b": still working\n\n"

    def _add(self, name: str, data: Any) -> None:
        self._events.append((name, data))
        if self._waiting:
            self._wake(True)

    async def _change(self) -> bool:
        """Wait for more, or for the time to show that the connection lives; whether there is more."""
        loop = asyncio.get_running_loop()
        if self._beat is None:
            # One timer for the stream, not one for each wait: this runs for every token.
            self._beat = loop.call_later(KEEPALIVE_S, self._wake, False)
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(future)
        return await future

    def _wake(self, has_changed: bool) -> None:
        if not has_changed or self.is_done:
            if self._beat is not None:
                self._beat.cancel()
            self._beat = None
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(has_changed)

    def _format(self, number: int, name: str, data: Any, *, is_secret: bool) -> bytes:
        if name == "text.delta":
            body = f'{{"text":{_encode(data)}}}'
        elif name in TERMINAL:
            body = _encode(data if is_secret else public_outcome(data))
        else:
            body = _encode(data)
        return f"id: {self.turn_id}:{number}\nevent: {name}\ndata: {body}\n\n".encode("utf-8", "replace")


def terminal_event(turn_id: str, outcome: Mapping[str, Any], *, is_secret: bool) -> bytes:
    """The one event of a turn that this process did not run, or no longer remembers."""
    stream = TurnStream(turn_id)
    stream.finish(outcome)
    return stream._format(1_000_000, stream._events[0][0], outcome, is_secret=is_secret)


def public_outcome(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome as a publishable key may see it: no costs, no arguments, no internals."""
    public = {key: value for key, value in outcome.items() if key != "usage"}
    public["tool_calls"] = [
        {key: value for key, value in call.items() if key != "arguments"} for call in outcome["tool_calls"]
    ]
    return public
