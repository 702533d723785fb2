"""Every column that holds a secret. Read for all clients at once: a key belongs to the installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.totp import owner_of_secret
from csai.channels.account import account_owner
from csai.integrations.repository import owner_of_connection
from csai.models import Admin, Base, ChannelAccount, Client, ClientIntegration, ClientPlugin, ClientWebhook
from csai.plugins.stored import owner_of


@dataclass(frozen=True, slots=True)
class Place:
    """A column of secrets, and whom a row's secret belongs to, from the row's key."""

    model: type[Base]
    column: str
    key: tuple[str, ...]
    owner: Callable[..., str]

    @property
    def name(self) -> str:
        return f"{self.model.__tablename__}.{self.column}"


# Whoever adds a column with a secret adds it here.
PLACES = (
    Place(Client, "identity_secret", ("id",), lambda client_id: f"client:{client_id}/identity"),
    Place(ClientPlugin, "secrets", ("client_id", "plugin"), owner_of),
    Place(ClientPlugin, "previous_secrets", ("client_id", "plugin"), owner_of),
    *(
        Place(ClientWebhook, column, ("client_id",), lambda client_id: f"client:{client_id}/webhook")
        for column in ("secret", "previous_secret")
    ),
    *(
        Place(ClientIntegration, column, ("client_id", "id"), owner_of_connection)
        for column in ("connection_config", "tokens_encrypted")
    ),
    Place(Admin, "totp_secret", ("id",), owner_of_secret),
    Place(Admin, "totp_pending", ("id",), owner_of_secret),
    Place(ChannelAccount, "secrets", ("client_id", "id"), account_owner),
)


class SecretRepository:
    """One place's secrets, in the order of their keys."""

    def __init__(self, connection: AsyncConnection, place: Place) -> None:
        self._connection = connection
        self._place = place
        self._key = [getattr(place.model, name) for name in place.key]
        self._column = getattr(place.model, place.column)

    async def after(self, key: Sequence[str] | None, *, count: int) -> list[tuple[tuple[str, ...], str]]:
        """The next secrets, each with its row's key."""
        statement = select(*self._key, self._column).where(self._column.is_not(None))
        if key is not None:
            statement = statement.where(tuple_(*self._key) > tuple_(*self._bound(key)))
        rows = (await self._connection.execute(statement.order_by(*self._key).limit(count))).all()
        return [(tuple(row[:-1]), row[-1]) for row in rows]

    async def replace(self, key: Sequence[str], *, old: str, new: str) -> bool:
        """Put the new text in place of the old one, if that is still there."""
        statement = update(self._place.model).where(self._column == old).values({self._place.column: new})
        for column, value in zip(self._key, key, strict=True):
            statement = statement.where(column == value)
        return (await self._connection.execute(statement)).rowcount == 1

    def _bound(self, key: Sequence[str]) -> list[Any]:
        return [
            bindparam(None, value, type_=column.type) for column, value in zip(self._key, key, strict=True)
        ]
