"""What plugins keep of a client: scoped to both, within limits."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from csai_sdk import Clock, StoreFull
from csai_sdk.store import MAX_KEYS, MAX_TOTAL_BYTES, encode_entry
from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.database import Database
from csai.kit.identifier import new_id
from csai.models import Client, PluginEntry, Visitor


class PluginStore:
    """One plugin's entries of one client; see `csai_sdk.Store`."""

    def __init__(self, database: Database, clock: Clock, *, plugin: str, client_id: str) -> None:
        self._database = database
        self._clock = clock
        self._plugin = plugin
        self._client_id = client_id

    async def get(self, key: str) -> Any:
        statement = select(PluginEntry.value).where(*self._own(), PluginEntry.key == key, self._is_alive())
        async with self._database.read() as connection:
            value = (await connection.execute(statement)).scalar_one_or_none()
        return json.loads(value) if value is not None else None

    async def set(
        self,
        key: str,
        value: Any,
        *,
        visitor_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        text = encode_entry(key, value)
        size_bytes = len(text.encode())
        own = {"client_id": self._client_id, "plugin": self._plugin, "key": key}
        async with self._database.write() as transaction:
            await self._make_room(transaction, key, size_bytes)
            entry = {
                "value": text,
                "size_bytes": size_bytes,
                "visitor_id": await self._visitor(transaction, visitor_id),
                "expires_at": expires_at,
                "updated_at": self._clock.now(),
            }
            dialect = sqlite if self._database.is_sqlite else postgresql
            statement = dialect.insert(PluginEntry).values(id=new_id(), **own, **entry)
            await transaction.execute(statement.on_conflict_do_update(index_elements=list(own), set_=entry))

    async def delete(self, key: str) -> bool:
        statement = (
            delete(PluginEntry).where(*self._own(), PluginEntry.key == key).returning(PluginEntry.expires_at)
        )
        async with self._database.write() as transaction:
            gone = (await transaction.execute(statement)).one_or_none()
        return gone is not None and (gone.expires_at is None or gone.expires_at > self._clock.now())

    async def keys(self, prefix: str = "") -> list[str]:
        begins = func.substr(PluginEntry.key, 1, len(prefix)) == prefix
        statement = select(PluginEntry.key).where(*self._own(), begins, self._is_alive())
        async with self._database.read() as connection:
            # Sorted here: databases sort text by their own languages.
            return sorted((await connection.execute(statement)).scalars())

    async def _make_room(self, transaction: AsyncConnection, key: str, size_bytes: int) -> None:
        """Drop what has expired, and see that the entry fits. One plugin's writers come one by one."""
        # Not so strong that rows which refer to the client would wait for it.
        lock = select(Client.id).where(Client.id == self._client_id).with_for_update(key_share=True)
        await transaction.execute(lock)
        await transaction.execute(delete(PluginEntry).where(*self._own(), ~self._is_alive()))
        others = select(func.count(), func.coalesce(func.sum(PluginEntry.size_bytes), 0)).where(
            *self._own(), PluginEntry.key != key
        )
        count, total_bytes = (await transaction.execute(others)).one()
        if count >= MAX_KEYS:
            raise StoreFull(f"the plugin keeps {MAX_KEYS} keys of this client already")
        if total_bytes + size_bytes > MAX_TOTAL_BYTES:
            raise StoreFull(f"the plugin would keep more than {MAX_TOTAL_BYTES} bytes of this client")

    async def _visitor(self, transaction: AsyncConnection, external_id: str | None) -> str | None:
        if external_id is None:
            return None
        statement = select(Visitor.id).where(
            Visitor.client_id == self._client_id, Visitor.external_id == external_id
        )
        found = (await transaction.execute(statement)).scalar_one_or_none()
        if found is None:
            raise ValueError("visitor_id is no visitor of this client")
        return found

    def _own(self) -> tuple[ColumnElement[bool], ...]:
        return PluginEntry.client_id == self._client_id, PluginEntry.plugin == self._plugin

    def _is_alive(self) -> ColumnElement[bool]:
        return or_(PluginEntry.expires_at.is_(None), PluginEntry.expires_at > self._clock.now())


class NoStore:
    """In the installation's own contexts, which belong to no client."""

    async def get(self, key: str) -> Any:
        raise _belongs_to_no_client()

    async def set(
        self,
        key: str,
        value: Any,
        *,
        visitor_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        raise _belongs_to_no_client()

    async def delete(self, key: str) -> bool:
        raise _belongs_to_no_client()

    async def keys(self, prefix: str = "") -> list[str]:
        raise _belongs_to_no_client()


def _belongs_to_no_client() -> RuntimeError:
    return RuntimeError("the installation's context has no store: it belongs to no client")
