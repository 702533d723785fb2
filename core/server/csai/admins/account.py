"""Accounts of admins: made, changed, switched off, and given a link to choose a password with."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.api_token_repository import ApiTokenRepository
from csai.admins.audit import SYSTEM, Actor, record
from csai.admins.oidc_repository import drop_identities
from csai.admins.password import hash_password
from csai.admins.repository import AdminRepository, AdminRow
from csai.admins.service import Role
from csai.admins.session_repository import LinkRepository, SessionRepository
from csai.clients.list_repository import check_clients
from csai.kit.crypto import key_hash
from csai.kit.cursor import Place
from csai.kit.identifier import is_id, new_id
from csai.kit.problem import Problem, not_found

MAX_EMAIL_CHARS = 254
LINK_LIFETIME = timedelta(hours=24)

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


@dataclass(frozen=True, slots=True)
class Account:
    """An admin, and the clients that they may operate: None is the whole installation."""

    row: AdminRow
    client_ids: frozenset[str] | None

    def is_within(self, scope: frozenset[str] | None) -> bool:
        """Whether one who may operate `scope` may operate all that this admin may."""
        return scope is None or (bool(self.client_ids) and (self.client_ids or set()) <= scope)

    def state(self) -> dict[str, Any]:
        """What the audit log keeps of it."""
        return {
            "email": self.row.email,
            "role": self.row.role,
            "client_ids": None if self.client_ids is None else sorted(self.client_ids),
            "is_active": self.row.is_active,
        }


@dataclass(frozen=True, slots=True)
class Link:
    """A link just made, with the only copy of its token."""

    token: str = field(repr=False)
    expires_at: datetime

    def url(self, base: str) -> str:
        """The token stands in the fragment, which browsers send to nobody and servers do not log."""
        return f"{base.rstrip('/')}/dashboard/welcome#token={self.token}"


async def create_admin(
    transaction: AsyncConnection,
    *,
    email: str,
    password: str | None,
    role: Role,
    actor: Actor,
    clock: Clock,
    client_ids: Collection[str] | None = None,
) -> str:
    """Add an admin, of the installation where no clients are named; their id. Raises `Problem`.

    Who has no password needs a link to come in.
    """
    password_hash = None if password is None else hash_password(password)
    return await add_admin(transaction, email, password_hash, role, client_ids, actor=actor, at=clock.now())


async def add_admin(
    transaction: AsyncConnection,
    email: str,
    password_hash: str | None,
    role: Role,
    client_ids: Collection[str] | None,
    *,
    actor: Actor,
    at: datetime,
) -> str:
    """The same with the password's hash, which takes long to make."""
    email, admin_id = normalise_email(email), new_id()
    repository = AdminRepository(transaction)
    if await repository.find(email=email) is not None:
        raise admin_exists(email)
    is_bound = client_ids is not None
    await repository.add(
        id=admin_id, email=email, password_hash=password_hash, role=role, is_bound=is_bound, created_at=at
    )
    await _bind(transaction, admin_id, client_ids or ())
    after = (await find_account(transaction, admin_id)).state()
    await record(transaction, actor, "admin.created", object=f"admin:{admin_id}", after=after, at=at)
    return admin_id


