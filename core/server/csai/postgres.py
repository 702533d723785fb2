"""Connections to PostgreSQL that neither wait for ever nor fail for having been kept."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from sqlalchemy import event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL_WAIT_S = 10
# The server gives a statement up first and says so; the client gives up on a server that says nothing.
GRACE_S = 2.0
_INTERVAL_S = 0.1


def postgres_engine(url: str, *, pool_size: int, timeout_s: float, connect_timeout_s: float) -> AsyncEngine:
    """An engine whose connections bound every wait: for connecting, for a statement, for a peer that is gone.

    A kept connection that the server has ended is noticed when it is taken from the pool, before anything is
    sent, and the whole pool made before that moment is replaced with it.
    """
    timeout_ms = round(timeout_s * 1000)
    own_options = str(make_url(url).query.get("options", ""))
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=1800,
        connect_args={
            # psycopg drops its prepared statements with DEALLOCATE ALL, which would take `Pipeline`'s too.
            "prepare_threshold": None,
            "async_creator_fn": _bounded(timeout_s + GRACE_S).connect,
            "connect_timeout": max(2, round(connect_timeout_s)),
            # A process that was stopped in a transaction would keep its locks until it goes on.
            "options": f"-c statement_timeout={timeout_ms} "
            f"-c idle_in_transaction_session_timeout={timeout_ms} {own_options}".strip(),
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": timeout_ms,
        },
        # Errors are logged, and parameters are what visitors wrote.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _bounded(timeout_s: float) -> type[psycopg.AsyncConnection[Any]]:
    class Bounded(psycopg.AsyncConnection[Any]):
        """Closes itself when the server stays silent, also to SQLAlchemy's statements."""

        async def wait(
            self,
            gen: PQGen[Any],
            interval: float = _INTERVAL_S,
            timeout: float | None = None,  # noqa: ASYNC109 - psycopg's own
        ) -> Any:
            if timeout is not None:
                return await super().wait(gen, interval, timeout)
            try:
                return await super().wait(gen, interval, timeout_s)
            except _WaitTimeout:
                self.pgconn.finish()
                raise psycopg.OperationalError("the database does not answer") from None

        async def rollback(self) -> None:
            """The pool asks for it whenever a connection comes back, mostly with nothing left to undo."""
            if self.pgconn.transaction_status != TransactionStatus.IDLE:
                await super().rollback()

    return Bounded


def _refuse_dead(connection: Any, _record: object, _fairy: object) -> None:
    """Whether the server has hung up shows on the socket: a look costs a microsecond, a ping a round trip."""
    if is_dead(connection.driver_connection.pgconn):
        raise InvalidatePoolError


def is_dead(server: PGconn) -> bool:
    """Whether an idle connection has been ended from the other side."""
    try:
        # What an idle connection has to read is a farewell, or news of no interest (a changed setting).
        while server.status == ConnStatus.OK and _is_readable(server.socket):
            server.consume_input()
    except psycopg.Error:
        return True
    return server.status != ConnStatus.OK


def _is_readable(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
