"""Accounts: one by its webhook's address, and all of one client."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels.account import AccountRow
from csai.channels.task import Task
from csai.kit.identifier import is_id
from csai.models import ChannelAccount, Client
from csai.plugins.stored import StoredSettings

PUBLIC_ID_BYTES = 15

ACCOUNT_COLUMNS = (
    *(ChannelAccount.id, ChannelAccount.client_id, ChannelAccount.channel, ChannelAccount.name),
    *(ChannelAccount.public_id, ChannelAccount.enabled, ChannelAccount.settings, ChannelAccount.secrets),
    *(ChannelAccount.settings_version, ChannelAccount.revision, ChannelAccount.fault),
    ChannelAccount.created_at,
)


@dataclass(frozen=True, slots=True)
class Addressed:
    """The account that a delivery is for, and the version of its client."""

    account: AccountRow
    config_version: int


async def addressed(connection: AsyncConnection, channel: str, public_id: str) -> Addressed | None:
    """The account whose webhook this is, of whichever client; None where it or the client is off."""
    statement = (
        select(*ACCOUNT_COLUMNS, Client.config_version)
        .join(Client, Client.id == ChannelAccount.client_id)
        .where(
            ChannelAccount.public_id == public_id,
            ChannelAccount.channel == channel,
            ChannelAccount.enabled,
            Client.status == "active",
        )
    )
    row = (await connection.execute(statement)).first()
    return Addressed(account_of(row[:-1]), row[-1]) if row else None


async def due_accounts(
    connection: AsyncConnection, *, now: datetime, count: int, busy: Collection[str]
) -> list[Task]:
    """Accounts that are to be looked at for news, of any client but those `busy`."""
    statement = (
        select(ChannelAccount.client_id, ChannelAccount.id, ChannelAccount.polls + 1)
        .join(Client, Client.id == ChannelAccount.client_id)
        .where(
            ChannelAccount.next_poll_at <= now,
            ChannelAccount.client_id.not_in(busy),
            ChannelAccount.enabled,
            Client.status == "active",
        )
        .order_by(ChannelAccount.next_poll_at)
        .limit(count)
    )
    return [Task("poll", *row) for row in await connection.execute(statement)]


class AccountRepository:
    """One client's accounts."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def all(self) -> list[AccountRow]:
        rows = await self._connection.execute(self._own().order_by(ChannelAccount.id))
        return [account_of(row) for row in rows]

    async def holding_secrets(self, channels: Collection[str]) -> list[str]:
        """The names of the accounts of these channels that have secrets."""
        rows = await self._connection.execute(
            select(ChannelAccount.name)
            .where(
                ChannelAccount.client_id == self._client_id,
                ChannelAccount.channel.in_(channels),
                ChannelAccount.secrets.is_not(None),
            )
            .order_by(ChannelAccount.id)
        )
        return list(rows.scalars())

    async def find(self, account_id: str, *, is_locking: bool = False) -> AccountRow | None:
        if not is_id(account_id):
            return None
        statement = self._own().where(ChannelAccount.id == account_id)
        row = (
            await self._connection.execute(statement.with_for_update() if is_locking else statement)
        ).first()
        return account_of(row) if row else None

    async def add(
        self,
        account_id: str,
        *,
        channel: str,
        name: str,
        stored: StoredSettings,
        next_poll_at: datetime | None,
        now: datetime,
    ) -> None:
        await self._connection.execute(
            insert(ChannelAccount).values(
                id=account_id,
                client_id=self._client_id,
                channel=channel,
                name=name,
                public_id=secrets.token_urlsafe(PUBLIC_ID_BYTES),
                enabled=True,
                **_stored(stored),
                next_poll_at=next_poll_at,
                created_at=now,
                updated_at=now,
            )
        )

    async def change(
        self, account_id: str, *, now: datetime, stored: StoredSettings | None = None, **values: Any
    ) -> None:
        """Store a change as the next revision; a mended account has no fault."""
        await self._connection.execute(
            update(ChannelAccount)
            .where(ChannelAccount.client_id == self._client_id, ChannelAccount.id == account_id)
            .values(
                **values,
                **(_stored(stored) if stored else {}),
                revision=ChannelAccount.revision + 1,
                fault=None,
                updated_at=now,
            )
        )

    async def note_fault(self, account_id: str, fault: str | None) -> None:
        """What the vendor has against the account, for its admin."""
        await self._connection.execute(
            update(ChannelAccount)
            .where(ChannelAccount.client_id == self._client_id, ChannelAccount.id == account_id)
            .values(fault=fault[:300] if fault else None)
        )

    async def claim(self, task: Task, *, now: datetime, until: datetime) -> bool:
        """Count a look for news, which is lost when nothing is heard of it `until` then; False if taken."""
        own = (
            update(ChannelAccount)
            .where(
                ChannelAccount.client_id == self._client_id,
                ChannelAccount.id == task.item_id,
                ChannelAccount.polls == task.number - 1,
                ChannelAccount.next_poll_at <= now,
            )
            .values(polls=task.number, next_poll_at=until)
        )
        return (await self._connection.execute(own)).rowcount == 1

    async def cursor(self, task: Task) -> tuple[Any, int] | None:
        """Where looking has come to, and the client's version; None where this look is not the latest."""
        statement = (
            select(ChannelAccount.cursor, Client.config_version)
            .join(Client, Client.id == ChannelAccount.client_id)
            .where(*self._latest_look(task))
        )
        row = (await self._connection.execute(statement)).first()
        return (row[0], row[1]) if row else None

    async def looked(self, task: Task, *, next_poll_at: datetime, **values: Any) -> bool:
        """Store what came of a look; False where it is no longer the latest."""
        own = (
            update(ChannelAccount).where(*self._latest_look(task)).values(next_poll_at=next_poll_at, **values)
        )
        return (await self._connection.execute(own)).rowcount == 1

    async def remove(self, account_id: str) -> None:
        """With all that came and went there."""
        await self._connection.execute(
            delete(ChannelAccount).where(
                ChannelAccount.client_id == self._client_id, ChannelAccount.id == account_id
            )
        )

    def _latest_look(self, task: Task) -> tuple[Any, ...]:
        return (
            ChannelAccount.client_id == self._client_id,
            ChannelAccount.id == task.item_id,
            ChannelAccount.polls == task.number,
            ChannelAccount.enabled,
        )

    def _own(self) -> Select[*tuple[Any, ...]]:
        return select(*ACCOUNT_COLUMNS).where(ChannelAccount.client_id == self._client_id)


def _stored(stored: StoredSettings) -> dict[str, Any]:
    return {
        "settings": dict(stored.shown),
        "secrets": stored.secrets,
        "settings_version": stored.version,
    }


def account_of(row: Any) -> AccountRow:
    id_, client_id, channel, name, public_id, enabled, *kept, revision, fault, created_at = row
    return AccountRow(
        id_, client_id, channel, name, public_id, enabled, StoredSettings(*kept), revision, fault, created_at
    )
