"""Errors of the database tell what happened, never what a visitor wrote."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import traceback
from pathlib import Path
from typing import Any, cast

import pytest
from csai.database import Database, DatabaseUnavailable, ValueRefused
from csai.logs import configure_logging
from csai.sqlite import AGAIN_S
from csai.statement import Prepared, Step
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.support.backend import Backend

WORDS = "what the visitor wrote"


async def test_an_error_quotes_no_parameters(backend: Backend) -> None:
    database = Database(backend.database_url)
    statement = text("INSERT INTO nowhere VALUES (:words)")

    with pytest.raises((DatabaseUnavailable, ProgrammingError)) as raised:
        async with database.write() as transaction:
            await transaction.execute(statement, {"words": WORDS})
    await database.close()

    assert WORDS not in "".join(traceback.format_exception(raised.value))


async def test_a_refused_value_is_quoted_nowhere(
    backend: Backend, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("warning", is_json=True)
    database = Database(backend.database_url)
    if database.is_sqlite:
        await database.close()
        pytest.skip("SQLite stores any text as JSON")
    step = Step(Prepared(text("SELECT CAST(:value AS jsonb)")), {"value": f'{{"a": "{WORDS}", "b": NaN}}'})

    with pytest.raises(ValueRefused) as raised:
        await database.transact(step)
    await database.close()

    assert WORDS not in "".join(traceback.format_exception(raised.value))
    assert WORDS not in caplog.text + capsys.readouterr().err


async def test_the_first_connections_to_a_new_file_do_not_refuse_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new.sqlite"
    writer = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE found (word TEXT)")
    writer.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        writer.execute("COMMIT")

    monkeypatch.setattr("csai.sqlite.time.sleep", wait)
    database = Database(f"sqlite+aiosqlite:///{file}")
    async with database.write() as transaction:
        await transaction.execute(text("INSERT INTO found VALUES ('one')"))
    await database.close()

    assert waits == [AGAIN_S]
    assert writer.execute("SELECT word FROM found").fetchall() == [("one",)]
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    writer.close()


async def test_a_cancellation_leaves_no_connection_lent_and_no_transaction_open(backend: Backend) -> None:
    database = Database(backend.database_url, pool_size=16)
    step = Step(Prepared(text("SELECT 1")), {})

    async def read() -> None:
        async with database.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def write() -> None:
        async with database.write() as connection:
            await connection.execute(text("SELECT 1"))

    async def fetch() -> None:
        await database.fetch(step)

    async def transact() -> None:
        await database.transact(step)

    chance = random.Random(1)
    for _ in range(40):
        tasks = [asyncio.create_task(work()) for work in (read, write, fetch, transact) * 4]
        for patience_s in (0.01, 0.0001):
            await asyncio.wait(tasks, timeout=chance.random() * patience_s)
            for task in tasks:
                if chance.random() < 0.7:
                    task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(outcome) for outcome in ended} <= {type(None), asyncio.CancelledError}

    async with asyncio.timeout(10):
        await write()
    assert cast(Any, database._engine.pool).checkedout() == 0
    await database.close()
