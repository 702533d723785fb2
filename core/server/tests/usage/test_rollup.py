"""A client's day, drawn together from ledger, turns and tool log, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from csai.database import Database
from csai.kit.identifier import new_id
from csai.models import ApiUsage, Client, Conversation, LedgerEntry, ToolExecution, Turn
from csai.usage.rollup import recompute_day, roll_up
from sqlalchemy import delete, insert, select

from tests.support.backend import Backend

DAY = date(2026, 3, 1)
FIRST = datetime(2026, 3, 1, 0, 0, 0, tzinfo=UTC)
LAST = datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
BEFORE = FIRST - timedelta(microseconds=1)
AFTER = LAST + timedelta(microseconds=1)


@pytest.fixture
async def database(backend: Backend) -> AsyncIterator[Database]:
    database = Database(backend.database_url)
    yield database
    await database.close()


@pytest.fixture
async def client_id(database: Database) -> str:
    return await _client(database)


async def test_day_without_work_is_a_row_of_zeros(database: Database, client_id: str) -> None:
    assert await _recomputed(database, client_id) == (0, 0, 0, 0, 0, 0)


async def test_work_of_the_day_is_counted_from_its_first_to_its_last_microsecond(
    database: Database, client_id: str
) -> None:
    for moment in (BEFORE, FIRST, LAST, AFTER):
        await _work(database, client_id, moment)
    assert await _recomputed(database, client_id) == (2, 2, 2, 2_000, 200, 6_000)


async def test_another_clients_work_is_not_counted(database: Database, client_id: str) -> None:
    await _work(database, await _client(database), FIRST)
    assert await _recomputed(database, client_id) == (0, 0, 0, 0, 0, 0)


async def test_recomputing_again_changes_nothing(database: Database, client_id: str) -> None:
    await _work(database, client_id, FIRST)
    assert await _recomputed(database, client_id) == await _recomputed(database, client_id)
    async with database.read() as connection:
        assert len((await connection.execute(select(ApiUsage.date))).all()) == 1


async def test_later_work_of_the_day_is_added_by_recomputing(database: Database, client_id: str) -> None:
    await _work(database, client_id, FIRST)
    await _recomputed(database, client_id)
    await _work(database, client_id, LAST)
    assert await _recomputed(database, client_id) == (2, 2, 2, 2_000, 200, 6_000)


async def test_deleting_old_conversations_does_not_lessen_what_was_used(
    database: Database, client_id: str
) -> None:
    await _work(database, client_id, FIRST)
    used = await _recomputed(database, client_id)
    async with database.write() as connection:
        await connection.execute(delete(Conversation).where(Conversation.client_id == client_id))
    assert await _recomputed(database, client_id) == used


async def test_rolling_up_begins_with_the_first_day_of_work(database: Database, client_id: str) -> None:
    await _work(database, client_id, FIRST)
    assert await roll_up(database, client_id, now=FIRST + timedelta(days=2)) == 3
    assert await _days(database, client_id) == [1, 2, 3]


async def test_rolling_up_again_goes_over_the_days_that_were_not_over(
    database: Database, client_id: str
) -> None:
    await _work(database, client_id, FIRST)
    await roll_up(database, client_id, now=FIRST)
    await _work(database, client_id, LAST)
    assert await roll_up(database, client_id, now=AFTER) == 2
    async with database.read() as connection:
        total = select(ApiUsage.message_count).where(ApiUsage.client_id == client_id, ApiUsage.date == DAY)
        assert (await connection.execute(total)).scalar_one() == 2


async def test_a_client_that_was_not_used_since_has_no_new_days(database: Database, client_id: str) -> None:
    assert await roll_up(database, client_id, now=FIRST) == 0
    await _work(database, client_id, FIRST)
    await roll_up(database, client_id, now=FIRST)
    assert await roll_up(database, client_id, now=FIRST + timedelta(days=30)) == 31
    assert await roll_up(database, client_id, now=FIRST + timedelta(days=60)) == 0


async def _days(database: Database, client_id: str) -> list[int]:
    async with database.read() as connection:
        own = select(ApiUsage.date).where(ApiUsage.client_id == client_id).order_by(ApiUsage.date)
        return [day.day for day in (await connection.execute(own)).scalars()]


async def _recomputed(database: Database, client_id: str) -> tuple[Any, ...]:
    table = ApiUsage
    columns = (
        table.conversation_count,
        table.message_count,
        table.tool_calls_count,
        table.tokens_input,
        table.tokens_output,
        table.cost_micros,
    )
    async with database.write() as connection:
        await recompute_day(connection, client_id, DAY)
        own = select(*columns).where(table.client_id == client_id, table.date == DAY)
        return tuple((await connection.execute(own)).one())


async def _client(database: Database) -> str:
    row = {"id": new_id(), "name": "Shop", "plan_type": "default", "created_at": FIRST}
    async with database.write() as connection:
        await connection.execute(insert(Client), row)
    return str(row["id"])


async def _work(database: Database, client_id: str, moment: datetime) -> None:
    """A conversation begun at the moment, with one turn, one tool call and one model call in it."""
    conversation, turn = new_id(), new_id()
    own = {"client_id": client_id, "conversation_id": conversation}
    async with database.write() as connection:
        await connection.execute(
            insert(Conversation),
            {
                "id": conversation,
                "client_id": client_id,
                "session_id": new_id(),
                "channel": "widget",
                "started_at": moment,
                "last_message_at": moment,
            },
        )
        await connection.execute(
            insert(Turn),
            own
            | {
                "id": turn,
                "status": "completed",
                "body_hash": "",
                "fence": 1,
                "period": "2026-03",
                "reserved": {},
                "accepted_at": moment,
                "deadline_at": moment,
            },
        )
        await connection.execute(
            insert(ToolExecution),
            own
            | {
                "turn_id": turn,
                "call_id": new_id(),
                "tool_name": "get_order_status",
                "parameters": {},
                "status": "succeeded",
                "timestamp": moment,
            },
        )
        await connection.execute(
            insert(LedgerEntry),
            {
                "client_id": client_id,
                "turn_id": turn,
                "attempt": 1,
                "provider": "claude",
                "model": "m",
                "tokens_input": 1_000,
                "tokens_output": 100,
                "tokens_cache_read": 0,
                "tokens_cache_write": 0,
                "cost_micros": 3_000,
                "is_estimated": False,
                "is_embedding": False,
                "period": "2026-03",
                "day": moment.date(),
                "created_at": moment,
            },
        )
