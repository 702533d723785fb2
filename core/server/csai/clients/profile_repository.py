"""What a client is called, where it stands, and its keys. Every statement is scoped to one client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import is_id
from csai.kit.problem import not_found
from csai.models import ApiKey, Client


@dataclass(frozen=True, slots=True)
class ProfileRow:
    id: str
    name: str
    domain: str
    plan: str
    status: str
    timezone: str
    settings: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeptKey:
    id: str
    kind: str
    hint: str
    created_at: datetime
    expires_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


_KEY = (ApiKey.id, ApiKey.kind, ApiKey.hint, ApiKey.created_at, ApiKey.expires_at)


class ProfileRepository:
    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def get(self) -> ProfileRow:
        """Raises 404."""
        statement = select(
            *(Client.id, Client.name, Client.domain, Client.plan_type, Client.status),
            *(Client.timezone, Client.settings, Client.created_at),
        ).where(Client.id == self._client_id)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise not_found("client")
        return ProfileRow(*row)

    async def set(self, **values: Any) -> None:
        await self._connection.execute(update(Client).where(Client.id == self._client_id).values(**values))

    async def keys(self, *, ended_since: datetime) -> Sequence[KeptKey]:
        """Newest first, of those that ended only the ones since then."""
        statement = (
            select(*_KEY)
            .where(
                ApiKey.client_id == self._client_id,
                or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > ended_since),
            )
            .order_by(ApiKey.id.desc())
        )
        return [KeptKey(*row) for row in await self._connection.execute(statement)]

    async def key(self, key_id: str) -> KeptKey:
        """Raises 404."""
        if is_id(key_id):
            own = select(*_KEY).where(ApiKey.client_id == self._client_id, ApiKey.id == key_id)
            row = (await self._connection.execute(own)).one_or_none()
            if row is not None:
                return KeptKey(*row)
        raise not_found("key")

    async def end_keys(self, *, kind: str, at: datetime, but: str) -> None:
        """Let all keys of the kind end then, where they do not end before; all `but` one."""
        await self._connection.execute(
            update(ApiKey)
            .where(
                ApiKey.client_id == self._client_id,
                ApiKey.kind == kind,
                ApiKey.id != but,
                or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > at),
            )
            .values(expires_at=at)
        )

    async def end_key(self, key_id: str, *, at: datetime) -> None:
        await self._connection.execute(
            update(ApiKey)
            .where(ApiKey.client_id == self._client_id, ApiKey.id == key_id)
            .values(expires_at=at)
        )
