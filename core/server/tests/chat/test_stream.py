"""What readers of a turn's stream get, whenever they come."""

from __future__ import annotations

import asyncio

import pytest
from csai.chat import stream as module
from csai.chat.stream import TurnStream

OUTCOME = {"turn_id": "t", "status": "completed", "tool_calls": [], "message": {"content": "ab"}}


async def read(stream: TurnStream, after: int = 0) -> str:
    return b"".join([piece async for piece in stream.read(after=after, is_secret=True)]).decode()


async def test_an_early_and_a_late_reader_get_the_same() -> None:
    stream = TurnStream("t")
    early = asyncio.create_task(read(stream))
    await asyncio.sleep(0)
    stream.text("a")
    await asyncio.sleep(0)
    stream.text("b")
    stream.finish(OUTCOME)

    assert await early == await read(stream)
    assert (await early).count("event: text.delta") == 2


async def test_a_silent_turn_shows_that_the_connection_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEPALIVE_S", 0.01)
    stream = TurnStream("t")
    pieces = stream.read(is_secret=True)

    beats = [await anext(pieces) for _ in range(2)]

    assert beats == [b": still working\n\n"] * 2
    stream.finish(OUTCOME)
    assert b"turn.completed" in await anext(pieces)


async def test_nothing_is_left_ticking_when_the_turn_is_over() -> None:
    stream = TurnStream("t")
    waiting = asyncio.create_task(stream.wait())
    await asyncio.sleep(0)

    stream.finish(OUTCOME)

    assert await waiting == OUTCOME
    assert stream._beat is None
