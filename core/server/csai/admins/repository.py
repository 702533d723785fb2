"""Reading and writing admins and the audit log. Both belong to the installation, not to a client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.cursor import Place
from csai.models import Admin, AdminClient, AdminIdentity, AdminSession, AuditEntry
from csai.models.base import Id, UtcDateTime

AUDIT_ORDER = "audit"
ADMIN_ORDER = "email"


@dataclass(frozen=True, slots=True)
class AdminRow:
    id: str
    email: str
    password_hash: str | None
    role: str
    is_bound: bool
    is_active: bool
    failures: int
    locked_until: datetime | None
    totp_secret: str | None = field(repr=False)
    totp_pending: str | None = field(repr=False)
    created_at: datetime
    is_linked: bool
    """Whether they have signed in by an identity provider."""

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now

    @property
    def place(self) -> Place:
        return Place(ADMIN_ORDER, self.email, self.id)


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

    @property
    def place(self) -> Place:
        return Place.at(AUDIT_ORDER, self.created_at, self.id)


_ADMIN = select(
    Admin.id,
    Admin.email,
    Admin.password_hash,
    Admin.role,
    Admin.is_bound,
    Admin.is_active,
    Admin.failures,
    Admin.locked_until,
    Admin.totp_secret,
    Admin.totp_pending,
    Admin.created_at,
    exists().where(AdminIdentity.admin_id == Admin.id),
)
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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: None is any. `client_ids` are those whose entries the one who asks may see."""

    client_ids: Collection[str] | None = None
    client_id: str | None = None
    object: str | None = None
    action: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.client_ids is not None:
            found.append(AuditEntry.client_id.in_(self.client_ids))
        if self.actor is not None:
            found.append(_is_by(self.actor))
        if self.since is not None:
            found.append(AuditEntry.created_at >= self.since)
        if self.until is not None:
            found.append(AuditEntry.created_at < self.until)
        for column, value in (
            (AuditEntry.client_id, self.client_id),
            (AuditEntry.object, self.object),
            (AuditEntry.action, self.action),
        ):
            if value is not None:
                found.append(column == value)
        return found


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

    async def scope(self, row: AdminRow) -> frozenset[str] | None:
        """The clients that the admin may operate: None is the whole installation."""
        if not row.is_bound:
            return None
        statement = select(AdminClient.client_id).where(AdminClient.admin_id == row.id)
        return frozenset(await self._connection.scalars(statement))

    async def bindings(self, admin_ids: Collection[str]) -> dict[str, frozenset[str]]:
        """The clients of these admins who have any, by the admin's id."""
        found: dict[str, set[str]] = {}
        own = AdminClient.admin_id.in_(admin_ids)
        for admin_id, client_id in await self._connection.execute(
            select(AdminClient.admin_id, AdminClient.client_id).where(own)
        ):
            found.setdefault(admin_id, set()).add(client_id)
        return {admin_id: frozenset(client_ids) for admin_id, client_ids in found.items()}

    async def has_any(self) -> bool:
        return (await self._connection.execute(select(Admin.id).limit(1))).first() is not None

    async def listed(
        self, *, within: Collection[str] | None = None, after: Place | None = None, count: int | None = None
    ) -> list[AdminRow]:
        """By e-mail address, those who may operate clients of `within` and no others; None: all."""
        statement = _ADMIN.order_by(Admin.email).limit(count)
        if within is not None:
            has_some = exists().where(AdminClient.admin_id == Admin.id)
            has_others = has_some.where(AdminClient.client_id.not_in(within))
            statement = statement.where(Admin.is_bound, has_some, ~has_others)
        if after is not None:
            statement = statement.where(Admin.email > after.value)
        return [_admin(row) for row in await self._connection.execute(statement)]

    async def of_session(self, session_id: str, *, now: datetime) -> tuple[AdminRow, bool] | None:
        """Whose session that is, while it lasts and they are active; and whether it is vouched for."""
        statement = _ADMIN.add_columns(AdminSession.is_vouched)
        statement = statement.join(AdminSession, AdminSession.admin_id == Admin.id)
        row = (
            await self._connection.execute(
                statement.where(AdminSession.id == session_id, AdminSession.expires_at > now, Admin.is_active)
            )
        ).first()
        return (_admin(row[:-1]), row[-1]) if row else None

    async def lock(self, admin_id: str) -> None:
        """Whoever else locks the admin waits until this transaction ends."""
        await self._connection.execute(select(Admin.id).where(Admin.id == admin_id).with_for_update())

    async def lock_owners(self) -> int:
        """How many active owners the installation has; no other transaction changes them until this ends."""
        statement = select(Admin.id).where(Admin.role == "owner", ~Admin.is_bound, Admin.is_active)
        return len((await self._connection.scalars(statement.order_by(Admin.id).with_for_update())).all())

    async def set(self, admin_id: str, **values: Any) -> None:
        await self._connection.execute(update(Admin).where(Admin.id == admin_id).values(**values))

    async def count_failure(self, admin_id: str) -> int:
        """Count a wrong password: how many there were in a row."""
        statement = update(Admin).where(Admin.id == admin_id).values(failures=Admin.failures + 1)
        return await self._connection.scalar(statement.returning(Admin.failures)) or 0

    async def use_step(self, admin_id: str, step: int) -> bool:
        """Take the code of that step; False where it, or a later one, was taken before."""
        is_new = or_(Admin.totp_step.is_(None), Admin.totp_step < step)
        statement = update(Admin).where(Admin.id == admin_id, is_new).values(totp_step=step)
        return bool((await self._connection.execute(statement.returning(Admin.id))).first())

    async def unbind(self, admin_id: str) -> None:
        await self._connection.execute(delete(AdminClient).where(AdminClient.admin_id == admin_id))

    async def bind(self, admin_id: str, client_ids: Collection[str]) -> None:
        """Let the admin operate these clients too. Whoever calls it has seen that there are such clients."""
        if client_ids:
            rows = [{"admin_id": admin_id, "client_id": each} for each in sorted(client_ids)]
            await self._connection.execute(insert(AdminClient), rows)

    async def _one(self, condition: Any) -> AdminRow | None:
        row = (await self._connection.execute(_ADMIN.where(condition))).first()
        return _admin(row) if row else None


class AuditRepository:
    """The log of changes: added to and read, never altered."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(AuditEntry).values(**values))

    async def newest(self, asked: AuditFilter, *, after: Place | None = None, count: int) -> list[AuditRow]:
        """The newest first of what is asked for, older than a place where one is named."""
        key = (AuditEntry.created_at, AuditEntry.id)
        statement = _ENTRY.where(*asked.conditions()).order_by(*(each.desc() for each in key)).limit(count)
        if after is not None:
            there = tuple_(literal(after.moment, UtcDateTime), literal(after.id, Id))
            statement = statement.where(tuple_(*key) < there)
        return [AuditRow(*row) for row in await self._connection.execute(statement)]


def _admin(row: Sequence[Any]) -> AdminRow:
    return AdminRow(*row)


def _is_by(actor: str) -> ColumnElement[bool]:
    """Of that kind or name, or by a token of who has the name."""
    name = AuditEntry.actor_name
    return or_(name == actor, AuditEntry.actor == actor, name.endswith(f" of {actor}", autoescape=True))
