"""What models cost, by provider, model, day and client: one way in for the HTTP API and the command line."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientRepository
from csai.kit.problem import Problem
from csai.kit.spreadsheet import cell
from csai.usage.prices import MICROS_PER_USD
from csai.usage.repository import (
    LedgerRepository,
    ModelSpending,
    Span,
    installation_by_client,
    installation_by_model,
)
from csai.usage.schemas import (
    ClientUsage,
    InstallationModel,
    InstallationProvider,
    InstallationUsage,
    ModelUsage,
    ProviderUsage,
    Spending,
    SpendingClient,
    UsageHistory,
    UsedDay,
)

DAYS = 30
MAX_DAYS = 366
MAX_CLIENTS = 100
COUNTS = tuple(field.name for field in fields(ModelSpending) if field.type == "int")


def span_of(first: dt.date | None, last: dt.date | None, *, today: dt.date) -> Span:
    """The days asked for; the last thirty where nothing is said. Raises `Problem`."""
    last = last or today
    # The calendar begins with the year 1: there are no thirty days before it.
    first = first or last - dt.timedelta(days=min(DAYS, last.toordinal()) - 1)
    span = Span(first, last)
    if not 1 <= span.days <= MAX_DAYS:
        raise Problem(422, "span_invalid", f"Ask for 1 to {MAX_DAYS} days, the first not after the last.")
    return span


async def client_usage(connection: AsyncConnection, client_id: str, span: Span) -> ClientUsage:
    """Raises `Problem`."""
    await ClientRepository(connection, client_id).get()
    spent = await LedgerRepository(connection, client_id).by_model(span)
    return ClientUsage(
        client_id=client_id,
        first=span.first,
        last=span.last,
        total=Spending(**_told(spent)),
        providers=[
            ProviderUsage(provider=provider, models=[_model(each) for each in of], **_told(of))
            for provider, of in _by_provider(spent)
        ],
    )


async def client_history(connection: AsyncConnection, client_id: str, span: Span) -> UsageHistory:
    """Raises `Problem`."""
    await ClientRepository(connection, client_id).get()
    rows = await LedgerRepository(connection, client_id).by_day(span)
    days = []
    for date, of in groupby(rows, key=lambda row: row.date):
        spent = [row.spent for row in of]
        days.append(
            UsedDay(date=date, total=Spending(**_told(spent)), models=[_model(each) for each in spent])
        )
    return UsageHistory(client_id=client_id, first=span.first, last=span.last, days=days)


async def client_export(connection: AsyncConnection, client_id: str, span: Span) -> str:
    """A line of CSV for each day and model. Raises `Problem`."""
    history = await client_history(connection, client_id, span)
    file = io.StringIO()
    names = ["provider", "model", *Spending.model_fields]
    writer = csv.writer(file)
    writer.writerow(["date", *names])
    for day in history.days:
        for model in day.models:
            writer.writerow([day.date.isoformat(), *(cell(getattr(model, name)) for name in names)])
    return file.getvalue()


async def installation_usage(connection: AsyncConnection, span: Span) -> InstallationUsage:
    rows = await installation_by_model(connection, span)
    clients_of = {(spent.provider, spent.model): clients for spent, clients in rows}
    spent = [row for row, _clients in rows]

    def model(each: ModelSpending) -> InstallationModel:
        return InstallationModel(clients=clients_of[each.provider, each.model], **_model(each).model_dump())

    return InstallationUsage(
        first=span.first,
        last=span.last,
        total=Spending(**_told(spent)),
        providers=[
            InstallationProvider(provider=provider, models=[model(each) for each in of], **_told(of))
            for provider, of in _by_provider(spent)
        ],
        clients=[
            SpendingClient(
                client_id=each.client_id,
                name=each.name,
                calls=each.calls,
                tokens_input=each.tokens_input,
                tokens_output=each.tokens_output,
                cost=usd(each.cost_micros),
            )
            for each in await installation_by_client(connection, span, most=MAX_CLIENTS)
        ],
    )


def usd(micros: int) -> Decimal:
    return (Decimal(micros) / MICROS_PER_USD).quantize(Decimal("0.000001"))


def _model(spent: ModelSpending) -> ModelUsage:
    return ModelUsage(provider=spent.provider, model=spent.model, **_told([spent]))


def _told(spent: Sequence[ModelSpending]) -> dict[str, Any]:
    sums = {name: sum(getattr(each, name) for each in spent) for name in COUNTS}
    cost, saved = usd(sums.pop("cost_micros")), usd(sums.pop("saved_micros"))
    return {**sums, "cost": cost, "saved": saved}


def _by_provider(spent: Iterable[ModelSpending]) -> list[tuple[str, list[ModelSpending]]]:
    """Dearest first."""
    providers: dict[str, list[ModelSpending]] = {}
    for each in spent:
        providers.setdefault(each.provider, []).append(each)
    return sorted(providers.items(), key=lambda item: (-sum(each.cost_micros for each in item[1]), item[0]))
