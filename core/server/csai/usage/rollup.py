"""A client's usage of a day, drawn together for screens and exports."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Date, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.analytics.rollup import OF_A_DAY, recompute_hours
from csai.database import Database
from csai.models.base import Id, UtcDateTime

# A turn that began before midnight is settled after it.
LATE = timedelta(days=1)


async def roll_up(database: Database, client_id: str, *, now: datetime) -> int:
    """Bring the client's rows up to today, a transaction a day; how many days that took.

    Those before the newest row are final. A client that was not used since costs two look-ups.
    """
    today = now.astimezone(UTC).date()
    async with database.read() as connection:
        start = await _first_open_day(connection, client_id, today)
        if start is None or not await _has_worked(connection, client_id, start):
            return 0
    days = [start + timedelta(days=number) for number in range((today - start).days + 1)]
    for day in days:
        async with database.write() as transaction:
            await recompute_day(transaction, client_id, day)
    return len(days)


async def roll_up_hours(database: Database, client_id: str, *, now: datetime) -> int:
    """Bring the client's hours, and today, up to now: what a dashboard that is looked at shows."""
    async with database.write() as transaction:
        await recompute_day(transaction, client_id, now.astimezone(UTC).date())
        return await recompute_hours(transaction, client_id, now)


async def recompute_day(connection: AsyncConnection, client_id: str, day: date) -> None:
    """Write the client's rows of a day (in UTC) anew; doing so again changes nothing.

    Tokens and cost are the ledger's, which keeps every row. Conversations, messages and tool calls are
    counted where they are kept, which is not for ever: a count does not fall when they are deleted.
    """
    start = datetime.combine(day, time.min, UTC)
    values = {"client_id": client_id, "day": day, "start": start, "end": start + timedelta(days=1)}
    await connection.execute(RECOMPUTE, values)
    for statement in OF_A_DAY:
        await connection.execute(statement, values)


async def _first_open_day(connection: AsyncConnection, client_id: str, today: date) -> date | None:
    own = {"client_id": client_id}
    last: date | None = (await connection.execute(LAST, own)).scalar()
    if last is not None:
        return min(last, today - LATE)
    call, turn, tool_call = (await connection.execute(FIRST, own)).one()
    begun = [moment.date() for moment in (turn, tool_call) if moment is not None]
    return min([*begun, *([call] if call is not None else [])], default=None)


async def _has_worked(connection: AsyncConnection, client_id: str, since: date) -> bool:
    start = datetime.combine(since, time.min, UTC)
    values = {"client_id": client_id, "day": since, "start": start}
    return (await connection.execute(WORKED, values)).first() is not None


