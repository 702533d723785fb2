"""Roll-ups of an installation, of one client, or of the clients that an admin may see, read for screens.

No statement here reads messages, turns or tool calls: what those came to was drawn together before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.analytics.rollup import TOOL_COUNTS
from csai.models import (
    ApiUsage,
    AuditEntry,
    Client,
    ClientTool,
    Conversation,
    Counter,
    Incident,
    ModelDay,
    OutcomeDay,
    Plan,
    Tool,
    ToolDay,
    UsageHour,
)

ClientIds = Collection[str] | None
"""The clients that are looked at; None: all."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What was used. The cost is in millionths of a US dollar."""

    conversation_count: int = 0
    message_count: int = 0
    tool_calls_count: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_micros: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in SUMS))


SUMS = tuple(field.name for field in fields(Sums))


@dataclass(frozen=True, slots=True)
class Saved:
    """What caches, and cheaper models for simple questions, took off."""

    response_cache_count: int
    response_cache_tokens: int
    response_cache_micros: int
    prompt_cache_tokens: int
    prompt_cache_micros: int
    routing_count: int
    routing_micros: int


@dataclass(frozen=True, slots=True)
class ToolRow:
    tool_name: str
    calls: int
    succeeded: int
    failed: int
    refused: int
    unknown: int
    durations: Sequence[int]


@dataclass(frozen=True, slots=True)
class SpentRow:
    """What a model, or a client, cost; `name` and `key` are model and provider, or name and id."""

    key: str
    name: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost_micros: int


@dataclass(frozen=True, slots=True)
class CountedRow:
    client_id: str
    name: str
    timezone: str
    metric: str
    period: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class BegunRow:
    id: str
    client_id: str
    channel: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChangedRow:
    id: str
    client_id: str | None
    actor_name: str
    action: str
    object: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BefellRow:
    """A limit that was reached, or a plugin that was kept out or failed."""

    kind: Literal["limit", "plugin", "degraded"]
    client_id: str | None
    subject: str
    at: datetime


def _sum(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)


