"""Reading and writing API tokens. They belong to admins, whom no client owns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import Admin, ApiToken

USE_KEPT_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiTokenRow:
    id: str
    admin_id: str
    name: str
    role: str
    scope: str
    client_ids: list[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_use_due(self, now: datetime) -> bool:
        """Whether its use is to be written down again."""
        return self.last_used_at is None or self.last_used_at <= now - USE_KEPT_EVERY


_TOKEN = select(
    *(ApiToken.id, ApiToken.admin_id, ApiToken.name, ApiToken.role, ApiToken.scope, ApiToken.client_ids),
    *(ApiToken.created_at, ApiToken.expires_at, ApiToken.last_used_at, ApiToken.revoked_at),
)


class ApiTokenRepository:
    """What scripts act for admins with."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(ApiToken).values(**values))

    async def find(self, token_hash: str, *, now: datetime) -> ApiTokenRow | None:
        """One that works: whatever is wrong with another, the same statement finds nothing."""
        statement = _TOKEN.join(Admin, Admin.id == ApiToken.admin_id).where(
            ApiToken.token_hash == token_hash, *_is_alive(now), Admin.is_active
        )
        row = (await self._connection.execute(statement)).first()
        return ApiTokenRow(*row) if row else None

    async def of(self, admin_ids: Collection[str], *, ended_since: datetime) -> Sequence[ApiTokenRow]:
        """The admins' tokens, the newest first, but for those that ended before."""
        statement = _TOKEN.where(ApiToken.admin_id.in_(admin_ids), *_is_alive(ended_since))
        rows = await self._connection.execute(statement.order_by(ApiToken.id.desc()))
        return [ApiTokenRow(*row) for row in rows]

    async def names(self, admin_id: str, *, now: datetime) -> Sequence[str]:
        """Of the admin's tokens that work."""
        statement = select(ApiToken.name).where(ApiToken.admin_id == admin_id, *_is_alive(now))
        return (await self._connection.scalars(statement)).all()

    async def use(self, token_id: str, *, now: datetime) -> None:
        """Write down that it was used, unless another process just did."""
        is_due = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - USE_KEPT_EVERY)
        statement = update(ApiToken).where(ApiToken.id == token_id, is_due)
        await self._connection.execute(statement.values(last_used_at=now))

    async def revoke(self, token_id: str, admin_ids: Collection[str], *, now: datetime) -> str | None:
        """The name of the token, or None where none of these admins has such a one that works."""
        statement = update(ApiToken).where(
            ApiToken.id == token_id, ApiToken.admin_id.in_(admin_ids), *_is_alive(now)
        )
        return await self._connection.scalar(statement.values(revoked_at=now).returning(ApiToken.name))

    async def revoke_all(self, admin_id: str, *, now: datetime) -> None:
        statement = update(ApiToken).where(ApiToken.admin_id == admin_id, *_is_alive(now))
        await self._connection.execute(statement.values(revoked_at=now))


def _is_alive(at: datetime) -> tuple[Any, Any]:
    return ApiToken.expires_at > at, or_(ApiToken.revoked_at.is_(None), ApiToken.revoked_at > at)
