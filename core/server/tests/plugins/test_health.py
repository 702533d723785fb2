"""Parts of plugins that fail again and again are left alone, tried again, and told of."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from csai.plugins.context import KeptResources
from csai.plugins.event import EventHooks
from csai.plugins.health import FAILURES, PluginHealth
from csai.plugins.memory import Trouble
from csai_sdk import HookRefusal
from csai_testkit.context import make_context


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[tuple[Trouble, bool]]:
    return []


@pytest.fixture
def health(clock: Clock, told: list[tuple[Trouble, bool]]) -> PluginHealth:
    return PluginHealth(open_s=30, now=clock, tell=lambda trouble, is_new: told.append((trouble, is_new)))


def fail(health: PluginHealth, client: str, times: int = FAILURES) -> None:
    for _ in range(times):
        health.failed("shop", "hook reply_sent", client, "it raised ValueError", is_shared=True)


def admits(health: PluginHealth, client: str) -> bool:
    return health.admits("shop", "hook reply_sent", client)


def test_a_part_is_left_alone_after_failures_in_a_row(health: PluginHealth) -> None:
    fail(health, "a", FAILURES - 1)
    health.answered("shop", "hook reply_sent", "a")
    fail(health, "a", FAILURES - 1)
    assert admits(health, "a")
    fail(health, "a", 1)
    assert not admits(health, "a")
    assert admits(health, "b")
    assert health.admits("shop", "hook handoff", "a")


def test_what_fails_for_many_clients_is_left_alone_for_all(health: PluginHealth) -> None:
    for client in ("a", "b"):
        fail(health, client)
    assert admits(health, "d")
    fail(health, "c")
    assert not admits(health, "d")


def test_one_call_tries_it_again_and_its_answer_ends_the_trouble(
    health: PluginHealth, clock: Clock, told: list[tuple[Trouble, bool]]
) -> None:
    fail(health, "a")
    assert "shop" in health.degraded()
    clock.now = 31
    assert [admits(health, "a"), admits(health, "a")] == [True, False]
    fail(health, "a", 1)
    assert not admits(health, "a")
    clock.now = 62
    assert admits(health, "a")
    health.answered("shop", "hook reply_sent", "a")
    assert admits(health, "a")
    assert health.degraded() == {}
    assert [(trouble.is_open, is_new) for trouble, is_new in told] == [
        (True, True),
        (True, False),
        (False, False),
    ]


def test_no_part_is_left_alone_where_the_operator_says_so(clock: Clock) -> None:
    health = PluginHealth(failures=0, now=clock)
    fail(health, "a", 100)
    assert admits(health, "a")


async def test_a_hook_left_alone_is_skipped_and_one_that_may_refuse_still_refuses(
    health: PluginHealth,
) -> None:
    calls: list[str] = []

    async def fails(event: str) -> None:
        calls.append(event)
        raise ValueError

    ctx = make_context()
    hooks = EventHooks(dict.fromkeys(("told", "asked"), (("shop", fails, ctx),)), health=health)
    for _ in range(FAILURES + 2):
        assert await hooks.tell("told", "told") == []
        assert await hooks.ask("asked", "asked") == "a check that must pass first did not answer"
    assert (calls.count("told"), calls.count("asked")) == (FAILURES, FAILURES)


async def test_a_refusal_is_an_answer(health: PluginHealth) -> None:
    async def refuses() -> None:
        raise HookRefusal("not on Sundays")

    hooks = EventHooks({"asked": (("shop", refuses, make_context()),)}, health=health)
    for _ in range(FAILURES + 1):
        assert await hooks.ask("asked", None) == "not on Sundays"
    assert health.degraded() == {}


async def test_tasks_left_behind_are_named_and_end_with_what_the_plugin_keeps(health: PluginHealth) -> None:
    from csai.plugins.left import MANY, watch_tasks

    watch_tasks(asyncio.get_running_loop())
    started: list[asyncio.Task[bool]] = []

    async def leaves() -> None:
        started.append(asyncio.create_task(asyncio.Event().wait()))

    kept = KeptResources("shop")
    hooks = EventHooks({"told": (("test", leaves, replace(make_context(), resources=kept)),)}, health=health)
    for _ in range(MANY):
        await hooks.tell("told", None)
    assert health.degraded() == {}
    await hooks.tell("told", None)
    assert "tasks" in health.degraded()["plugin"].cause

    own = asyncio.create_task(asyncio.Event().wait())
    assert await kept.close() == MANY + 1
    assert all(task.cancelled() for task in started)
    assert not own.done()
    own.cancel()
