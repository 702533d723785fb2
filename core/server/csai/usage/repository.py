"""A client's days and its ledger, as screens, exports and commands show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import ApiUsage, Client, LedgerEntry
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
    routing_count: int
    routing_micros: int


class UsageRepository:
    """One client's usage by day."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def days(self, first: dt.date, last: dt.date) -> Sequence[UsageDay]:
        """The days on which anything happened, brought up to date, oldest first."""
        for offset in range((last - first).days + 1):
            await recompute_day(self._connection, self._client_id, first + dt.timedelta(days=offset))
        return await self.counted(first, last)

    async def counted(self, first: dt.date, last: dt.date) -> Sequence[UsageDay]:
        """The same as they were counted last."""
        columns = [getattr(ApiUsage, name) for name in UsageDay.__dataclass_fields__]
        statement = (
            select(*columns)
            .where(ApiUsage.client_id == self._client_id, ApiUsage.date >= first, ApiUsage.date <= last)
            .order_by(ApiUsage.date)
        )
        days = [UsageDay(*row) for row in await self._connection.execute(statement)]
        return [day for day in days if day.message_count or day.cost_micros or day.tokens_input]


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days in UTC, both included."""

    first: dt.date
    last: dt.date

    @classmethod
    def until(cls, now: dt.datetime, *, days: int) -> Span:
        """So many days, today the last."""
        today = now.astimezone(dt.UTC).date()
        return cls(today - dt.timedelta(days=days - 1), today)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class ModelSpending:
    """What was spent on a model. Costs are millionths of a US dollar.

    `estimated_calls` were not reported by the vendor; `unpriced_calls` are counted as nothing: the model is
    free, or nobody knew its price.
    """

    provider: str
    model: str
    calls: int
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    tokens_cache_write: int
    cost_micros: int
    saved_micros: int
    estimated_calls: int
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class DaySpending:
    date: dt.date
    spent: ModelSpending


@dataclass(frozen=True, slots=True)
class CallsOfSize:
    """Calls whose input is about as long. `largest` is the most tokens that one of them had in all."""

    first: dt.date
    calls: int
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    tokens_cache_write: int
    cost_micros: int
    unpriced_calls: int
    estimated_calls: int
    largest: int


@dataclass(frozen=True, slots=True)
class ClientSpending:
    client_id: str
    name: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost_micros: int


# A row that takes another back has less than nothing in it, and takes back the call as well.
_SIGN = case((LedgerEntry.tokens_input < 0, -1), else_=1)


def _sum(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)


def _calls_where(condition: Any) -> Any:
    return _sum(case((condition, _SIGN), else_=0))


SIZE_BORDERS = (32_000, 128_000, 200_000, 256_000, 272_000, 512_000)
"""Tokens of input where vendors' prices change."""
SPENT = (
    _sum(_SIGN),
    _sum(LedgerEntry.tokens_input),
    _sum(LedgerEntry.tokens_output),
    _sum(LedgerEntry.tokens_cache_read),
    _sum(LedgerEntry.tokens_cache_write),
    _sum(LedgerEntry.cost_micros),
    _sum(LedgerEntry.saved_micros),
    _calls_where(LedgerEntry.is_estimated),
    # Of free models too: they have no price in the ledger either.
    _calls_where(LedgerEntry.price.is_(None)),
)
MODEL = (LedgerEntry.provider, LedgerEntry.model)


class LedgerRepository:
    """One client's ledger, read."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def by_model(self, span: Span) -> list[ModelSpending]:
        """Dearest first."""
        statement = select(*MODEL, *SPENT).where(*self._own(span)).group_by(*MODEL)
        return _dearest(await self._connection.execute(statement))

    async def by_day(self, span: Span) -> list[DaySpending]:
        """Oldest day first."""
        statement = (
            select(LedgerEntry.day, *MODEL, *SPENT)
            .where(*self._own(span))
            .group_by(LedgerEntry.day, *MODEL)
            .order_by(LedgerEntry.day, *MODEL)
        )
        return [DaySpending(row[0], _spending(row[1:])) for row in await self._connection.execute(statement)]

    async def by_size(self, span: Span) -> list[CallsOfSize]:
        """Calls of models that answer, by the length of their input: a long one may be dearer."""
        size = case(
            *((LedgerEntry.tokens_input <= border, border) for border in SIZE_BORDERS),
            else_=SIZE_BORDERS[-1] + 1,
        )
        statement = (
            select(
                _sum(_SIGN),
                _sum(LedgerEntry.tokens_input),
                _sum(LedgerEntry.tokens_output),
                _sum(LedgerEntry.tokens_cache_read),
                _sum(LedgerEntry.tokens_cache_write),
                _sum(LedgerEntry.cost_micros),
                _calls_where(LedgerEntry.price.is_(None)),
                _calls_where(LedgerEntry.is_estimated),
                func.max(LedgerEntry.tokens_input + LedgerEntry.tokens_output),
                func.min(LedgerEntry.day),
            )
            .where(*self._own(span), LedgerEntry.is_embedding.is_(False))
            .group_by(size)
        )
        rows = await self._connection.execute(statement)
        # A sum of big integers is a decimal on PostgreSQL.
        return [CallsOfSize(row[-1], *map(int, row[:-1])) for row in rows]

    def _own(self, span: Span) -> tuple[Any, ...]:
        return LedgerEntry.client_id == self._client_id, LedgerEntry.day.between(span.first, span.last)


async def installation_by_model(connection: AsyncConnection, span: Span) -> list[tuple[ModelSpending, int]]:
    """For the operator, whom no client scopes: dearest first, each with how many clients used it."""
    statement = (
        select(*MODEL, *SPENT, func.count(distinct(LedgerEntry.client_id)))
        .join_from(Client, LedgerEntry, LedgerEntry.client_id == Client.id)
        .where(LedgerEntry.day.between(span.first, span.last))
        .group_by(*MODEL)
    )
    rows = [(_spending(row[:-1]), int(row[-1])) for row in await connection.execute(statement)]
    return sorted(rows, key=lambda row: (-row[0].cost_micros, row[0].provider, row[0].model))


async def installation_by_client(
    connection: AsyncConnection, span: Span, *, most: int
) -> list[ClientSpending]:
    """For the operator, whom no client scopes: those who cost most."""
    cost = _sum(LedgerEntry.cost_micros).label("cost")
    statement = (
        select(
            Client.id,
            Client.name,
            _sum(_SIGN),
            _sum(LedgerEntry.tokens_input),
            _sum(LedgerEntry.tokens_output),
            cost,
        )
        .join_from(Client, LedgerEntry, LedgerEntry.client_id == Client.id)
        .where(LedgerEntry.day.between(span.first, span.last))
        .group_by(Client.id, Client.name)
        .order_by(cost.desc(), Client.id)
        .limit(most)
    )
    return [ClientSpending(row[0], row[1], *map(int, row[2:])) for row in await connection.execute(statement)]


def _dearest(rows: Any) -> list[ModelSpending]:
    spent = map(_spending, rows)
    return sorted(spent, key=lambda each: (-each.cost_micros, each.provider, each.model))


def _spending(row: Sequence[Any]) -> ModelSpending:
    return ModelSpending(row[0], row[1], *map(int, row[2:]))
