"""Conversations of long ago, and what a client has used in all, wherever it is counted by now."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from csai.database import Database
from csai.kit.identifier import new_id
from csai.models import (
    ApiUsage,
    Base,
    Client,
    Conversation,
    LedgerEntry,
    Message,
    ToolExecution,
    Turn,
    Visitor,
)
from sqlalchemy import insert, select

Used = dict[str, Counter[Any]]


async def add_row(database: Database, model: type[Base], /, **values: Any) -> None:
    async with database.write() as transaction:
        await transaction.execute(insert(model), values)


async def all_rows(database: Database, model: type[Base]) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(select(model.__table__))).mappings())


async def add_client(database: Database, *, at: datetime, **settings: Any) -> str:
    made = new_id()
    await add_row(
        database, Client, id=made, name="Shop", plan_type="default", settings=settings, created_at=at
    )
    return made


async def converse(database: Database, client_id: str, moment: datetime, **conversation: Any) -> str:
    """A conversation of a verified visitor, with a turn, two messages, a tool call and a model call."""
    visitor, made, turn = new_id(), new_id(), new_id()
    own = {"client_id": client_id, "conversation_id": made}
    await add_row(database, Visitor, id=visitor, client_id=client_id, external_id=visitor, created_at=moment)
    begun = {
        "id": made,
        "client_id": client_id,
        "session_id": new_id(),
        "visitor_id": visitor,
        "user_identifier": "dana@example.com",
        "details": {"page": "/cart"},
        "channel": "widget",
        "started_at": moment,
        "last_message_at": moment,
    }
    await add_row(database, Conversation, **begun | conversation)
    await add_row(
        database,
        Turn,
        **own,
        id=turn,
        status="completed",
        body_hash="",
        fence=1,
        period=f"{moment:%Y-%m}",
        reserved={},
        idempotency_key=new_id(),
        outcome={"message": {"content": "Your order ORD-1 is on its way."}},
        accepted_at=moment,
        deadline_at=moment,
    )
    for seq, role in ((1, "user"), (2, "assistant")):
        message = {"seq": seq, "role": role, "author": role, "content": "Where is ORD-1?"}
        await add_row(database, Message, **own, **message, turn_id=turn, timestamp=moment)
    await add_row(
        database,
        ToolExecution,
        **own,
        turn_id=turn,
        call_id=new_id(),
        tool_name="get_order_status",
        parameters={"order": "ORD-1"},
        n8n_response="shipped to 1 Main Street",
        status="succeeded",
        timestamp=moment,
    )
    tokens = {
        "tokens_input": 1_000,
        "tokens_output": 100,
        "tokens_cache_read": 0,
        "tokens_cache_write": 0,
        "cost_micros": 3_000,
    }
    await add_row(
        database,
        LedgerEntry,
        **tokens,
        client_id=client_id,
        turn_id=turn,
        attempt=1,
        provider="claude",
        model="m",
        is_estimated=False,
        period=f"{moment:%Y-%m}",
        day=moment.date(),
        created_at=moment,
    )
    return made


async def used(database: Database) -> Used:
    """What `api_usage` has counted of each client's day, or would, were it counted now; and its cost."""
    found: Used = {}
    for name, model, moment in (
        ("conversation_count", Conversation, "started_at"),
        ("message_count", Turn, "accepted_at"),
        ("tool_calls_count", ToolExecution, "timestamp"),
    ):
        live = Counter((row["client_id"], row[moment].date()) for row in await all_rows(database, model))
        kept = {(row["client_id"], row["date"]): row[name] for row in await all_rows(database, ApiUsage)}
        found[name] = live | Counter(kept)  # the larger of the two
    cost: Counter[Any] = Counter()
    for row in await all_rows(database, LedgerEntry):
        cost[row["client_id"], row["day"]] += row["cost_micros"]
    found["cost_micros"] = cost
    return found


async def words(database: Database) -> int:
    """How many rows still hold what a visitor wrote, or who it was."""
    messages = await all_rows(database, Message)
    calls = [row for row in await all_rows(database, ToolExecution) if row["parameters"]]
    turns = [row for row in await all_rows(database, Turn) if row["outcome"]]
    conversations = [row for row in await all_rows(database, Conversation) if row["user_identifier"]]
    return sum(map(len, (messages, calls, turns, conversations, await all_rows(database, Visitor))))
