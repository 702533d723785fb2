"""Errors of the database tell what happened, never what a visitor wrote."""

from __future__ import annotations

import traceback

import pytest
from csai.database import Database, DatabaseUnavailable, ValueRefused
from csai.logs import configure_logging
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
