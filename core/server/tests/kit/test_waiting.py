"""Tasks end when they are told to, also where a library loses the first cancellation."""

from __future__ import annotations

import asyncio

import pytest
from csai.kit import waiting
from csai.kit.waiting import end, see_through


async def test_a_task_that_lost_its_cancellation_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "AGAIN_S", 0.01)
    lost: list[bool] = []

    async def look_again_and_again() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(True)

    task = asyncio.create_task(look_again_and_again())
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await end((task,))

    assert lost
    assert task.cancelled()


async def test_ending_waits_for_what_a_task_still_has_to_do() -> None:
    done: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            done.append(True)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await end((task,))

    assert done


async def test_short_work_is_done_to_its_end_and_the_cancellation_comes_after_it() -> None:
    go_on = asyncio.Event()
    done: list[bool] = []

    async def work() -> None:
        await go_on.wait()
        done.append(True)

    async def caller() -> None:
        await see_through(work())
        await asyncio.sleep(60)

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(10):
        await asyncio.wait((task,))

    assert done
    assert task.cancelled()
