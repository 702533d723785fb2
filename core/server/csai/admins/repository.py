"""Reading and writing admins and the audit log. Both belong to the installation, not to a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import Admin, AuditEntry


@dataclass(frozen=True, slots=True)
class AdminRow:
    id: str
    email: str
    password_hash: str
    role: str
    token_generation: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    id: str
    actor: str
    actor_id: str | None
    actor_name: str
    action: str
    object: str
    client_id: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str | None
    created_at: datetime


_ADMIN = select(Admin.id, Admin.email, Admin.password_hash, Admin.role, Admin.token_generation)
_ENTRY = select(
    AuditEntry.id,
    AuditEntry.actor,
    AuditEntry.actor_id,
    AuditEntry.actor_name,
    AuditEntry.action,
    AuditEntry.object,
    AuditEntry.client_id,
    AuditEntry.before,
    AuditEntry.after,
    AuditEntry.request_id,
    AuditEntry.created_at,
)


class AdminRepository:
    """The people who operate the installation."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, *, email: str) -> AdminRow | None:
        return await self._one(Admin.email == email)

    async def get(self, admin_id: str) -> AdminRow | None:
        return await self._one(Admin.id == admin_id)

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(Admin).values(**values))

    async def revoke_tokens(self, admin_id: str) -> None:
        """Make every token that was given to this admin until now worthless."""
        await self._connection.execute(
            update(Admin).where(Admin.id == admin_id).values(token_generation=Admin.token_generation + 1)
        )

    async def _one(self, condition: Any) -> AdminRow | None:
        row = (await self._connection.execute(_ADMIN.where(condition))).first()
        return AdminRow(*row) if row else None


class AuditRepository:
    """The log of changes: added to and read, never altered."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(AuditEntry).values(**values))

    async def newest(
        self,
        *,
        client_id: str | None = None,
        object: str | None = None,  # noqa: A002 -- the column's name
        before_id: str | None = None,
        count: int,
    ) -> list[AuditRow]:
        """The newest first, of one client or object where one is named, older than an entry where one is."""
        statement = _ENTRY.order_by(AuditEntry.id.desc()).limit(count)
        if client_id is not None:
            statement = statement.where(AuditEntry.client_id == client_id)
        if object is not None:
            statement = statement.where(AuditEntry.object == object)
        if before_id is not None:
            statement = statement.where(AuditEntry.id < before_id)
        return [AuditRow(*row) for row in await self._connection.execute(statement)]
