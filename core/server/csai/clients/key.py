"""A client's keys, changed without a gap: the old ones go on working while the new one is put in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.profile_repository import KeptKey, ProfileRepository
from csai.clients.repository import ClientRepository, KeyKind
from csai.clients.service import HINT_CHARS
from csai.kit.crypto import key_hash, new_key

SHOWN_AFTER_END = timedelta(days=30)
PREFIXES: Mapping[KeyKind, Literal["pk", "sk"]] = {"publishable": "pk", "secret": "sk"}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with the only copy of it."""

    id: str
    key: str = field(repr=False)
    old_keys_until: datetime


async def client_keys(connection: AsyncConnection, client_id: str, *, now: datetime) -> Sequence[KeptKey]:
    """Raises 404."""
    repository = ProfileRepository(connection, client_id)
    await repository.get()
    return await repository.keys(ended_since=now - SHOWN_AFTER_END)


async def replace_keys(
    transaction: AsyncConnection,
    client_id: str,
    *,
    kind: KeyKind,
    overlap: timedelta,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> NewKey:
    """Make a key, and let the others of its kind end once the overlap is over. Raises 404."""
    clients, repository = ClientRepository(transaction, client_id), ProfileRepository(transaction, client_id)
    await clients.lock()
    now = clock.now()
    key, until = new_key(PREFIXES[kind]), now + overlap
    made = await clients.add_key(kind=kind, key_hash=key_hash(key), hint=key[-HINT_CHARS:], now=now)
    await repository.end_keys(kind=kind, at=until, but=made)
    await clients.bump()
    await record(
        transaction,
        actor,
        "client.key_made",
        object=f"client:{client_id}",
        client_id=client_id,
        after={"kind": kind, "hint": key[-HINT_CHARS:], "old_keys_until": until.isoformat()},
        at=now,
    )
    return NewKey(made, key, until)


async def revoke_key(
    transaction: AsyncConnection, client_id: str, key_id: str, *, clock: Clock, actor: Actor = SYSTEM
) -> None:
    """Let a key work no more, from now on; once more changes nothing. Raises 404."""
    clients, repository = ClientRepository(transaction, client_id), ProfileRepository(transaction, client_id)
    await clients.lock()
    key, now = await repository.key(key_id), clock.now()
    if not key.is_valid(now):
        return
    await repository.end_key(key_id, at=now)
    await clients.bump()
    await record(
        transaction,
        actor,
        "client.key_revoked",
        object=f"client:{client_id}",
        client_id=client_id,
        before={"kind": key.kind, "hint": key.hint},
        at=now,
    )
