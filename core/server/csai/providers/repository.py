"""Plans' providers. A plan belongs to no client; its clients follow it at their next turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.problem import not_found
from csai.models import Client, Plan


class PlanFeatures:
    """The features of one plan."""

    def __init__(self, connection: AsyncConnection, plan: str) -> None:
        self._connection = connection
        self._plan = plan

    async def get(self, *, is_locking: bool = False) -> Mapping[str, Any]:
        """What it gives beside its limits. Raises 404 where there is no such plan."""
        statement = select(Plan.features).where(Plan.name == self._plan)
        row = (
            await self._connection.execute(statement.with_for_update() if is_locking else statement)
        ).first()
        if row is None:
            raise not_found("plan")
        features: Mapping[str, Any] = row[0]
        return features

    async def put(self, features: Mapping[str, Any]) -> None:
        """Change them, for every client on the plan from its next turn on."""
        await self._connection.execute(
            update(Plan).where(Plan.name == self._plan).values(features=dict(features))
        )
        await self._connection.execute(
            update(Client)
            .where(Client.plan_type == self._plan)
            .values(config_version=Client.config_version + 1)
        )
