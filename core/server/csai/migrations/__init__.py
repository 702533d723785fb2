"""Bring a database to a revision of the schema: plain functions, without configuration files.

They block: inside an event loop call them through `asyncio.to_thread`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from csai.migrations.compatibility import Found, Known, declare, find, known

__all__ = [
    "Found",
    "Known",
    "current",
    "downgrade",
    "draft",
    "find",
    "found",
    "head",
    "known_revisions",
    "upgrade",
]

SYNC_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
ADVISORY_LOCK = 0x63736169_6D696772  # "csaimigr"
LOCK_WAIT_S = 60

# Alembic keeps the migration that runs in globals of its module.
_one_at_a_time = threading.Lock()


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database up to `revision`; what is there already stays. Safe to call from many processes."""
    config = _config()
    with _one_at_a_time, _transaction(database_url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        declare(connection, ScriptDirectory.from_config(config))


def downgrade(database_url: str, revision: str) -> None:
    """Take the database back to `revision` (`base`: nothing is left). Loses the data of what it drops."""
    config = _config()
    with _one_at_a_time, _transaction(database_url) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        declare(connection, ScriptDirectory.from_config(config))


def draft(database_url: str, message: str) -> None:
    """Write a new revision into `versions/` from how the models differ from an up-to-date database."""
    with _one_at_a_time, _transaction(database_url) as connection:
        command.revision(_config(connection), message, autogenerate=True)


def current(database_url: str) -> str | None:
    """The revision the database is at; None before the first."""
    return found(database_url).revision


def found(database_url: str) -> Found:
    """The revision the database is at, and who may serve on it."""
    with _engine(database_url).connect() as connection:
        return find(connection)


def known_revisions() -> Known:
    """What this version of csai knows."""
    return known(ScriptDirectory.from_config(_config()))


def head() -> str:
    """The newest revision this version of csai knows."""
    return known_revisions().head


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _transaction(database_url: str) -> Iterator[Connection]:
    """One transaction for the whole journey, with every other migration of this database waiting outside."""
    engine = _engine(database_url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        yield connection


def _engine(database_url: str) -> Engine:
    url = make_url(database_url)
    url = url.set(drivername=SYNC_DRIVERS[url.get_backend_name()])
    if url.get_backend_name() == "postgresql":
        return create_engine(url, poolclass=NullPool)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": LOCK_WAIT_S})
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _take_writers_place)
    return engine


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    # The driver would commit before each CREATE TABLE. Foreign keys stay off, as SQLite has them at first:
    # a batch migration drops and renames tables, which would delete the rows that refer to them.
    connection.isolation_level = None


def _take_writers_place(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
