"""What a client's chat came to, from the days that were counted already: no message is read for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.profile_repository import ProfileRepository
from csai.clients.schemas import ClientDay, ClientStatistics
from csai.usage.repository import Span, UsageDay, UsageRepository
from csai.usage.service import usd


async def client_statistics(connection: AsyncConnection, client_id: str, span: Span) -> ClientStatistics:
    """Raises 404."""
    await ProfileRepository(connection, client_id).get()
    days = await UsageRepository(connection, client_id).counted(span.first, span.last)
    return ClientStatistics(
        client_id=client_id,
        first=span.first.isoformat(),
        last=span.last.isoformat(),
        total=_sum(span.first.isoformat(), days),
        days=[_sum(day.date.isoformat(), [day]) for day in days],
    )


def _sum(date: str, days: Sequence[UsageDay]) -> ClientDay:
    return ClientDay(
        date=date,
        conversations=sum(day.conversation_count for day in days),
        messages=sum(day.message_count for day in days),
        tool_calls=sum(day.tool_calls_count for day in days),
        tokens_input=sum(day.tokens_input for day in days),
        tokens_output=sum(day.tokens_output for day in days),
        cost=usd(sum(day.cost_micros for day in days)),
    )
