"""What the dashboard needs of a client's days and hours, drawn together so that no screen counts messages.

Written anew each time, so that doing so again changes nothing. The ledger keeps every row and is believed;
turns and tool calls are deleted after a while, so a count of those does not fall.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Date, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.analytics.duration import BOUNDS_MS, COLUMNS
from csai.models.base import Id, UtcDateTime

HOUR = timedelta(hours=1)
HOURS_KEPT = timedelta(days=8)
"""Today, and the week it is measured against."""
TOOL_COUNTS = ("calls", "succeeded", "failed", "refused", "unknown", *COLUMNS)
ENDED = ("succeeded", "failed", "refused", "unknown")


async def recompute_hours(connection: AsyncConnection, client_id: str, now: datetime) -> int:
    """Write the client's hours from the last one known up to now; how many. Forgets the oldest."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    oldest = this - HOURS_KEPT
    own = {"client_id": client_id, "oldest": oldest}
    await connection.execute(FORGET_HOURS, own)
    last: datetime | None = (await connection.execute(LAST_HOUR, {"client_id": client_id})).scalar()
    # What was begun in an hour is booked into it a little later.
    start = oldest if last is None else max(oldest, last - HOUR)
    count = (this - start) // HOUR + 1
    for number in range(count):
        hour = start + number * HOUR
        values = {"client_id": client_id, "day": hour.date(), "start": hour, "end": hour + HOUR}
        await connection.execute(RECOMPUTE_HOUR, values)
    return count


def _greater(table: str, *columns: str) -> str:
    return ", ".join(
        f"{name} = CASE WHEN excluded.{name} > {table}.{name} THEN excluded.{name} ELSE {table}.{name} END"
        for name in columns
    )


def _replaced(*columns: str) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in columns)


def _of_client(sql: str) -> TextClause:
    known: dict[str, Any] = {"client_id": Id, "day": Date(), "start": UtcDateTime(), "end": UtcDateTime()}
    bound = [bindparam(name, type_=type_) for name, type_ in known.items() if f":{name}" in sql]
    return text(sql).bindparams(*bound)


def _buckets() -> str:
    ran = "status IN ('succeeded', 'failed', 'unknown') AND execution_time_ms"
    within = [f"{ran} <= {BOUNDS_MS[0]}"]
    within += [f"{ran} > {lower} AND execution_time_ms <= {upper}" for lower, upper in pairwise(BOUNDS_MS)]
    within.append(f"{ran} > {BOUNDS_MS[-1]}")
    return ", ".join(f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)" for condition in within)


# WHERE true: without it SQLite takes ON CONFLICT for the ON of a join. A quiet hour gets no row.
RECOMPUTE_HOUR = _of_client(f"""
    INSERT INTO usage_hours (client_id, hour, conversation_count, message_count, tool_calls_count,
        tokens_input, tokens_output, cost_micros)
    SELECT :client_id, :start,
        (SELECT count(*) FROM conversations WHERE client_id = :client_id
            AND last_message_at >= :start AND started_at >= :start AND started_at < :end AND NOT is_test),
        asked.messages,
        (SELECT count(*) FROM tool_executions
            WHERE client_id = :client_id AND timestamp >= :start AND timestamp < :end),
        calls.tokens_input, calls.tokens_output, calls.cost_micros
    FROM (
        SELECT count(*) AS rows, coalesce(sum(tokens_input), 0) AS tokens_input,
            coalesce(sum(tokens_output), 0) AS tokens_output, coalesce(sum(cost_micros), 0) AS cost_micros
        FROM ledger WHERE client_id = :client_id AND day = :day AND created_at >= :start AND created_at < :end
    ) AS calls, (
        SELECT count(*) AS messages
        FROM turns WHERE client_id = :client_id AND accepted_at >= :start AND accepted_at < :end
    ) AS asked
    WHERE calls.rows > 0 OR asked.messages > 0
    ON CONFLICT (client_id, hour) DO UPDATE SET
        {_greater("usage_hours", "conversation_count", "message_count", "tool_calls_count")},
        {_replaced("tokens_input", "tokens_output", "cost_micros")}
""")  # noqa: S608 -- of names that stand in this file
LAST_HOUR = (
    text("SELECT max(hour) AS hour FROM usage_hours WHERE client_id = :client_id")
    .bindparams(bindparam("client_id", type_=Id))
    .columns(hour=UtcDateTime())
)
FORGET_HOURS = text("DELETE FROM usage_hours WHERE client_id = :client_id AND hour < :oldest").bindparams(
    bindparam("client_id", type_=Id), bindparam("oldest", type_=UtcDateTime())
)
OF_A_DAY = (
    _of_client(f"""
    INSERT INTO outcome_days (client_id, date, status, message_count)
    SELECT :client_id, :day, status, count(*) FROM turns
    WHERE client_id = :client_id AND accepted_at >= :start AND accepted_at < :end AND status <> 'running'
    GROUP BY status
    ON CONFLICT (client_id, date, status) DO UPDATE SET {_greater("outcome_days", "message_count")}
"""),  # noqa: S608
    # A row that takes another back has less than nothing in it, and takes back the call as well.
    _of_client(f"""
    INSERT INTO model_days (client_id, date, provider, model, calls, tokens_input, tokens_output, cost_micros)
    SELECT :client_id, :day, provider, model, sum(CASE WHEN tokens_input < 0 THEN -1 ELSE 1 END),
        sum(tokens_input), sum(tokens_output), sum(cost_micros)
    FROM ledger WHERE client_id = :client_id AND day = :day
    GROUP BY provider, model
    ON CONFLICT (client_id, date, provider, model) DO UPDATE SET
        {_replaced("calls", "tokens_input", "tokens_output", "cost_micros")}
"""),  # noqa: S608
    # A model may call a tool that does not exist, by a name as long as it likes.
    _of_client(f"""
    INSERT INTO tool_days (client_id, date, tool_name, {", ".join(TOOL_COUNTS)})
    SELECT :client_id, :day, tool_name, count(*),
        {", ".join(f"sum(CASE WHEN status = '{status}' THEN 1 ELSE 0 END)" for status in ENDED)},
        {_buckets()}
    FROM tool_executions
    WHERE client_id = :client_id AND timestamp >= :start AND timestamp < :end
        AND status IN ('succeeded', 'failed', 'refused', 'unknown') AND length(tool_name) <= 64
    GROUP BY tool_name
    ON CONFLICT (client_id, date, tool_name) DO UPDATE SET {_greater("tool_days", *TOOL_COUNTS)}
"""),  # noqa: S608
)
"""Outcomes, models and tools; each takes `client_id`, `day`, `start` and `end`."""
