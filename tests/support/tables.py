"""What server processes have stored, looked at from outside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from csai.database import Database
from csai.models import Base
from sqlalchemy import select

from tests.support.backend import Backend


class Tables:
    """The database of a backend, which others work on."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def rows(self, model: type[Base], **equal: Any) -> list[dict[str, Any]]:
        """What a table holds."""
        table = model.__table__
        statement = select(table).where(*(table.c[name] == value for name, value in equal.items()))
        async with self.database() as database, database.read() as connection:
            return [dict(row) for row in (await connection.execute(statement)).mappings()]

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        database = Database(self._backend.database_url, pool_size=2)
        try:
            yield database
        finally:
            await database.close()
