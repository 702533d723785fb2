"""Reading and writing what admins come in by: sessions, one-time links and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import AdminLink, AdminRecoveryCode, AdminSession


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: str
    agent: str
    created_at: datetime
    expires_at: datetime


_SESSION = select(AdminSession.id, AdminSession.agent, AdminSession.created_at, AdminSession.expires_at)


class SessionRepository:
    """The sessions of one admin."""

    def __init__(self, connection: AsyncConnection, admin_id: str) -> None:
        self._connection = connection
        self._admin_id = admin_id
        self._mine = AdminSession.admin_id == admin_id

    async def add(self, *, agent: str, now: datetime, expires_at: datetime, **values: Any) -> None:
        """Add one, and drop those that are over."""
        await self._connection.execute(delete(AdminSession).where(self._mine, AdminSession.expires_at <= now))
        await self._connection.execute(
            insert(AdminSession).values(
                admin_id=self._admin_id, agent=agent, created_at=now, expires_at=expires_at, **values
            )
        )

    async def get(self, session_id: str) -> SessionRow | None:
        row = (
            await self._connection.execute(_SESSION.where(self._mine, AdminSession.id == session_id))
        ).first()
        return SessionRow(*row) if row else None

    async def all(self, *, now: datetime) -> list[SessionRow]:
        statement = _SESSION.where(self._mine, AdminSession.expires_at > now)
        rows = await self._connection.execute(statement.order_by(AdminSession.id.desc()))
        return [SessionRow(*row) for row in rows]

    async def extend(self, session_id: str, *, until: datetime) -> None:
        statement = update(AdminSession).where(self._mine, AdminSession.id == session_id)
        await self._connection.execute(statement.values(expires_at=until))

    async def end(self, session_id: str) -> bool:
        """Whether there was such a one."""
        statement = delete(AdminSession).where(self._mine, AdminSession.id == session_id)
        return bool((await self._connection.execute(statement.returning(AdminSession.id))).first())

    async def end_all(self, *, but: str | None = None) -> None:
        statement = delete(AdminSession).where(self._mine)
        if but is not None:
            statement = statement.where(AdminSession.id != but)
        await self._connection.execute(statement)


class LinkRepository:
    """One-time links. Those of nobody make the first admin."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(AdminLink).values(**values))

    async def admin_id(self, token_hash: str, *, now: datetime) -> tuple[bool, str | None]:
        """Whether there is such a link, and whose it is."""
        statement = select(AdminLink.admin_id).where(
            AdminLink.token_hash == token_hash, AdminLink.expires_at > now
        )
        row = (await self._connection.execute(statement)).first()
        return (True, row[0]) if row else (False, None)

    async def take(self, token_hash: str, admin_id: str | None) -> bool:
        """Use up all links of the admin, or of nobody; whether that one was still among them."""
        statement = delete(AdminLink).where(AdminLink.admin_id == admin_id)
        taken = await self._connection.scalars(statement.returning(AdminLink.token_hash))
        return token_hash in taken.all()

    async def drop(self, admin_id: str | None) -> None:
        await self._connection.execute(delete(AdminLink).where(AdminLink.admin_id == admin_id))


class RecoveryRepository:
    """The recovery codes of one admin, as their hashes."""

    def __init__(self, connection: AsyncConnection, admin_id: str) -> None:
        self._connection = connection
        self._admin_id = admin_id

    async def put(self, hashes: Sequence[str]) -> None:
        """Those, instead of all before."""
        mine = AdminRecoveryCode.admin_id == self._admin_id
        await self._connection.execute(delete(AdminRecoveryCode).where(mine))
        if hashes:
            rows = [{"admin_id": self._admin_id, "code_hash": each} for each in hashes]
            await self._connection.execute(insert(AdminRecoveryCode), rows)

    async def use(self, code_hash: str) -> bool:
        """Whether there was such a one: there no longer is."""
        statement = delete(AdminRecoveryCode).where(
            AdminRecoveryCode.admin_id == self._admin_id, AdminRecoveryCode.code_hash == code_hash
        )
        return bool((await self._connection.execute(statement.returning(AdminRecoveryCode.admin_id))).first())
