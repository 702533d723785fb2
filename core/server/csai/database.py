"""Connections to the database.

`read` and `write` lend an SQLAlchemy connection. `fetch` and `transact` run prepared statements on the
driver itself: the turn's few statements, of whose cost SQLAlchemy's work for each execution would be most.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, TypeVar, cast

import psycopg
import structlog
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DataError as SqlDataError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import IntegrityError as SqlIntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import greenlet_spawn

from csai.kit.waiting import uninterrupted
from csai.pipeline import Pipeline
from csai.postgres import GRACE_S, postgres_engine
from csai.sqlite import sqlite_engine
from csai.statement import Rows, Step

T = TypeVar("T")
log = structlog.get_logger(__name__)

# Before another try of what certainly has not happened; together long enough for a quick restart.
RETRY_WAITS_S = (0.02, 0.1, 0.4, 1.0, 1.5)

# As the engine's, with parameters written the server's own way.
_PREPARED_DIALECT = cast(Any, PGDialect_psycopg)(paramstyle="numeric_dollar")


class Conflict(Exception):
    """A constraint refused what was written: someone else was quicker."""


class ValueRefused(Exception):
    """The database cannot store a value. Without the driver's own words: those quote the value."""


class DatabaseUnavailable(Exception):
    """The database does not answer, or has no room; the transaction did not happen."""


class OutcomeUnknown(DatabaseUnavailable):
    """The commit was sent and its answer never came: the transaction may have happened or not."""


