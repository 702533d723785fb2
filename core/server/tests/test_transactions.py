"""`fetch` and `transact` keep their word on both databases, and leave the connection fit for the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from csai.database import Conflict, Database, DatabaseUnavailable, ValueRefused
from csai.statement import Prepared, Rows, Step
from sqlalchemy import BigInteger, Integer, Text, bindparam, text

from tests.support.backend import Backend, PostgresRedis

MEGABYTE = 1_000_000

CREATE = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"
ADD = Prepared(
    text("INSERT INTO things (id, name) VALUES (:id, :name) RETURNING name").bindparams(
        bindparam("id", type_=Integer), bindparam("name", type_=Text)
    )
)
NAMES = Prepared(text("SELECT name FROM things ORDER BY id"))


class Refused(Exception):
    """Raised by a check."""


@pytest.fixture
async def database(empty_backend: Backend) -> AsyncIterator[Database]:
    async with opened(empty_backend) as database:
        yield database


@pytest.fixture
async def postgres(postgres_redis: PostgresRedis, tmp_path: Path) -> AsyncIterator[Database]:
    with postgres_redis.fresh(tmp_path, is_migrated=False) as backend:
        async with opened(backend) as database:
            yield database


@asynccontextmanager
async def opened(backend: Backend) -> AsyncIterator[Database]:
    # One connection: what one use leaves behind, the next would meet.
    database = Database(backend.database_url, pool_size=1)
    async with database.write() as transaction:
        await transaction.execute(text(CREATE))
    yield database
    await database.close()


def add(number: int, name: str) -> Step:
    return Step(ADD, {"id": number, "name": name})


async def names(database: Database) -> list[str]:
    (rows,) = await database.fetch(Step(NAMES, {}))
    return [row[0] for row in rows]


async def test_the_rows_of_every_step_come_in_order(database: Database) -> None:
    results = await database.transact(add(1, "one"), add(2, "two"), Step(NAMES, {}))

    assert results == [[("one",)], [("two",)], [("one",), ("two",)]]


async def test_what_a_check_refuses_is_rolled_back(database: Database) -> None:
    seen: list[list[Rows]] = []

    def refuse(results: list[Rows]) -> None:
        seen.append(results)
        raise Refused

    with pytest.raises(Refused):
        await database.transact(add(1, "one"), check=refuse)

    assert seen == [[[("one",)]]]
    assert await names(database) == []


async def test_one_failing_step_undoes_all_and_spoils_nothing(database: Database) -> None:
    await database.transact(add(1, "one"))

    for _ in range(3):
        with pytest.raises(Conflict):
            await database.transact(add(2, "two"), add(1, "again"), add(3, "three"))

    await database.transact(add(2, "second"))
    assert await names(database) == ["one", "second"]


async def test_a_step_first_seen_after_a_failing_one_runs_later(database: Database) -> None:
    await database.transact(add(1, "one"))
    late = Prepared(text("SELECT count(*) FROM things"))

    with pytest.raises(Conflict):
        await database.transact(add(1, "again"), Step(late, {}))

    assert await database.fetch(Step(late, {})) == [[(1,)]]


async def test_megabytes_go_both_ways_at_once(database: Database) -> None:
    words = [str(number) * MEGABYTE for number in range(1, 9)]

    results = await database.transact(*(add(number, word) for number, word in enumerate(words)))

    assert [row[0][0] for row in results] == words
    assert await names(database) == words


async def test_a_refusal_or_conflict_keeps_the_connection(postgres: Database) -> None:
    backend = Step(Prepared(text("SELECT pg_backend_pid()")), {})
    before = await postgres.fetch(backend)

    def refuse(_results: list[Rows]) -> None:
        raise Refused

    with pytest.raises(Refused):
        await postgres.transact(add(1, "one"), check=refuse)
    await postgres.transact(add(1, "one"))
    with pytest.raises(Conflict):
        await postgres.transact(add(1, "again"))
    with pytest.raises(ValueRefused):
        await postgres.transact(add(2, "nul \0 byte"))

    assert await postgres.fetch(backend) == before
    assert await names(postgres) == ["one"]


async def test_failing_again_and_again_prepares_nothing_anew(postgres: Database) -> None:
    prepared = Step(Prepared(text("SELECT count(*) FROM pg_prepared_statements")), {})
    first = Step(Prepared(text("SELECT 77")), {})
    await postgres.transact(add(1, "one"))
    await postgres.fetch(prepared)

    for _ in range(5):
        with pytest.raises(Conflict):
            await postgres.transact(first, add(1, "again"))

    assert (await postgres.fetch(prepared))[0][0][0] == 3


async def test_a_constraint_that_fails_at_the_commit_is_a_conflict(postgres: Database) -> None:
    async with postgres.write() as transaction:
        await transaction.execute(
            text("CREATE TABLE parts (thing INTEGER REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)")
        )
    orphan = Step(Prepared(text("INSERT INTO parts (thing) VALUES (7)")), {})

    with pytest.raises(Conflict):
        await postgres.transact(orphan)

    assert await postgres.fetch(Step(Prepared(text("SELECT * FROM parts")), {})) == [[]]


async def test_a_write_that_fails_beside_leaves_prepared_statements_alone(database: Database) -> None:
    await database.transact(add(1, "one"))
    for _ in range(8):
        async with database.write() as transaction:
            await transaction.execute(text("SELECT name FROM things"))
    with pytest.raises(Conflict):
        async with database.write() as transaction:
            await transaction.execute(text("INSERT INTO things (id, name) VALUES (1, 'again')"))
    async with database.write() as transaction:
        await transaction.execute(text("DROP TABLE IF EXISTS others"))

    await database.transact(add(2, "two"))
    assert await names(database) == ["one", "two"]


async def test_a_row_that_cannot_be_read_is_refused_alike_everywhere(postgres: Database) -> None:
    endless = Step(Prepared(text("SELECT CAST('infinity' AS timestamptz)")), {})

    with pytest.raises(ValueRefused):
        await postgres.fetch(endless)
    with pytest.raises(ValueRefused):
        await postgres.transact(add(1, "one"), endless, add(2, "two"))

    assert await names(postgres) == []


async def test_a_transaction_cancelled_at_its_commit_is_whole_and_the_next_one_runs(
    database: Database,
) -> None:
    def cancel(_results: list[Rows]) -> None:
        task.cancel()

    task = asyncio.create_task(database.transact(add(1, "one"), add(2, "two"), check=cancel))
    with pytest.raises(asyncio.CancelledError):
        await task

    await database.transact(add(3, "three"))
    assert await names(database) in (["one", "two", "three"], ["three"])


async def test_a_transaction_cancelled_half_way_is_undone_and_the_next_one_runs(postgres: Database) -> None:
    wait = Step(Prepared(text("SELECT pg_sleep(60)")), {})

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await postgres.transact(add(1, "one"), wait)

    # Waits for the lock of the first, if the server still works at that.
    async with asyncio.timeout(10):
        await postgres.transact(add(1, "two"))
    assert await names(postgres) == ["two"]


async def test_small_and_large_numbers_use_one_statement(database: Database) -> None:
    double = Prepared(text("SELECT :number * 2").bindparams(bindparam("number", type_=BigInteger)))

    for number in (1, 40_000, 2**40):
        assert await database.fetch(Step(double, {"number": number})) == [[(number * 2,)]]


async def test_a_value_the_database_cannot_hold_is_refused(postgres: Database) -> None:
    with pytest.raises(ValueRefused):
        await postgres.transact(add(1, "nul \0 byte"))

    assert await names(postgres) == []


async def test_a_connection_that_the_server_ends_is_replaced(postgres: Database) -> None:
    await postgres.transact(add(1, "one"))
    suicide = Step(Prepared(text("SELECT pg_terminate_backend(pg_backend_pid())")), {})

    with pytest.raises(DatabaseUnavailable):
        await postgres.transact(add(2, "two"), suicide)

    assert await names(postgres) == ["one"]


async def test_a_table_changed_under_a_prepared_statement_fails_once(database: Database) -> None:
    everything = Step(Prepared(text("SELECT * FROM things")), {})
    await database.transact(add(1, "one"))
    assert await database.fetch(everything) == [[(1, "one")]]
    async with database.write() as transaction:
        await transaction.execute(text("ALTER TABLE things ADD COLUMN colour TEXT"))

    if not database.is_sqlite:
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            await database.fetch(everything)

    assert await database.fetch(everything) == [[(1, "one", None)]]