async def change_admin(
    transaction: AsyncConnection,
    account: Account,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Change `role`, `client_ids` or `is_active`; ends their sessions. Raises `Problem`."""
    repository, admin_id = AdminRepository(transaction), account.row.id
    owners = await repository.lock_owners()
    values = {name: changes[name] for name in ("role", "is_active") if name in changes}
    if "client_ids" in changes:
        client_ids = changes["client_ids"]
        await repository.unbind(admin_id)
        await _bind(transaction, admin_id, set(client_ids or ()))
        values["is_bound"] = client_ids is not None
    if values:
        await repository.set(admin_id, **values)
    if owners and not await repository.lock_owners():
        raise Problem(
            409, "last_owner", "The installation needs an active owner. Make somebody else one first."
        )
    await SessionRepository(transaction, admin_id).end_all()
    if not changes.get("is_active", True):
        await LinkRepository(transaction).drop(admin_id)
    await record(
        transaction,
        actor,
        "admin.changed",
        object=f"admin:{admin_id}",
        before=account.state(),
        after=(await find_account(transaction, admin_id)).state(),
        at=at,
    )


async def reset_admin(transaction: AsyncConnection, account: Account, *, actor: Actor, at: datetime) -> Link:
    """Take all away by which they come in, and give a link for a new password. Raises `Problem`."""
    admin_id = account.row.id
    if not account.row.is_active:
        raise Problem(409, "admin_inactive", "The admin is deactivated. Activate them first.")
    await AdminRepository(transaction).set(admin_id, password_hash=None, failures=0, locked_until=None)
    await SessionRepository(transaction, admin_id).end_all()
    await ApiTokenRepository(transaction).revoke_all(admin_id, now=at)
    await drop_identities(transaction, admin_id)
    await record(transaction, actor, "admin.reset", object=f"admin:{admin_id}", at=at)
    return await give_link(transaction, admin_id, at=at)


async def unlock_admin(transaction: AsyncConnection, account: Account, *, actor: Actor, at: datetime) -> None:
    await AdminRepository(transaction).set(account.row.id, failures=0, locked_until=None)
    await record(transaction, actor, "admin.unlocked", object=f"admin:{account.row.id}", at=at)


async def give_link(transaction: AsyncConnection, admin_id: str | None, *, at: datetime) -> Link:
    """A new link for the admin, instead of those before; for nobody it makes the first admin."""
    links, link = LinkRepository(transaction), Link(secrets.token_urlsafe(32), at + LINK_LIFETIME)
    if admin_id is not None:
        await links.drop(admin_id)
    await links.add(
        id=new_id(), admin_id=admin_id, token_hash=key_hash(link.token), expires_at=link.expires_at
    )
    return link


async def first_link(transaction: AsyncConnection, *, at: datetime) -> Link | None:
    """A link for the first admin, while there is none. Earlier ones stay: other servers showed them."""
    if await AdminRepository(transaction).has_any():
        return None
    link = await give_link(transaction, None, at=at)
    await record(transaction, SYSTEM, "admin.link_made", object="admin:first", at=at)
    return link


async def accounts(
    transaction: AsyncConnection,
    *,
    scope: frozenset[str] | None = None,
    after: Place | None = None,
    count: int | None = None,
) -> list[Account]:
    """Those that one who may operate `scope` may see, by e-mail address: so many after a place."""
    repository = AdminRepository(transaction)
    rows = await repository.listed(within=scope, after=after, count=count)
    bindings = await repository.bindings([row.id for row in rows])
    return [Account(row, bindings.get(row.id, frozenset()) if row.is_bound else None) for row in rows]


async def find_account(
    transaction: AsyncConnection, name_or_id: str, *, scope: frozenset[str] | None = None
) -> Account:
    """By id or e-mail address. Raises 404 also for one that may not be seen."""
    repository = AdminRepository(transaction)
    row = await (
        repository.get(name_or_id) if is_id(name_or_id) else repository.find(email=name_or_id.lower())
    )
    account = None if row is None else Account(row, await repository.scope(row))
    if account is None or not account.is_within(scope):
        raise not_found("admin")
    return account


def admin_exists(email: str) -> Problem:
    return Problem(409, "admin_exists", f"There is an admin with the address {email} already.")


def normalise_email(text: str) -> str:
    """In lower case, as no two people differ by that. Raises `Problem`."""
    email = text.strip().lower()
    if len(email) > MAX_EMAIL_CHARS or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Problem(422, "email_invalid", "Give an e-mail address, such as ada@example.com.")
    return email


async def _bind(transaction: AsyncConnection, admin_id: str, client_ids: Collection[str]) -> None:
    """Raises 404 for a client that there is not."""
    await check_clients(transaction, client_ids)
    await AdminRepository(transaction).bind(admin_id, client_ids)