class Database:
    """The installation's database, SQLite or PostgreSQL behind the same statements."""

    def __init__(
        self, url: str, *, pool_size: int = 20, timeout_s: float = 30, connect_timeout_s: float = 5
    ) -> None:
        """On PostgreSQL a statement is given up after `timeout_s`."""
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = (
            sqlite_engine(url)
            if self.is_sqlite
            else postgres_engine(
                url, pool_size=pool_size, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s
            )
        )
        self._silence_s = timeout_s + GRACE_S
        self._dialect = self._engine.dialect if self.is_sqlite else _PREPARED_DIALECT
        # One statement needs no transaction around it: on PostgreSQL that saves two round trips.
        self._reading: dict[str, Any] = (
            {"csai_read": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        )
        # SQLite lets writers poll for their turn, unfairly; within a process they can queue instead.
        self._writer = asyncio.Lock() if self.is_sqlite else nullcontext()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading, each statement on its own."""
        with _named_errors():
            async with self._connection() as connection:
                yield await connection.execution_options(**self._reading)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block and rolled back when it raises.

        Keep it short: no network call, no model, no waiting inside. On SQLite it holds the writer's place
        from its beginning, so that it cannot fail half-way for want of it.
        """
        is_committing = False
        try:
            with _named_errors():
                async with self._writer, self._connection() as connection, connection.begin():
                    yield connection
                    is_committing = not self.is_sqlite
        except DatabaseUnavailable as error:
            if is_committing:
                raise OutcomeUnknown(str(error)) from error
            raise

    async def fetch(self, *steps: Step) -> list[Rows]:
        """Run statements that only read, in one round trip; the rows of each."""
        if self.is_sqlite:
            async with self._sqlite() as driver:
                return await self._run_sqlite(driver, steps)
        return await self._pipelined(lambda pipeline: pipeline.fetch(steps))

    async def transact(self, *steps: Step, check: Callable[[list[Rows]], None] | None = None) -> list[Rows]:
        """Run statements as one transaction; the rows of each.

        All are sent before any answer is read, so a statement cannot use another's rows. `check` sees all
        rows before the commit and raises to roll back; it is asked again when a transaction that another one
        got in the way of, or whose connection broke, is begun anew. Raises `OutcomeUnknown` when it is not
        known whether the transaction happened, `DatabaseUnavailable` when it did not.
        """
        if self.is_sqlite:
            async with self._writer, self._sqlite() as driver:
                return await self._transact_sqlite(driver, steps, check)
        return await self._pipelined(lambda pipeline: pipeline.transact(steps, check))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def _pipelined(self, work: Callable[[Pipeline], Awaitable[T]]) -> T:
        """Do the work on a lent connection; anew, a few times, where it is certain that nothing stands."""
        with _named_errors():
            for wait_s in (*RETRY_WAITS_S, None):
                async with self._pipeline() as pipeline:
                    try:
                        return await work(pipeline)
                    except psycopg.Error as error:
                        if pipeline.is_fate_unknown:
                            raise OutcomeUnknown(type(error).__name__) from error
                        if wait_s is None or not pipeline.may_repeat(error):
                            raise
                await _pause(wait_s)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _pipeline(self) -> AsyncIterator[Pipeline]:
        lent = await self._lent(self._engine.raw_connection)
        names = lent.info.setdefault("csai_prepared", {})
        pipeline = Pipeline(
            cast(Any, lent.driver_connection), names, self._dialect, timeout_s=self._silence_s
        )
        try:
            yield pipeline
        finally:
            is_clean = pipeline.is_clean
            try:
                if not is_clean:
                    await pipeline.abort()
            finally:
                await uninterrupted(greenlet_spawn(lent.close if is_clean else lent.invalidate))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        connection = await self._lent(self._engine.connect)
        try:
            yield connection
        finally:
            await uninterrupted(connection.close())

    async def _lent(self, connect: Callable[[], Awaitable[T]]) -> T:
        """A connection. A server that starts, or has no place left at the moment, is asked again."""
        for wait_s in () if self.is_sqlite else RETRY_WAITS_S:
            try:
                return await connect()
            except (OperationalError, psycopg.OperationalError) as error:
                if isinstance(getattr(error, "orig", error), psycopg.errors.ConnectionTimeout):
                    raise
            await _pause(wait_s)
        return await connect()

    @asynccontextmanager
    async def _sqlite(self) -> AsyncIterator[Any]:
        with _named_errors():
            async with self._connection() as connection:
                yield (await connection.get_raw_connection()).driver_connection

    async def _transact_sqlite(
        self, driver: Any, steps: Sequence[Step], check: Callable[[list[Rows]], None] | None
    ) -> list[Rows]:
        try:
            results = await self._run_sqlite(driver, steps, begin="BEGIN IMMEDIATE")
            if check is not None:
                check(results)
            await driver.commit()
        except BaseException:
            await driver.rollback()
            raise
        return results

    async def _run_sqlite(self, driver: Any, steps: Sequence[Step], *, begin: str = "") -> list[Rows]:
        statements = [step.statement.compiled(self._dialect) for step in steps]
        bound = [item.bind(step.values) for item, step in zip(statements, steps, strict=True)]

        def run() -> list[Sequence[tuple[Any, ...]]]:
            connection: sqlite3.Connection = driver._conn
            if begin:
                connection.execute(begin)
            return [
                connection.execute(item.sql, values).fetchall()
                for item, values in zip(statements, bound, strict=True)
            ]

        # In one go on the connection's thread: its own methods cost a change of threads for each statement.
        fetched = await driver._execute(run)
        return [item.rows(rows) for item, rows in zip(statements, fetched, strict=True)]


@contextmanager
def _named_errors() -> Iterator[None]:
    """Let callers tell what they can act on, whichever driver raised it."""
    try:
        yield
    except (SqlIntegrityError, psycopg.IntegrityError, sqlite3.IntegrityError) as error:
        raise Conflict from error
    except (
        *(OperationalError, InterfaceError, PoolTimeout),
        *(psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError),
    ) as error:
        raise DatabaseUnavailable(type(error).__name__) from error
    except (SqlDataError, psycopg.DataError, UnicodeEncodeError, OverflowError) as error:
        raise ValueRefused(type(error).__name__) from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(type(error).__name__) from error
        raise


async def _pause(wait_s: float) -> None:
    # Not for secrecy: transactions that were in each other's way should not meet again.
    await asyncio.sleep(wait_s * random.uniform(0.5, 1))  # noqa: S311