class AnalyticsRepository:
    """The roll-ups of the clients that are looked at."""

    def __init__(self, connection: AsyncConnection, client_ids: ClientIds) -> None:
        self._connection = connection
        self._client_ids = client_ids

    async def clients(self) -> dict[str, int]:
        """How many there are, by status."""
        statement = select(Client.status, func.count()).where(self._seen(Client.id)).group_by(Client.status)
        return dict(await self._rows(statement))

    async def total(self) -> Sums:
        """Of all days."""
        (row,) = await self._rows(
            select(*(_sum(getattr(ApiUsage, name)) for name in SUMS)).where(self._seen(ApiUsage.client_id))
        )
        return Sums(*map(int, row))

    async def days(self, first: dt.date, last: dt.date) -> dict[dt.date, Sums]:
        statement = (
            select(ApiUsage.date, *(_sum(getattr(ApiUsage, name)) for name in SUMS))
            .where(self._seen(ApiUsage.client_id), ApiUsage.date.between(first, last))
            .group_by(ApiUsage.date)
        )
        return {row[0]: Sums(*map(int, row[1:])) for row in await self._rows(statement)}

    async def hours(self, since: datetime) -> dict[datetime, Sums]:
        statement = (
            select(UsageHour.hour, *(_sum(getattr(UsageHour, name)) for name in SUMS))
            .where(self._seen(UsageHour.client_id), UsageHour.hour >= since)
            .group_by(UsageHour.hour)
        )
        return {row[0]: Sums(*map(int, row[1:])) for row in await self._rows(statement)}

    async def outcomes(self, first: dt.date) -> dict[str, int]:
        statement = (
            select(OutcomeDay.status, _sum(OutcomeDay.message_count))
            .where(self._seen(OutcomeDay.client_id), OutcomeDay.date >= first)
            .group_by(OutcomeDay.status)
        )
        return {status: int(count) for status, count in await self._rows(statement)}

    async def saved(self, first: dt.date) -> Saved:
        columns = [_sum(getattr(ApiUsage, field.name)) for field in fields(Saved)]
        (row,) = await self._rows(
            select(*columns).where(self._seen(ApiUsage.client_id), ApiUsage.date >= first)
        )
        return Saved(*map(int, row))

    async def tools(self, first: dt.date, *, most: int | None = None) -> list[ToolRow]:
        """The most called first."""
        calls = _sum(ToolDay.calls).label("all_calls")
        statement = (
            select(ToolDay.tool_name, calls, *(_sum(getattr(ToolDay, name)) for name in TOOL_COUNTS[1:]))
            .where(self._seen(ToolDay.client_id), ToolDay.date >= first)
            .group_by(ToolDay.tool_name)
            .order_by(calls.desc(), ToolDay.tool_name)
            .limit(most)
        )
        return [_tool(row[0], row[1:]) for row in await self._rows(statement)]

    async def tool_days(self, tool_name: str, first: dt.date) -> list[tuple[dt.date, ToolRow]]:
        """A tool's days on which it was called, oldest first."""
        statement = (
            select(ToolDay.date, *(_sum(getattr(ToolDay, name)) for name in TOOL_COUNTS))
            .where(self._seen(ToolDay.client_id), ToolDay.tool_name == tool_name, ToolDay.date >= first)
            .group_by(ToolDay.date)
            .order_by(ToolDay.date)
        )
        return [(row[0], _tool(tool_name, row[1:])) for row in await self._rows(statement)]

    async def tool_clients(self, tool_name: str, first: dt.date) -> list[tuple[str, str, ToolRow]]:
        """Who called a tool: id, name and what the calls came to; who called it most first."""
        calls = _sum(ToolDay.calls).label("all_calls")
        statement = (
            select(Client.id, Client.name, calls, *(_sum(getattr(ToolDay, name)) for name in TOOL_COUNTS[1:]))
            .join_from(Client, ToolDay, ToolDay.client_id == Client.id)
            .where(self._seen(ToolDay.client_id), ToolDay.tool_name == tool_name, ToolDay.date >= first)
            .group_by(Client.id, Client.name)
            .order_by(calls.desc(), Client.id)
        )
        return [(row[0], row[1], _tool(tool_name, row[2:])) for row in await self._rows(statement)]

    async def models(self, first: dt.date) -> list[SpentRow]:
        """By provider and model, the dearest first."""
        cost = _sum(ModelDay.cost_micros).label("cost")
        statement = (
            select(ModelDay.provider, ModelDay.model, *_SPENT, cost)
            .where(self._seen(ModelDay.client_id), ModelDay.date >= first)
            .group_by(ModelDay.provider, ModelDay.model)
            .order_by(cost.desc(), ModelDay.provider, ModelDay.model)
        )
        return [SpentRow(row[0], row[1], *map(int, row[2:])) for row in await self._rows(statement)]

    async def spenders(self, first: dt.date, *, most: int) -> list[SpentRow]:
        """The clients that cost most."""
        cost = _sum(ModelDay.cost_micros).label("cost")
        statement = (
            select(Client.id, Client.name, *_SPENT, cost)
            .join_from(Client, ModelDay, ModelDay.client_id == Client.id)
            .where(self._seen(ModelDay.client_id), ModelDay.date >= first)
            .group_by(Client.id, Client.name)
            .order_by(cost.desc(), Client.id)
            .limit(most)
        )
        return [SpentRow(row[0], row[1], *map(int, row[2:])) for row in await self._rows(statement)]

    async def counted(self, periods: Collection[str]) -> list[CountedRow]:
        """What is used of each limit that a client's plan has, in these periods."""
        statement = (
            select(
                *(Client.id, Client.name, Client.timezone),
                *(Counter.metric, Counter.period, Counter.used, Plan.limits),
            )
            .join_from(Client, Counter, Counter.client_id == Client.id)
            .join(Plan, Plan.name == Client.plan_type)
            .where(self._seen(Client.id), Counter.period.in_(periods))
        )
        return [
            CountedRow(*(*row[:-1], int(limit)))
            for row in await self._rows(statement)
            if (limit := row[-1].get(row[3]))
        ]

    async def begun(self, *, count: int) -> list[BegunRow]:
        """The conversations that began last: their ids are in the order of time."""
        columns = (Conversation.id, Conversation.client_id, Conversation.channel, Conversation.state)
        statement = (
            select(*columns, Conversation.started_at)
            .where(self._seen(Conversation.client_id), Conversation.is_test.is_(False))
            .order_by(Conversation.id.desc())
            .limit(count)
        )
        return [BegunRow(*row) for row in await self._rows(statement)]

    async def queued(self, *, count: int) -> list[BegunRow]:
        """The conversations that wait for a teammate, those that do so for the shortest time first."""
        columns = (Conversation.id, Conversation.client_id, Conversation.channel, Conversation.state)
        statement = (
            select(*columns, Conversation.state_since)
            .where(
                self._seen(Conversation.client_id),
                Conversation.state == "queued",
                Conversation.ended_at.is_(None),
            )
            .order_by(Conversation.state_since.desc(), Conversation.id.desc())
            .limit(count)
        )
        return [BegunRow(*row) for row in await self._rows(statement)]

    async def changed(self, *, count: int) -> list[ChangedRow]:
        """What was changed last; signing in changes nothing."""
        statement = (
            select(
                *(AuditEntry.id, AuditEntry.client_id, AuditEntry.actor_name, AuditEntry.action),
                *(AuditEntry.object, AuditEntry.created_at),
            )
            .where(
                self._seen(AuditEntry.client_id),
                AuditEntry.action.not_in(("admin.logged_in", "admin.logged_out")),
            )
            .order_by(AuditEntry.created_at.desc(), AuditEntry.id.desc())
            .limit(count)
        )
        return [ChangedRow(*row) for row in await self._rows(statement)]

    async def befell(self, *, count: int) -> list[BefellRow]:
        """What befell the clients, and the installation for who sees all of it, last."""
        statement = (
            select(Incident.kind, Incident.client_id, Incident.subject, Incident.created_at)
            .where(self._seen(Incident.client_id))
            .order_by(Incident.created_at.desc(), Incident.key)
            .limit(count)
        )
        return [BefellRow(*row) for row in await self._rows(statement)]

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

    async def _rows(self, statement: Select[*tuple[Any, ...]]) -> list[Any]:
        return [tuple(row) for row in await self._connection.execute(statement)]


_SPENT = (_sum(ModelDay.calls), _sum(ModelDay.tokens_input), _sum(ModelDay.tokens_output))


def _tool(name: str, counts: Sequence[Any]) -> ToolRow:
    calls, succeeded, failed, refused, unknown, *durations = map(int, counts)
    return ToolRow(name, calls, succeeded, failed, refused, unknown, durations)
