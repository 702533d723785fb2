"""A thread notices that the loop stands still, and in whose code."""

from __future__ import annotations

import asyncio
import threading
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from csai.plugins import watchdog
from csai.plugins.owner import Owners
from csai.plugins.watchdog import Block, Watchdog

CODE = "def hold(until):\n    assert until.wait(30)\n"
POINTS = [EntryPoint("shop", "acme_shop.plugin", "csai.plugins"), EntryPoint("other", "acme.other", "x")]


def held_by(module: str) -> ModuleType:
    made = ModuleType(module)
    exec(CODE, made.__dict__)
    return made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_S", 0.02)


class Watched:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.restarts: list[Block] = []
        self.is_blocked, self.is_stuck = threading.Event(), threading.Event()
        self.watchdog = Watchdog(
            owners=Owners(POINTS),
            block_s=0.1,
            restart_s=0.3,
            blocked=self._blocked,
            stuck=self._stuck,
            crowded=lambda *_: None,
        )

    def _blocked(self, block: Block) -> None:
        self.blocks.append(block)
        self.is_blocked.set()

    def _stuck(self, block: Block) -> None:
        self.restarts.append(block)
        self.is_stuck.set()


async def test_code_that_holds_the_loop_is_named_once_and_then_restarted() -> None:
    # Made before anybody watches, so that at no look the loop stands in this code here.
    watched, work = Watched(), held_by("acme_shop.work")
    with watched.watchdog.watching():
        work.hold(watched.is_stuck)
        await asyncio.sleep(0)
    assert [(block.plugin, block.place) for block in watched.blocks] == [
        ("shop", "acme_shop.work, line 2, in hold")
    ]
    assert watched.restarts[0].plugin == "shop"
    assert watched.restarts[0].blocked_s >= 0.3


async def test_code_of_no_plugin_is_no_reason_to_restart() -> None:
    watched, elsewhere = Watched(), held_by("elsewhere")
    with watched.watchdog.watching():
        elsewhere.hold(watched.is_blocked)
        await asyncio.sleep(0)
    assert [block.plugin for block in watched.blocks] == [None]
    assert watched.restarts == []


async def test_a_loop_that_answers_is_left_in_peace() -> None:
    watched = Watched()
    with watched.watchdog.watching():
        async with asyncio.timeout(10):
            for _ in range(1_000):
                await asyncio.sleep(0)
    assert watched.blocks == []


def test_a_module_belongs_to_the_plugin_whose_package_it_is_in() -> None:
    owners = Owners(POINTS)
    assert owners.of("acme_shop.plugin") == owners.of("acme_shop.deep.work") == "shop"
    assert owners.of("acme_shopping") is None
    both = Owners([*POINTS, EntryPoint("third", "acme.third", "x")])
    assert (both.of("acme.other.work"), both.of("acme.common")) == ("other", None)
