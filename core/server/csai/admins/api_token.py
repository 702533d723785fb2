"""API tokens: what a script shows to act for an admin, and how far it may go."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.account import Account
from csai.admins.api_token_repository import ApiTokenRepository, ApiTokenRow
from csai.admins.audit import Actor, record
from csai.admins.repository import AdminRepository
from csai.admins.service import TOKEN_PREFIX, Role, Scope, lesser_role, shared_clients
from csai.clients.list_repository import check_clients
from csai.kit.crypto import key_hash
from csai.kit.identifier import check_id, new_id
from csai.kit.problem import Problem, not_found

MAX_TOKENS = 50
MAX_NAME_CHARS = 60
SHOWN_AFTER_END = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token and whose it is."""

    row: ApiTokenRow
    owner: Account

    @property
    def role(self) -> str:
        return lesser_role(self.row.role, self.owner.row.role)

    @property
    def client_ids(self) -> list[str] | None:
        shared = shared_clients(self.row.client_ids, self.owner.client_ids)
        return None if shared is None else sorted(shared)

    def state(self) -> dict[str, Any]:
        """All that may be told of it."""
        return {
            "id": self.row.id,
            "name": self.row.name,
            "owner": self.owner.row.email,
            "role": self.role,
            "scope": self.row.scope,
            "client_ids": self.client_ids,
            "created_at": self.row.created_at,
            "expires_at": self.row.expires_at,
            "last_used_at": self.row.last_used_at,
            "revoked_at": self.row.revoked_at,
        }


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the only copy of it."""

    listed: ListedToken
    token: str = field(repr=False)


async def create_token(
    transaction: AsyncConnection,
    owner: Account,
    *,
    name: str,
    role: Role,
    scope: Scope,
    client_ids: Collection[str] | None,
    lifetime: timedelta,
    actor: Actor,
    at: datetime,
) -> NewToken:
    """A token that acts for the owner: for all their clients, or for those named. Raises `Problem`."""
    repository = ApiTokenRepository(transaction)
    name = _checked_name(name)
    _check_role(owner, role)
    await _check_clients(transaction, owner, client_ids or ())
    # So that of two at once one sees the other's.
    await AdminRepository(transaction).lock(owner.row.id)
    _check_room(name, await repository.names(owner.row.id, now=at))
    token = TOKEN_PREFIX + secrets.token_urlsafe(24)
    row = ApiTokenRow(
        id=new_id(),
        admin_id=owner.row.id,
        name=name,
        role=role,
        scope=scope,
        client_ids=None if client_ids is None else sorted(set(client_ids)),
        created_at=at,
        expires_at=at + lifetime,
        last_used_at=None,
        revoked_at=None,
    )
    await repository.add(
        id=row.id,
        admin_id=row.admin_id,
        name=name,
        token_hash=key_hash(token),
        role=role,
        scope=scope,
        client_ids=row.client_ids,
        created_at=at,
        expires_at=row.expires_at,
    )
    after = {
        "name": name,
        "owner": owner.row.email,
        "role": role,
        "scope": scope,
        "client_ids": row.client_ids,
        "expires_at": row.expires_at.isoformat(),
    }
    await record(transaction, actor, "token.created", object=f"token:{row.id}", after=after, at=at)
    return NewToken(ListedToken(row, owner), token)


async def tokens_of(
    connection: AsyncConnection, owners: Collection[Account], *, now: datetime
) -> Sequence[ListedToken]:
    """The newest first; those that ended are shown for a while."""
    by_id = {owner.row.id: owner for owner in owners}
    rows = await ApiTokenRepository(connection).of(by_id, ended_since=now - SHOWN_AFTER_END)
    return [ListedToken(row, by_id[row.admin_id]) for row in rows]


async def revoke_token(
    transaction: AsyncConnection,
    token_id: str,
    owners: Collection[Account],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Raises 404 for one that is none of these admins', or has ended."""
    check_id(token_id, "token")
    admin_ids = [owner.row.id for owner in owners]
    name = await ApiTokenRepository(transaction).revoke(token_id, admin_ids, now=at)
    if name is None:
        raise not_found("token")
    before = {"name": name}
    await record(transaction, actor, "token.revoked", object=f"token:{token_id}", before=before, at=at)


def _checked_name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise Problem(422, "request_invalid", "The request does not fit: name is 1 to 60 letters and signs.")
    return name


def _check_room(name: str, names: Collection[str]) -> None:
    if len(names) >= MAX_TOKENS:
        raise Problem(409, "too_many_tokens", f"There are {MAX_TOKENS} tokens. Revoke those of no use first.")
    if name.casefold() in {each.casefold() for each in names}:
        raise Problem(
            409, "token_exists", f"There is a token {name} already. Revoke it first, or choose another name."
        )


def _check_role(owner: Account, role: Role) -> None:
    if lesser_role(role, owner.row.role) != role:
        raise Problem(
            403, "role_insufficient", f"A token has no more than its owner's role: {owner.row.role}."
        )


async def _check_clients(transaction: AsyncConnection, owner: Account, client_ids: Collection[str]) -> None:
    if owner.client_ids is not None and not owner.client_ids.issuperset(client_ids):
        raise not_found("client")
    await check_clients(transaction, client_ids)
