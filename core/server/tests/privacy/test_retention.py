"""What is kept no longer goes, what was used stays counted, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from csai.config import Settings
from csai.database import Database
from csai.kit.identifier import new_id
from csai.models import (
    ApiUsage,
    Conversation,
    LedgerEntry,
    Message,
    OutboxEvent,
    ToolExecution,
    Turn,
    Visitor,
)
from csai.privacy.archive import ArchiveFailed
from csai.privacy.retention import Retention

from tests.support.backend import Backend
from tests.support.history import add_client, add_row, all_rows, converse, used, words

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW


class Bucket:
    """Stands in for the archive, or for one that is down."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.objects: dict[str, list[str]] = {}
        self._is_down = is_down

    async def put(self, client_id: str, kind: str, rows: list[dict[str, Any]]) -> None:
        if self._is_down:
            raise ArchiveFailed("the archive answered 503")
        self.objects.setdefault(kind, []).extend(row["id"] for row in rows)


@pytest.fixture
async def database(backend: Backend) -> AsyncIterator[Database]:
    database = Database(backend.database_url)
    yield database
    await database.close()


@pytest.fixture
async def client_id(database: Database) -> str:
    return await add_client(database, at=NOW)


def retention(database: Database, archive: Any = None) -> Retention:
    return Retention(settings=Settings(), database=database, clock=Clock(), archive=archive)


async def test_a_conversation_of_today_is_left_as_it_is(database: Database, client_id: str) -> None:
    await converse(database, client_id, NOW - timedelta(days=0.5))
    assert not any((await retention(database).run(client_id)).values())
    (turn,) = await all_rows(database, Turn)
    assert turn["outcome"] is not None


async def test_an_outcome_is_kept_for_as_long_as_it_is_replayed(database: Database, client_id: str) -> None:
    await converse(database, client_id, NOW - timedelta(days=2))
    assert (await retention(database).run(client_id))["replays"] == 1
    (turn,) = await all_rows(database, Turn)
    assert (turn["outcome"], turn["idempotency_key"]) == (None, None)
    assert len(await all_rows(database, Message)) == 2


async def test_words_go_after_thirty_days_and_the_tool_log_stays_without_them(
    database: Database, client_id: str
) -> None:
    await converse(database, client_id, NOW - timedelta(days=31))
    done = await retention(database).run(client_id)
    assert done == {
        "replays": 1,
        "plugin_store": 0,
        "messages": 2,
        "feedback_emptied": 0,
        "summaries": 0,
        "tool_log_stripped": 1,
        "turns": 1,
        "tool_log": 0,
        "conversations_emptied": 1,
        "conversations": 0,
        "events_emptied": 0,
        "events": 0,
        "channel_inbox": 0,
        "channel_outbox": 0,
        "channel_threads": 0,
        "channel_contacts_emptied": 0,
        "channel_contacts": 0,
        "integration_deliveries": 0,
        "visitors": 1,
    }
    (call,) = await all_rows(database, ToolExecution)
    assert (call["parameters"], call["n8n_response"], call["tool_name"]) == ({}, None, "get_order_status")
    (conversation,) = await all_rows(database, Conversation)
    assert conversation["ended_at"] is not None
    assert (conversation["user_identifier"], conversation["details"]) == (None, {})


async def test_a_summary_goes_with_the_oldest_message_it_tells_of(database: Database, client_id: str) -> None:
    told = {"summary": "Dana asked for ORD-1.", "summary_seq": 2}
    for days_ago, oldest in ((1, 31), (2, 2)):
        moment, since = (NOW - timedelta(days=days) for days in (days_ago, oldest))
        await converse(database, client_id, moment, summary_since=since, **told)

    assert (await retention(database).run(client_id))["summaries"] == 1

    left = {(row["summary"], row["summary_seq"]) for row in await all_rows(database, Conversation)}
    assert left == {(None, 0), ("Dana asked for ORD-1.", 2)}


async def test_no_word_of_a_visitor_is_anywhere_after_ninety_days(database: Database, client_id: str) -> None:
    await converse(database, client_id, NOW - timedelta(days=91))
    await retention(database).run(client_id)
    for model in (Visitor, Conversation, Turn, Message, ToolExecution):
        assert await all_rows(database, model) == [], model
    assert len(await all_rows(database, LedgerEntry)) == 1


async def test_what_was_used_is_counted_though_its_rows_are_gone(database: Database, client_id: str) -> None:
    for days_ago in (29, 31, 91, 91):
        await converse(database, client_id, NOW - timedelta(days=days_ago))
    await retention(database).run(client_id)
    usage = {row["date"]: row for row in await all_rows(database, ApiUsage)}
    day = usage[(NOW - timedelta(days=91)).date()]
    assert (day["conversation_count"], day["message_count"], day["tool_calls_count"]) == (2, 2, 2)
    assert (day["tokens_input"], day["cost_micros"]) == (2_000, 6_000)
    assert usage[(NOW - timedelta(days=31)).date()]["message_count"] == 1


