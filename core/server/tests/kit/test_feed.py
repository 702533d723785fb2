"""Those who follow are looked after while they do, for a while, whatever becomes of a look."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from csai.kit.feed import Feed, Follower

FOLLOWING, NEWS, BEAT = b": following\n\n", b"data: news\n\n", b": still here\n\n"


class Board:
    """Has news for those who follow one of its subjects whenever it is looked at."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.streams: list[AsyncGenerator[bytes, None]] = []
        self.feed: Feed[Follower] = Feed(most=2, look=self._look, forget=self.forgotten.append)
        self.news = ["line"]
        self.looks = 0
        self.failures = 0

    def open(self, subject: str = "line", *, longest_s: float = 60) -> AsyncGenerator[bytes, None]:
        stream = self.feed.follow(Follower(subject), self._events(), longest_s=longest_s)
        self.streams.append(stream)
        return stream

    async def _events(self) -> AsyncGenerator[bytes | None, None]:
        while True:
            yield None
            yield NEWS

    async def _look(self) -> None:
        self.looks += 1
        if self.failures:
            self.failures -= 1
            raise ValueError
        for subject in self.news:
            self.feed.tell(subject)


@pytest.fixture
async def board(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Board]:
    monkeypatch.setattr("csai.kit.feed.POLL_S", 0.001)
    board = Board()
    yield board
    for stream in board.streams:
        await stream.aclose()
    await board.feed.aclose()


async def test_a_look_that_fails_is_followed_by_another(board: Board) -> None:
    board.failures = 2
    stream = board.open()

    assert [await anext(stream), await anext(stream)] == [FOLLOWING, NEWS]
    assert (board.looks >= 3, board.failures) == (True, 0)


async def test_nobody_is_told_of_what_others_follow(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csai.kit.feed.BEAT_S", 0.05)
    board.news = ["other"]
    mine, others = board.open(), board.open("other")

    assert [await anext(others), await anext(others)] == [FOLLOWING, NEWS]
    assert [await anext(mine), await anext(mine)] == [FOLLOWING, BEAT]


async def test_what_nobody_follows_is_looked_at_no_more_and_forgotten(board: Board) -> None:
    first, second = board.open(), board.open()
    assert [await anext(first), await anext(second)] == [FOLLOWING] * 2
    assert not board.feed.has_room
    await first.aclose()
    assert (board.forgotten, board.feed.count, board.feed.has_room) == ([], 1, True)
    await second.aclose()

    assert (board.forgotten, board.feed.count) == (["line"], 0)
    assert board.feed._watcher is not None
    await board.feed._watcher
    again = board.open()
    assert [await anext(again), await anext(again)] == [FOLLOWING, NEWS]


async def test_a_stream_ends_when_its_time_is_over_and_when_all_are_let_go(board: Board) -> None:
    assert [piece async for piece in board.open(longest_s=0)] == [FOLLOWING]
    stream = board.open()
    assert await anext(stream) == FOLLOWING

    board.feed.end()

    assert [piece async for piece in stream] == []
    assert not board.feed.has_room
