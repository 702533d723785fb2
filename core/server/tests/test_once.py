"""What has to be written once is written once, also where the database was away the first time."""

from __future__ import annotations

from typing import Any

from csai.analytics.incident import plugin_failed
from csai.database import Database, DatabaseUnavailable
from csai.kit.clock import SystemClock
from csai.once import OnceWriter
from csai.statement import Rows, Step


class Recovering(Database):
    """Away for the first transaction."""

    def __init__(self) -> None:
        super().__init__("sqlite+aiosqlite://")
        self.is_away = True
        self.written: list[tuple[Step, ...]] = []

    async def transact(self, *steps: Step, check: Any = None) -> list[Rows]:
        if self.is_away:
            self.is_away = False
            raise DatabaseUnavailable("away")
        self.written.append(steps)
        return []


async def test_what_could_not_be_written_is_the_next_time_and_no_more_after_that() -> None:
    database = Recovering()
    once = OnceWriter(database)
    step = plugin_failed("shop", now=SystemClock().now())

    for is_written in (False, True, True):
        once.write("shop", step)
        assert "shop" in once
        await once.aclose()
        assert ("shop" in once) == is_written
    once.write("other", step, step)
    await once.aclose()

    assert database.written == [(step,), (step, step)]
    await database.close()