# A conversation's last message is not older than its start: with this condition the index on it serves.
# WHERE true: without it SQLite takes ON CONFLICT for the ON of a join.
RECOMPUTE = text("""
    INSERT INTO api_usage (
        client_id, date, conversation_count, message_count, tool_calls_count,
        tokens_input, tokens_output, cost_micros, prompt_cache_tokens, prompt_cache_micros,
        response_cache_count, response_cache_tokens, response_cache_micros, routing_count, routing_micros
    )
    SELECT :client_id, :day,
        (SELECT count(*) FROM conversations WHERE client_id = :client_id
            AND last_message_at >= :start AND started_at >= :start AND started_at < :end AND NOT is_test),
        asked.messages,
        (SELECT count(*) FROM tool_executions
            WHERE client_id = :client_id AND timestamp >= :start AND timestamp < :end),
        calls.tokens_input, calls.tokens_output, calls.cost_micros, calls.cached, calls.saved,
        asked.answered, asked.tokens, asked.micros, asked.routed, asked.routing_micros
    FROM (
        SELECT coalesce(sum(tokens_input), 0) AS tokens_input,
            coalesce(sum(tokens_output), 0) AS tokens_output,
            coalesce(sum(cost_micros), 0) AS cost_micros,
            coalesce(sum(tokens_cache_read), 0) AS cached,
            coalesce(sum(saved_micros), 0) AS saved
        FROM ledger WHERE client_id = :client_id AND day = :day
    ) AS calls, (
        SELECT count(*) AS messages,
            coalesce(sum(CASE WHEN saved_tokens > 0 THEN 1 ELSE 0 END), 0) AS answered,
            coalesce(sum(saved_tokens), 0) AS tokens,
            coalesce(sum(saved_micros), 0) AS micros,
            coalesce(sum(CASE WHEN routing ->> 'chosen' = 'simple' THEN 1 ELSE 0 END), 0) AS routed,
            coalesce(sum(CAST(routing ->> 'saved_micros' AS BIGINT)), 0) AS routing_micros
        FROM turns WHERE client_id = :client_id AND accepted_at >= :start AND accepted_at < :end
    ) AS asked
    WHERE true
    ON CONFLICT (client_id, date) DO UPDATE SET
        conversation_count = CASE WHEN excluded.conversation_count > api_usage.conversation_count
            THEN excluded.conversation_count ELSE api_usage.conversation_count END,
        message_count = CASE WHEN excluded.message_count > api_usage.message_count
            THEN excluded.message_count ELSE api_usage.message_count END,
        tool_calls_count = CASE WHEN excluded.tool_calls_count > api_usage.tool_calls_count
            THEN excluded.tool_calls_count ELSE api_usage.tool_calls_count END,
        tokens_input = excluded.tokens_input,
        tokens_output = excluded.tokens_output,
        cost_micros = excluded.cost_micros,
        prompt_cache_tokens = excluded.prompt_cache_tokens,
        prompt_cache_micros = excluded.prompt_cache_micros,
        response_cache_count = CASE WHEN excluded.response_cache_count > api_usage.response_cache_count
            THEN excluded.response_cache_count ELSE api_usage.response_cache_count END,
        response_cache_tokens = CASE WHEN excluded.response_cache_tokens > api_usage.response_cache_tokens
            THEN excluded.response_cache_tokens ELSE api_usage.response_cache_tokens END,
        response_cache_micros = CASE WHEN excluded.response_cache_micros > api_usage.response_cache_micros
            THEN excluded.response_cache_micros ELSE api_usage.response_cache_micros END,
        routing_micros = CASE WHEN excluded.routing_count >= api_usage.routing_count
            THEN excluded.routing_micros ELSE api_usage.routing_micros END,
        routing_count = CASE WHEN excluded.routing_count > api_usage.routing_count
            THEN excluded.routing_count ELSE api_usage.routing_count END
""").bindparams(
    bindparam("client_id", type_=Id),
    bindparam("day", type_=Date()),
    bindparam("start", type_=UtcDateTime()),
    bindparam("end", type_=UtcDateTime()),
)


# The newest row may have been written before its day was over.
LAST = (
    text("SELECT max(date) AS last FROM api_usage WHERE client_id = :client_id")
    .bindparams(bindparam("client_id", type_=Id))
    .columns(last=Date())
)
FIRST = (
    text("""
    SELECT min(ledger.day) AS model_call,
        (SELECT min(accepted_at) FROM turns WHERE client_id = :client_id) AS turn,
        (SELECT min(timestamp) FROM tool_executions WHERE client_id = :client_id) AS tool_call
    FROM ledger WHERE client_id = :client_id
""")
    .bindparams(bindparam("client_id", type_=Id))
    .columns(model_call=Date(), turn=UtcDateTime(), tool_call=UtcDateTime())
)
WORKED = text("""
    SELECT 1 WHERE EXISTS (SELECT 1 FROM ledger WHERE client_id = :client_id AND day >= :day)
        OR EXISTS (SELECT 1 FROM turns WHERE client_id = :client_id AND accepted_at >= :start)
""").bindparams(
    bindparam("client_id", type_=Id), bindparam("day", type_=Date()), bindparam("start", type_=UtcDateTime())
)
