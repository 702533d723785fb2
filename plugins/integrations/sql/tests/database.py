"""The PostgreSQL of the run, reached as a client's database is: over TCP, with tables of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.support.services import ServiceUrls


@dataclass
class Relay:
    """A port before the server. `opened` counts its connections, `open` are those that still are;
    `sent_bytes` is what the server has said through all of them.

    Some ways to the server are opened before: a suite that watches for connections would see ours.
    """

    settings: dict[str, Any]
    ways: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    opened: int = 0
    sent_bytes: int = 0
    open: set[asyncio.Task[Any]] = field(default_factory=set)


@asynccontextmanager
async def relayed(urls: ServiceUrls, *, ready: int = 0) -> AsyncIterator[Relay]:
    """The server at a port of 127.0.0.1; `settings` are a connection's."""
    found = conninfo_to_dict(urls.database_url.replace("+psycopg", ""))
    host, port = str(found.get("host", "127.0.0.1")), int(found.get("port") or 5432)
    user, database = str(found["user"]), str(found["dbname"])
    relay = Relay({"host": "127.0.0.1", "database": database, "user": user, "tls": "off"})

    async def open_way() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay.opened += 1
        task = asyncio.current_task()
        assert task is not None
        relay.open.add(task)
        try:
            server_reader, server_writer = relay.ways.pop() if relay.ways else await open_way()
            await asyncio.wait(
                {
                    asyncio.create_task(_pump(reader, server_writer)),
                    asyncio.create_task(_pump(server_reader, writer, relay)),
                }
            )
        finally:
            relay.open.discard(task)

    relay.ways.extend([await open_way() for _ in range(ready)])
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    relay.settings["port"] = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for _, writer in relay.ways:
            writer.close()
        if relay.open:
            await asyncio.wait(relay.open, timeout=10)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counting: Relay | None = None
) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            if counting is not None:
                counting.sent_bytes += len(chunk)
            writer.write(chunk)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@contextmanager
def shop_schema(urls: ServiceUrls) -> Iterator[str]:
    """A schema with orders of two customers; its name."""
    name = f"shop_{uuid4().hex[:12]}"
    with psycopg.connect(urls.database_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {name}")
        admin.execute(
            f"CREATE TABLE {name}.orders (id int PRIMARY KEY, customer text, total numeric(10,2),"
            " made timestamptz, day date, paid boolean, weight float8, details jsonb, tags text[], raw bytea,"
            " code uuid)"
        )
        admin.execute(
            f"INSERT INTO {name}.orders VALUES "
            "(1, 'v-1', 19.90, '2026-01-02 03:04:05+00', '2026-01-02', true, 1.5, '{\"a\": [1]}', '{x,y}',"
            " 'ab', '6ecd8c99-4036-403d-bf84-cf8400f67836'),"
            "(2, 'v-2', 5, NULL, NULL, false, 'NaN', NULL, NULL, NULL, NULL)"
        )
        try:
            yield name
        finally:
            admin.execute(f"DROP SCHEMA {name} CASCADE")
