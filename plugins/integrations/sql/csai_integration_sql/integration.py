"""Reading a PostgreSQL database by queries that an admin wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import psycopg
from csai_sdk import Connection, ConnectionCheck, Endpoint, Integration, IntegrationError, PluginContext

from csai_integration_sql.pool import Driver, Pool
from csai_integration_sql.settings import SqlSettings
from csai_integration_sql.statement import TOO_LARGE, Statement, check_endpoint, parse
from csai_integration_sql.value import read_all_times, to_json

MAX_ANSWER_BYTES = 1_000_000
# The database ends a query by itself; where it says nothing at all, the call still ends.
GRACE_S = 2.0
WAIT_S = 10.0

TOO_LONG = "The database took too long."
DOES_NOT_FIT = "An argument does not fit what the database holds there."
TOO_MUCH = "The database's answer is too large. Ask for less."
UNREADABLE = "The database's answer could not be understood."
DOES_NOT_WORK = "The query cannot be answered by this database. Its author has to look at it."


class SqlIntegration(Integration):
    """A PostgreSQL database. A model fills parameters and never sees a query."""

    id = "sql"
    connection_settings = SqlSettings

    def check_endpoint(self, endpoint: Endpoint) -> None:
        check_endpoint(endpoint)

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        settings = connection.settings_as(SqlSettings)
        if not (settings.host and settings.database and settings.user):
            return ConnectionCheck(False, "Give host, database and user.")
        try:
            await self._rows(parse({"query": "SELECT 1"}), [2], connection, ctx)
        except IntegrationError as error:
            return ConnectionCheck(False, str(error))
        said = "" if settings.tls == "verify" else " The connection is not encrypted."
        return ConnectionCheck(True, f"The database answers.{said}")

    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        statement = parse(endpoint.request)
        if endpoint.is_private and visitor_id is None:
            raise IntegrationError("This needs a visitor whose identity is verified.")
        values = statement.values(arguments, visitor_id if endpoint.is_private else None)
        rows = await self._rows(statement, values, connection, ctx)
        if len(rows) <= statement.limit:
            return rows
        return {"rows": rows[: statement.limit], "note": f"there are more than {statement.limit}"}

    async def _rows(
        self, statement: Statement, values: list[Any], connection: Connection, ctx: PluginContext
    ) -> list[dict[str, Any]]:
        settings = connection.settings_as(SqlSettings)
        if not (settings.host and settings.database and settings.user):
            raise IntegrationError("The connection lacks host, database or user.")
        pool = ctx.resource(f"sql/{connection.id}", lambda: Pool(settings, ctx.transports))
        try:
            async with asyncio.timeout(settings.statement_timeout_s + GRACE_S + WAIT_S):
                async with pool.lend() as driver:
                    return await _read(driver, statement, values, settings.statement_timeout_s)
        except TimeoutError:
            raise IntegrationError(TOO_LONG, retryable=True) from None
        except (ValueError, RecursionError):
            raise IntegrationError(UNREADABLE) from None
        except psycopg.Error as error:
            # Without its words, which hold the query and what stands in the rows.
            ctx.log.warning("a query failed", extra={"sqlstate": error.sqlstate})
            raise _failure(error) from None


async def _read(
    driver: Driver, statement: Statement, values: list[Any], timeout_s: float
) -> list[dict[str, Any]]:
    """In a transaction of its own in which nothing can be written, for as long as the database allows."""
    rows: list[dict[str, Any]] = []
    size_bytes = 0
    async with asyncio.timeout(timeout_s + GRACE_S):
        async with psycopg.AsyncRawCursor(driver) as cursor:
            read_all_times(cursor.adapters)
            await cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                await cursor.execute(f"SET LOCAL statement_timeout = {max(1, round(timeout_s * 1000))}")
                # With a parameter at least, it is sent so that the server takes one statement only.
                async for row in cursor.stream(statement.text, values):
                    names = [column.name for column in cursor.description or ()]
                    found = {name: to_json(each, name) for name, each in zip(names, row, strict=True)}
                    if len(found) < len(names):
                        raise IntegrationError(DOES_NOT_WORK)  # one of two columns of a name would be lost
                    size_bytes += len(json.dumps(found))
                    if size_bytes > MAX_ANSWER_BYTES:
                        raise IntegrationError(TOO_MUCH)
                    rows.append(found)
            finally:
                if not driver.closed:
                    await driver.rollback()
    return rows


def _failure(error: psycopg.Error) -> IntegrationError:
    state = error.sqlstate or ""
    if state == "57014":
        return IntegrationError(TOO_LONG, retryable=True)
    if state == TOO_LARGE:
        return IntegrationError(TOO_MUCH)
    is_ours = isinstance(error, psycopg.DataError | psycopg.ProgrammingError | psycopg.NotSupportedError)
    if state.startswith("22") or (is_ours and not state):
        return IntegrationError(DOES_NOT_FIT)
    if state.startswith(("08", "40", "53", "57")) or not state:
        return IntegrationError("The database could not answer at the moment.", retryable=True)
    return IntegrationError(DOES_NOT_WORK)