async def test_a_second_run_changes_nothing(database: Database, client_id: str) -> None:
    for days_ago in (1, 31, 91):
        await converse(database, client_id, NOW - timedelta(days=days_ago))
    await retention(database).run(client_id)
    tables = (Visitor, Conversation, Turn, Message, ToolExecution, ApiUsage)
    before = [await all_rows(database, model) for model in tables]
    assert not any((await retention(database).run(client_id)).values())
    assert [await all_rows(database, model) for model in tables] == before


async def test_a_dry_run_says_what_the_run_then_does(database: Database, client_id: str) -> None:
    for days_ago in (1, 2, 31, 45, 91, 120):
        await converse(database, client_id, NOW - timedelta(days=days_ago))
    told = await retention(database).preview(client_id)
    assert len(await all_rows(database, Message)) == 12
    assert await retention(database).run(client_id) == told


async def test_another_clients_rows_are_not_touched(database: Database, client_id: str) -> None:
    await converse(database, await add_client(database, at=NOW), NOW - timedelta(days=91))
    assert not any((await retention(database).run(client_id)).values())
    assert len(await all_rows(database, Message)) == 2


async def test_a_client_keeps_its_own_periods(database: Database) -> None:
    brief = await add_client(database, at=NOW, message_days=7, tool_log_days=14)
    long = await add_client(database, at=NOW, message_days=365)
    for client in (brief, long):
        await converse(database, client, NOW - timedelta(days=15))
        await converse(database, client, NOW - timedelta(days=91))
        await retention(database).run(client)
    assert {row["client_id"] for row in await all_rows(database, Message)} == {long}
    assert {row["client_id"] for row in await all_rows(database, Conversation)} == {long}
    # Its tool log is over after 90 days, while the conversation is not.
    assert len(await all_rows(database, ToolExecution)) == 1


async def test_a_running_turn_keeps_its_conversation(database: Database, client_id: str) -> None:
    turn = new_id()
    await converse(database, client_id, NOW - timedelta(days=91), lease_turn_id=turn, lease_expires_at=NOW)
    await retention(database).run(client_id)
    (conversation,) = await all_rows(database, Conversation)
    assert conversation["user_identifier"] == "dana@example.com"
    assert len(await all_rows(database, Visitor)) == 1


async def test_what_goes_is_archived_first(database: Database, client_id: str) -> None:
    await converse(database, client_id, NOW - timedelta(days=91))
    bucket = Bucket()
    messages = {row["id"] for row in await all_rows(database, Message)}
    await retention(database, bucket).run(client_id)
    assert set(bucket.objects["messages"]) == messages
    assert len(bucket.objects["tool_executions"]) == 1


async def test_what_cannot_be_archived_stays(database: Database, client_id: str) -> None:
    await converse(database, client_id, NOW - timedelta(days=91))
    with pytest.raises(ArchiveFailed):
        await retention(database, Bucket(is_down=True)).run(client_id)
    assert len(await all_rows(database, Message)) == 2


class Died(BaseException):
    """The process ends here."""


async def test_ended_between_any_two_statements_nothing_used_is_lost_and_the_next_run_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0

    def reach(_point: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Died

    monkeypatch.setattr("csai.privacy.retention.reach", reach)
    deaths = 0
    while left <= 0:
        client_id = await add_client(database, at=NOW)
        for days_ago in (31, 91):
            await converse(database, client_id, NOW - timedelta(days=days_ago))
        before = await used(database)
        deaths += 1
        left = deaths
        with suppress(Died):
            await retention(database, Bucket()).run(client_id)
        assert await used(database) == before
        await retention(database, Bucket()).run(client_id)
        assert await used(database) == before
        assert await words(database) == 0
    assert deaths > 20


async def test_an_event_loses_its_payload_with_the_messages_and_keeps_its_key_for_a_period(
    database: Database, client_id: str
) -> None:
    ages = {"waiting": 31, "sent": 31, "new": 29, "old": 41}
    for key, days in ages.items():
        await add_row(
            database,
            OutboxEvent,
            client_id=client_id,
            event="limit.reached",
            payload={"metric": "messages"},
            dedupe_key=key,
            status="pending" if key == "waiting" else "delivered",
            attempts=1,
            attempts_before=0,
            created_at=NOW - timedelta(days=days),
            next_attempt_at=NOW,
        )
    done = await retention(database).run(client_id)
    assert (done["events_emptied"], done["events"]) == (3, 1)
    left = {row["dedupe_key"]: row for row in await all_rows(database, OutboxEvent)}
    assert {key: row["payload"] for key, row in left.items()} == {
        "waiting": {},
        "sent": {},
        "new": {"metric": "messages"},
    }
    # What has nothing to say any more is not sent.
    assert {key: row["status"] for key, row in left.items()} == {
        "waiting": "failed",
        "sent": "delivered",
        "new": "delivered",
    }
