"""Reading and writing what stops the AI: of one client, and of the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import Client, Switch
from csai.statement import upsert

SPENDING_STOPPED = "spending_stopped"


class PauseRepository:
    """A client's pause. Whoever sets it has locked the client."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def set(self, *, is_paused: bool) -> None:
        """Every process sees it at the client's next turn."""
        statement = update(Client).where(Client.id == self._client_id)
        await self._connection.execute(
            statement.values(is_paused=is_paused, config_version=Client.config_version + 1)
        )


class SpendingRepository:
    """The stop of all spending, which no client scopes."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def stopped_since(self) -> datetime | None:
        return await self._connection.scalar(select(Switch.since).where(Switch.name == SPENDING_STOPPED))

    async def stop(self, *, now: datetime) -> bool:
        """Whether it was not stopped before: of two at once, one stops it."""
        statement = upsert(self._connection, Switch).values(name=SPENDING_STOPPED, since=now)
        return await self._bump_all(statement.on_conflict_do_nothing().returning(Switch.name))

    async def resume(self) -> bool:
        """Whether it was stopped before."""
        statement = delete(Switch).where(Switch.name == SPENDING_STOPPED)
        return await self._bump_all(statement.returning(Switch.name))

    async def _bump_all(self, change: Any) -> bool:
        """Turns look at their client's version anyway: so none has to look at the switch."""
        if (await self._connection.execute(change)).first() is None:
            return False
        await self._connection.execute(update(Client).values(config_version=Client.config_version + 1))
        return True
