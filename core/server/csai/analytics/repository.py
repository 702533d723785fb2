"""Roll-ups of an installation, of one client, or of the clients that an admin may see, read for screens.

No statement here reads messages, turns or tool calls: what those came to was drawn together before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.analytics import statements
from csai.analytics.rollup import TOOL_COUNTS
from csai.analytics.row import SUMS, CountedRow, HappenedRow, Saved, SpentRow, Sums, ToolRow, Usage
from csai.analytics.statements import Statement, total
from csai.models import Client, ClientTool, Tool, ToolDay

EVERY = 1_000_000
ClientIds = Collection[str] | None
"""The clients that are looked at; None: all."""


class AnalyticsRepository:
    """The roll-ups of the clients that are looked at."""

    def __init__(self, connection: AsyncConnection, client_ids: ClientIds) -> None:
        self._connection = connection
        self._client_ids = client_ids

    async def clients(self) -> dict[str, int]:
        """How many there are, by status."""
        return dict(await self._ask(statements.clients))

    async def usage(self, first: dt.date) -> Usage:
        """Of all days, and day by day from the first on."""
        used, days, saved = Sums(), {}, Saved()
        for day, *counts in await self._ask(statements.usage, first=first):
            of_day = Sums(*map(int, counts[: len(SUMS)]))
            used += of_day
            if day is not None:
                days[day] = of_day
                saved += Saved(*map(int, counts[len(SUMS) :]))
        return Usage(used, days, saved)

    async def hours(self, since: datetime) -> dict[datetime, Sums]:
        return {row[0]: Sums(*map(int, row[1:])) for row in await self._ask(statements.hours, since=since)}

    async def outcomes(self, first: dt.date) -> dict[str, int]:
        return {status: int(count) for status, count in await self._ask(statements.outcomes, first=first)}

    async def tools(self, first: dt.date, *, most: int = EVERY) -> list[ToolRow]:
        """The most called first."""
        return [_tool(row[0], row[1:]) for row in await self._ask(statements.tools, first=first, most=most)]

    async def tool_days(self, tool_name: str, first: dt.date) -> list[tuple[dt.date, ToolRow]]:
        """A tool's days on which it was called, oldest first."""
        statement = (
            select(ToolDay.date, *(total(getattr(ToolDay, name)) for name in TOOL_COUNTS))
            .where(self._seen(ToolDay.client_id), ToolDay.tool_name == tool_name, ToolDay.date >= first)
            .group_by(ToolDay.date)
            .order_by(ToolDay.date)
        )
        return [(row[0], _tool(tool_name, row[1:])) for row in await self._rows(statement)]

    async def tool_clients(self, tool_name: str, first: dt.date) -> list[tuple[str, str, ToolRow]]:
        """Who called a tool: id, name and what the calls came to; who called it most first."""
        calls = total(ToolDay.calls).label("all_calls")
        statement = (
            select(
                Client.id, Client.name, calls, *(total(getattr(ToolDay, name)) for name in TOOL_COUNTS[1:])
            )
            .join_from(Client, ToolDay, ToolDay.client_id == Client.id)
            .where(self._seen(ToolDay.client_id), ToolDay.tool_name == tool_name, ToolDay.date >= first)
            .group_by(Client.id, Client.name)
            .order_by(calls.desc(), Client.id)
        )
        return [(row[0], row[1], _tool(tool_name, row[2:])) for row in await self._rows(statement)]

    async def spent(self, first: dt.date, *, clients: int) -> list[SpentRow]:
        """What each model cost, and each of so many clients that cost most; the dearest first."""
        rows = await self._ask(statements.spent, first=first, most=clients)
        return [SpentRow(*row[:3], *map(int, row[3:])) for row in rows]

    async def counted(self, periods: Collection[str]) -> list[CountedRow]:
        """What is used of each limit that a client's plan has, in these periods."""
        return [
            CountedRow(*(*row[:-1], int(limit)))
            for row in await self._ask(statements.counted, periods=list(periods))
            if (limit := row[-1].get(row[3]))
        ]

    async def happened(self, *, count: int) -> list[HappenedRow]:
        """What happened last, of every kind."""
        return [HappenedRow(*row) for row in await self._ask(statements.happened, most=count)]

    async def holders(self) -> dict[str, int]:
        """How many clients have each shared tool switched on, by name."""
        statement = (
            select(Tool.tool_name, func.count())
            .join_from(ClientTool, Tool, Tool.id == ClientTool.tool_id)
            .where(Tool.client_id.is_(None), ClientTool.enabled, self._seen(ClientTool.client_id))
            .group_by(Tool.tool_name)
        )
        return dict(await self._rows(statement))

    def _seen(self, owner: Any) -> ColumnElement[bool]:
        return true() if self._client_ids is None else owner.in_(self._client_ids)

    async def _ask(self, statement: Callable[..., Statement], **values: Any) -> list[Any]:
        if self._client_ids is None:
            return await self._rows(statement(are_all=True), values)
        return await self._rows(statement(are_all=False), {**values, "client_ids": list(self._client_ids)})

    async def _rows(self, statement: Statement, values: dict[str, Any] | None = None) -> list[Any]:
        return [tuple(row) for row in await self._connection.execute(statement, values)]


def _tool(name: str, counts: Sequence[Any]) -> ToolRow:
    calls, succeeded, failed, refused, unknown, *durations = map(int, counts)
    return ToolRow(name, calls, succeeded, failed, refused, unknown, durations)
