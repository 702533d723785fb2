"""Prepared statements on PostgreSQL, many in one trip.

libpq's pipeline mode, driven directly: psycopg's cursors and pipeline take three times as long for each
statement, and a turn runs a dozen. psycopg still connects, dumps the values and loads the rows.
Source: https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

from psycopg import AsyncConnection, DataError, Error, IntegrityError, OperationalError
from psycopg.abc import Buffer
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Dialect

from csai.statement import CompiledStatement, Rows, Step

_GOOD = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.PIPELINE_SYNC})
# Of these a value is guilty, not the connection nor what the server prepared on it.
_HARMLESS = (IntegrityError, DataError)
# serialization_failure, deadlock_detected: another transaction went first, this one was undone.
_OUTRUN = frozenset({"40001", "40P01"})
# And these: no room left on the disk, in memory, among the locks.
_HARMLESS_STATES = _OUTRUN | {"53000", "53100", "53200", "53400", "55P03"}
_ABORT_S = 2.0
_numbers = itertools.count(1)

_Kind = Literal["command", "prepare", "run", "sync"]


class Pipeline:
    """A lent connection, for one use. Nobody else may have it afterwards unless it `is_clean`."""

    def __init__(
        self, driver: AsyncConnection[Any], names: dict[str, bytes], dialect: Dialect, *, timeout_s: float
    ) -> None:
        """`names`: what the server has prepared on this connection, by its SQL; lives as long as that.

        A server that says nothing for `timeout_s` is given up.
        """
        self._driver = driver
        self._server = driver.pgconn
        self._names = names
        self._dialect = dialect
        self._transformer = Transformer(driver)
        self._awaited: list[tuple[_Kind, CompiledStatement | None]] = []
        self._timeout_s = timeout_s
        self._is_spoiled = False
        self._is_silent = False
        self._is_committing = False

    @property
    def is_clean(self) -> bool:
        """False after a cancellation, and after an error that may come from the connection's state."""
        return (
            not self._is_spoiled
            and self._server.pipeline_status == PipelineStatus.OFF
            and self._server.transaction_status == TransactionStatus.IDLE
        )

    @property
    def is_fate_unknown(self) -> bool:
        """Whether, after an error, the transaction may stand all the same: the commit's answer was lost."""
        return self._is_committing and self._server.transaction_status != TransactionStatus.IDLE

    def may_repeat(self, error: Error) -> bool:
        """Whether, after `error`, nothing of it stands for certain, and another try may go better.

        A connection that breaks before the commit is sent takes its transaction with it.
        """
        if self.is_fate_unknown or self._is_silent:
            return False
        return error.sqlstate in _OUTRUN or self._server.status != ConnStatus.OK

    async def abort(self) -> None:
        """Have the server give up what it still does: on a closed connection it would go on unseen."""
        if self._server.transaction_status == TransactionStatus.ACTIVE:
            with suppress(Error):
                await self._driver.cancel_safe(timeout=_ABORT_S)

    async def fetch(self, steps: Sequence[Step]) -> list[Rows]:
        """Run statements that only read; the rows of each."""
        bound = self._bind(steps)
        self._server.enter_pipeline_mode()
        self._send(bound)
        return await self._finish()

    async def transact(self, steps: Sequence[Step], check: Callable[[list[Rows]], None] | None) -> list[Rows]:
        """Run statements as one transaction; the rows of each. `check` raises to roll it back."""
        bound = self._bind(steps)
        self._server.enter_pipeline_mode()
        self._command(b"BEGIN")
        self._send(bound)
        self._server.send_flush_request()
        try:
            rows = await self._receive()
            if check is not None:
                check(rows)
        except Exception:
            if not self._is_silent:
                # It may have broken too: then the server rolls back by itself, and nobody asks it.
                with suppress(Error):
                    # After an error the server passes over everything up to a sync.
                    self._sync()
                    self._command(b"ROLLBACK")
                    await self._finish()
            raise
        self._is_committing = True
        self._command(b"COMMIT")
        await self._finish()
        return rows

    def _bind(self, steps: Sequence[Step]) -> list[tuple[CompiledStatement, Sequence[Buffer | None]]]:
        """Values as the server reads text. Before anything is sent: a value may be one that cannot be."""
        bound = []
        for step in steps:
            compiled = step.statement.compiled(self._dialect)
            values = compiled.bind(step.values)
            dumped = self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
            bound.append((compiled, dumped))
        return bound

    def _send(self, bound: Sequence[tuple[CompiledStatement, Sequence[Buffer | None]]]) -> None:
        for compiled, values in bound:
            name = self._names.get(compiled.sql)
            if name is None:
                # No types are told: the server finds them by the casts in the statement and by where a value
                # stands, the same for small numbers as for large.
                name = self._names[compiled.sql] = b"csai_%d" % next(_numbers)
                self._server.send_prepare(name, compiled.sql.encode())
                self._awaited.append(("prepare", compiled))
            self._server.send_query_prepared(name, values)
            self._awaited.append(("run", compiled))

    def _command(self, sql: bytes) -> None:
        self._server.send_query_params(sql, None)
        self._awaited.append(("command", None))

    def _sync(self) -> None:
        self._server.pipeline_sync()
        self._awaited.append(("sync", None))

    async def _finish(self) -> list[Rows]:
        """Read all that is left; the rows of the steps in it."""
        self._sync()
        try:
            return await self._receive()
        finally:
            if not self._awaited:
                self._server.exit_pipeline_mode()

    async def _receive(self) -> list[Rows]:
        """Read the answers to all that was sent. Raises the first error among them when all are read."""
        error: Error | None = None
        found: list[tuple[CompiledStatement, PGresult]] = []
        await self._flush()
        for kind, compiled in self._awaited:
            result = await self._answer(is_sync=kind == "sync")
            if result.status not in _GOOD:
                error = error or error_from_result(result)
                if kind == "prepare" and compiled is not None:
                    self._names.pop(compiled.sql, None)
            elif kind == "run" and compiled is not None:
                found.append((compiled, result))
        self._awaited = []
        if error is not None:
            self._is_spoiled = not (isinstance(error, _HARMLESS) or error.sqlstate in _HARMLESS_STATES)
            raise error
        return [self._load(compiled, result) for compiled, result in found]

    def _load(self, compiled: CompiledStatement, result: PGresult) -> Rows:
        self._transformer.set_pgresult(result)
        return compiled.rows(self._transformer.load_rows(0, result.ntuples, tuple))

    async def _answer(self, *, is_sync: bool) -> PGresult:
        answer: PGresult | None = None
        while True:
            while self._server.is_busy():
                await self._ready()
            result = self._server.get_result()
            if is_sync or result is None:
                break
            answer = result
        answer = answer or result
        if answer is None:
            raise OperationalError("the connection broke")
        return answer

    async def _flush(self) -> None:
        while self._server.flush():
            # Also when there is something to read: the server may want to be rid of that first.
            await self._ready(is_writing=True)

    async def _ready(self, *, is_writing: bool = False) -> None:
        loop = asyncio.get_running_loop()
        socket = self._server.socket
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(socket, _set, ready)
        if is_writing:
            loop.add_writer(socket, _set, ready)
        patience = loop.call_later(self._timeout_s, self._give_up, ready)
        try:
            await ready
        finally:
            patience.cancel()
            loop.remove_reader(socket)
            if is_writing:
                loop.remove_writer(socket)
        self._server.consume_input()

    def _give_up(self, ready: asyncio.Future[None]) -> None:
        if not ready.done():
            self._is_silent = True
            ready.set_exception(OperationalError("the database does not answer"))


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
