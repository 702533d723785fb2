"""A client's days, as screens, exports and commands show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import ApiUsage
from csai.usage.rollup import recompute_day


@dataclass(frozen=True, slots=True)
class UsageDay:
    """A day in UTC. Costs are millionths of a US dollar."""

    date: dt.date
    conversation_count: int
    message_count: int
    tool_calls_count: int
    tokens_input: int
    tokens_output: int
    cost_micros: int
    response_cache_count: int
    response_cache_tokens: int
    response_cache_micros: int
    prompt_cache_tokens: int
    prompt_cache_micros: int


class UsageRepository:
    """One client's usage by day."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def days(self, first: dt.date, last: dt.date) -> Sequence[UsageDay]:
        """The days on which anything happened, brought up to date, oldest first."""
        for offset in range((last - first).days + 1):
            await recompute_day(self._connection, self._client_id, first + dt.timedelta(days=offset))
        columns = [getattr(ApiUsage, name) for name in UsageDay.__dataclass_fields__]
        statement = (
            select(*columns)
            .where(ApiUsage.client_id == self._client_id, ApiUsage.date >= first, ApiUsage.date <= last)
            .order_by(ApiUsage.date)
        )
        days = [UsageDay(*row) for row in await self._connection.execute(statement)]
        return [day for day in days if day.message_count or day.cost_micros or day.tokens_input]
