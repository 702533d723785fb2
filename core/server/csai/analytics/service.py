"""The dashboard, put together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.analytics.duration import percentile_ms
from csai.analytics.repository import AnalyticsRepository, ClientIds
from csai.analytics.row import CountedRow, HappenedRow, Saved, SpentRow, Sums, ToolRow, sums_of
from csai.analytics.schemas import (
    Activity,
    ClientCost,
    ClientCount,
    Dashboard,
    FailingPlugin,
    ModelCost,
    NearLimit,
    Savings,
    SeriesDay,
    Today,
    ToolFigures,
    Used,
)
from csai.plugins.inventory import known
from csai.plugins.registry import PluginRegistry
from csai.usage.counter import period_of
from csai.usage.service import usd

WEEK = 7
HOUR = timedelta(hours=1)
TOP_TOOLS = 5
TOP_CLIENTS = 10
MAX_ACTIVITIES = 20
NEAR = 0.8


async def dashboard(
    connection: AsyncConnection,
    client_ids: ClientIds,
    *,
    days: int,
    registry: PluginRegistry,
    now: datetime,
) -> Dashboard:
    """Of the clients that are looked at; None: all."""
    found = AnalyticsRepository(connection, client_ids)
    now = now.astimezone(UTC)
    today = now.date()
    first = today - dt.timedelta(days=days - 1)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = await found.hours(midnight - timedelta(days=WEEK))
    used_today = _until(hours, midnight, now)
    usage = await found.usage(first)
    spent = await found.spent(first, clients=TOP_CLIENTS)
    return Dashboard(
        as_of=now,
        days=days,
        clients=_clients(await found.clients()),
        total=_used(usage.total),
        today=Today(
            used=_used(used_today),
            yesterday=_used(_part(hours, midnight - timedelta(days=1), now - midnight)),
            week_mean=_used(_week_mean(hours, midnight, now)),
        ),
        series=_series(usage.days, first, today, used_today),
        outcomes=await found.outcomes(first),
        tools=[figures_of(row) for row in await found.tools(first, most=TOP_TOOLS)],
        models=[_model(row) for row in spent if row.client_id is None],
        by_client=[_spender(row.client_id, row) for row in spent if row.client_id],
        savings=_savings(usage.saved),
        plugins=failing(registry),
        limits=_near_limits(await found.counted(_periods(now)), now),
        activity=[_activity(row) for row in await found.happened(count=MAX_ACTIVITIES)],
    )


def figures_of(row: ToolRow) -> ToolFigures:
    ran = row.succeeded + row.failed + row.unknown
    return ToolFigures(
        name=row.tool_name,
        calls=row.calls,
        success_rate=round(row.succeeded / ran, 4) if ran else None,
        p50_ms=percentile_ms(row.durations, 50),
        p95_ms=percentile_ms(row.durations, 95),
    )


def failing(registry: PluginRegistry) -> list[FailingPlugin]:
    """Plugins that are kept out, or of which a part is in trouble."""
    return [
        FailingPlugin(id=item.id, state=item.state, cause=item.cause or "", remedy=item.remedy or "")
        for item in sorted(known(registry), key=lambda item: item.id)
        if item.state in ("degraded", "quarantined")
    ]


def _until(hours: Mapping[datetime, Sums], start: datetime, end: datetime) -> Sums:
    """What the hours that begin in this time came to."""
    return sum((each for hour, each in hours.items() if start <= hour < end), Sums())


def _part(hours: Mapping[datetime, Sums], midnight: datetime, passed: timedelta) -> Sums:
    """What a day had come to when so much of it had passed; the last hour counts by its part."""
    whole = passed // HOUR
    last = midnight + whole * HOUR
    share = (passed - whole * HOUR) / HOUR
    return _until(hours, midnight, last) + _times(hours.get(last, Sums()), share)


def _week_mean(hours: Mapping[datetime, Sums], midnight: datetime, now: datetime) -> Sums:
    week = (_part(hours, midnight - timedelta(days=number), now - midnight) for number in range(1, WEEK + 1))
    return _times(sum(week, Sums()), 1 / WEEK)


def _times(sums: Sums, share: float) -> Sums:
    return Sums(*(round(value * share) for value in sums_of(sums)))


def _series(
    days: Mapping[dt.date, Sums], first: dt.date, today: dt.date, used_today: Sums
) -> list[SeriesDay]:
    """Every day of the time. Today is told by its hours, as beside it."""
    known = {**days, today: used_today}
    dates = [first + dt.timedelta(days=number) for number in range((today - first).days + 1)]
    return [SeriesDay(date=date, **_told(known.get(date, Sums()))) for date in dates]


def _used(sums: Sums) -> Used:
    return Used(**_told(sums))


def _told(sums: Sums) -> dict[str, Any]:
    return {
        "conversations": sums.conversation_count,
        "messages": sums.message_count,
        "tool_calls": sums.tool_calls_count,
        "tokens_input": sums.tokens_input,
        "tokens_output": sums.tokens_output,
        "cost": usd(sums.cost_micros),
    }


def _clients(by_status: Mapping[str, int]) -> ClientCount:
    return ClientCount(total=sum(by_status.values()), active=by_status.get("active", 0))


def _model(row: SpentRow) -> ModelCost:
    return ModelCost(
        provider=row.provider,
        model=row.name,
        calls=row.calls,
        tokens_input=row.tokens_input,
        tokens_output=row.tokens_output,
        cost=usd(row.cost_micros),
    )


def _spender(client_id: str, row: SpentRow) -> ClientCost:
    return ClientCost(
        client_id=client_id,
        name=row.name,
        calls=row.calls,
        tokens_input=row.tokens_input,
        tokens_output=row.tokens_output,
        cost=usd(row.cost_micros),
    )


def _savings(saved: Saved) -> Savings:
    return Savings(
        response_cache_answers=saved.response_cache_count,
        response_cache_tokens=saved.response_cache_tokens,
        response_cache=usd(saved.response_cache_micros),
        prompt_cache_tokens=saved.prompt_cache_tokens,
        prompt_cache=usd(saved.prompt_cache_micros),
        routing_messages=saved.routing_count,
        routing=usd(saved.routing_micros),
    )


def _periods(now: datetime) -> set[str]:
    """The billing periods that some client may be in: its zone may be ahead or behind."""
    return {f"{moment:%Y-%m}" for moment in (now - timedelta(days=1), now, now + timedelta(days=1))}


def _near_limits(rows: Sequence[CountedRow], now: datetime) -> list[NearLimit]:
    near = [
        NearLimit(
            client_id=row.client_id,
            client=row.name,
            metric=row.metric,
            used=row.used,
            limit=row.limit,
            part=round(row.used / row.limit, 4),
        )
        for row in rows
        if row.used >= row.limit * NEAR and row.period == period_of(now, row.timezone)
    ]
    return sorted(near, key=lambda each: (-each.part, each.client, each.metric))


def _activity(row: HappenedRow) -> Activity:
    thing = row.object
    if row.kind in ("conversation", "handoff"):
        thing = f"conversation:{row.id}"
    elif row.kind != "change":
        thing = f"plugin:{row.title}" if row.client_id is None else f"client:{row.client_id}"
    return Activity(
        kind=row.kind,
        at=row.at,
        client_id=row.client_id,
        title=row.title,
        object=thing,
        actor=row.actor_name,
    )
