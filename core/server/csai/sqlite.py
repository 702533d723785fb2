"""Connections to SQLite that a cancellation neither loses nor leaves in a transaction.

The driver runs each connection in a thread of its own and waits for it. Whoever is cancelled while waiting
stops waiting, but the thread goes on: a `BEGIN IMMEDIATE` that nobody waits for any more would keep the only
writer's place. Here a cancelled operation is first waited for, then the cancellation goes on its way.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any, cast

import aiosqlite
from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from csai.kit.waiting import uninterrupted

BUSY_S = 30
AGAIN_S = 0.01
PRAGMAS = (
    *("PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON"),
    f"PRAGMA busy_timeout={BUSY_S * 1000}",
)


def sqlite_engine(url: str) -> AsyncEngine:
    """An engine whose transactions hold the writer's place from their beginning."""
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, connect_args={"async_creator_fn": _connect}, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("csai_read"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class _Steady(aiosqlite.Connection):
    """Does each operation to its end, also when whoever asked for it is cancelled."""

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        return await uninterrupted(cast(Any, super())._execute(fn, *args, **kwargs))

    async def close(self) -> None:
        # The driver's own forgets the connection before its thread has closed it, when both come together.
        ended = self.stop()
        if ended is not None:
            await uninterrupted(ended)

    def stop(self) -> Any:
        """Have the thread close the connection and end; a second time there is nobody to answer.

        Closing alone would leave a transaction open for as long as any cursor lives, be it in a traceback.
        """
        if not self._running:
            return None
        self._tx.put_nowait((None, self._roll_back))
        return super().stop()

    def _roll_back(self) -> None:
        if self._connection is not None:
            self._connection.rollback()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have changes written ahead of the file, as the file then remembers.

    The first to ask while another connection asks too, or writes, is refused at once, however long it would
    wait for other locks.
    """
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() >= give_up:
                raise
            time.sleep(AGAIN_S)


async def _connect(path: str, **options: Any) -> _Steady:
    def connector() -> sqlite3.Connection:
        # The driver's own transaction handling begins too late; the engine's `begin` does it.
        connection: sqlite3.Connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, **options
        )
        try:
            _write_ahead(connection)
            for pragma in PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    connection = _Steady(connector, iter_chunk_size=64)
    # What nobody closes must not keep the process from ending.
    connection._thread.daemon = True
    try:
        await uninterrupted(connection.__aenter__())
    except asyncio.CancelledError:
        await connection.close()
        raise
    return connection
