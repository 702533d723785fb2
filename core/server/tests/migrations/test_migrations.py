"""The schema's promises, on both databases."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from csai import migrations
from csai.database import Conflict, Database
from csai.kit.identifier import new_id
from csai.migrations.comparison import include_name
from csai.models import (
    ApiKey,
    Base,
    Client,
    Conversation,
    IntegrationEndpoint,
    KnowledgePassage,
    LedgerEntry,
    Message,
    Plan,
    ToolExecution,
    Turn,
    Visitor,
)
from sqlalchemy import Column, Engine, Integer, MetaData, create_engine, delete, insert, inspect, select, text
from sqlalchemy.pool import NullPool

from tests.support.backend import Backend

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def engine(backend: Backend) -> Iterator[Engine]:
    yield from _engine(backend)


@pytest.fixture
def empty_engine(empty_backend: Backend) -> Iterator[Engine]:
    yield from _engine(empty_backend)


@pytest.fixture
async def database(backend: Backend) -> Any:
    database = Database(backend.database_url)
    yield database
    await database.close()


def test_up_makes_every_table_of_the_models(empty_backend: Backend, empty_engine: Engine) -> None:
    assert migrations.current(empty_backend.database_url) is None
    migrations.upgrade(empty_backend.database_url)
    assert migrations.current(empty_backend.database_url) == migrations.head()
    assert set(Base.metadata.tables) < set(inspect(empty_engine).get_table_names())


def test_down_to_base_leaves_nothing_and_up_again_works(empty_backend: Backend, empty_engine: Engine) -> None:
    migrations.upgrade(empty_backend.database_url)
    migrations.downgrade(empty_backend.database_url, "base")
    assert migrations.current(empty_backend.database_url) is None
    assert _objects(empty_engine) <= {"alembic_version", "alembic_version_pkc"}
    migrations.upgrade(empty_backend.database_url)
    assert _differences(empty_engine, Base.metadata) == []


def test_upgrading_twice_changes_nothing(backend: Backend, engine: Engine) -> None:
    migrations.upgrade(backend.database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM plans")) == 1


def test_migrated_schema_is_the_one_of_the_models(engine: Engine) -> None:
    assert _differences(engine, Base.metadata) == []
    assert _foreign_keys(inspect(engine)) == _foreign_keys_of_models()


def test_drift_is_noticed_when_a_model_changes(engine: Engine) -> None:
    changed = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["turns"].append_column(Column("retries", Integer))
    changed.tables["plans"].c.title.type = Integer()
    changed.tables["clients"].c.domain.nullable = True
    kinds = {
        difference[0] if isinstance(difference, tuple) else difference[0][0]
        for difference in _differences(engine, changed)
    }
    assert kinds == {"add_column", "modify_type", "modify_nullable"}


def test_two_upgrades_at_once_both_succeed(empty_backend: Backend, empty_engine: Engine) -> None:
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(migrations.upgrade, [empty_backend.database_url] * 2))
    assert _differences(empty_engine, Base.metadata) == []


def test_two_processes_upgrading_at_once_both_succeed(empty_backend: Backend, empty_engine: Engine) -> None:
    """The lock in the database is what holds between processes."""
    code = "import sys; from csai import migrations; migrations.upgrade(sys.argv[1])"

    async def upgrade() -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, empty_backend.database_url)
        return await process.wait()

    async def both() -> list[int]:
        return list(await asyncio.gather(upgrade(), upgrade()))

    assert asyncio.run(both()) == [0, 0]
    assert _differences(empty_engine, Base.metadata) == []


def test_one_process_migrates_several_databases_at_once(tmp_path: Path) -> None:
    urls = [f"sqlite+aiosqlite:///{tmp_path / name}" for name in ("100%.sqlite", "b.sqlite", "c.sqlite")]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(migrations.upgrade, urls))
    assert [migrations.current(url) for url in urls] == [migrations.head()] * 3


async def test_upgrade_from_a_running_event_loop(empty_backend: Backend) -> None:
    await asyncio.to_thread(migrations.upgrade, empty_backend.database_url)
    assert await asyncio.to_thread(migrations.current, empty_backend.database_url) == migrations.head()


async def test_default_plan_has_no_limits(database: Database) -> None:
    async with database.read() as connection:
        plans = (await connection.execute(select(Plan.name, Plan.limits, Plan.created_at))).all()
    assert [(plan.name, plan.limits) for plan in plans] == [("default", {})]
    assert abs(plans[0].created_at - datetime.now(UTC)) < timedelta(hours=1)


@pytest.mark.parametrize("table", ["messages", "turns", "tool_executions"])
async def test_row_pointing_at_another_clients_conversation_is_refused(
    database: Database, table: str
) -> None:
    ours, theirs = await _client(database), await _client(database)
    conversation = await _conversation(database, theirs)
    row = {"messages": _message, "turns": _turn, "tool_executions": _tool_execution}[table]
    model: Any = {"messages": Message, "turns": Turn, "tool_executions": ToolExecution}[table]
    with _foreign_key_refused():
        async with database.write() as connection:
            await connection.execute(insert(model), row(ours, conversation))
    async with database.write() as connection:
        await connection.execute(insert(model), row(theirs, conversation))


async def test_conversation_of_another_clients_visitor_is_refused(database: Database) -> None:
    ours, theirs = await _client(database), await _client(database)
    visitor = {"id": new_id(), "client_id": theirs, "external_id": "v-1", "created_at": NOW}
    async with database.write() as connection:
        await connection.execute(insert(Visitor), visitor)
    with _foreign_key_refused():
        await _conversation(database, ours, visitor_id=visitor["id"])


async def test_endpoint_of_an_integration_that_is_not_there_is_refused(database: Database) -> None:
    client = await _client(database)
    endpoint = {
        "client_id": client,
        "integration_id": new_id(),
        "endpoint_name": "orders",
        "endpoint_url": "/o",
    }
    with _foreign_key_refused():
        async with database.write() as connection:
            await connection.execute(insert(IntegrationEndpoint), endpoint)


async def test_deleting_a_client_takes_all_its_rows_and_nobody_elses(database: Database) -> None:
    gone, stays = await _client(database), await _client(database)
    for client in (gone, stays):
        await _fill(database, client)
    async with database.write() as connection:
        await connection.execute(delete(Client).where(Client.id == gone))
    async with database.read() as connection:
        for model in (
            ApiKey,
            Visitor,
            Conversation,
            Message,
            Turn,
            ToolExecution,
            LedgerEntry,
            KnowledgePassage,
        ):
            owners = (await connection.execute(select(model.client_id))).scalars().all()
            assert owners == [stays], model.__tablename__


async def test_time_comes_back_in_utc_whatever_zone_it_was_written_in(database: Database) -> None:
    client = await _client(database, created_at=NOW.astimezone(timezone(timedelta(hours=-7))))
    async with database.read() as connection:
        stored = await connection.scalar(select(Client.created_at).where(Client.id == client))
        found = await connection.scalar(select(Client.id).where(Client.created_at == NOW))
    assert stored == NOW
    assert stored is not None
    assert stored.tzinfo is UTC
    assert found == client


async def test_a_json_column_without_value_is_null_to_the_database(database: Database) -> None:
    client = await _client(database)
    conversation = await _conversation(database, client)
    async with database.write() as connection:
        await connection.execute(insert(Turn), _turn(client, conversation) | {"outcome": None})
        assert await connection.scalar(select(Turn.status).where(Turn.outcome.is_(None))) == "running"


def _engine(backend: Backend) -> Iterator[Engine]:
    url = backend.database_url.replace("+aiosqlite", "+pysqlite")
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()


def _differences(engine: Engine, metadata: MetaData) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True, "include_name": include_name}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def _foreign_keys(inspector: Any) -> set[tuple[Any, ...]]:
    """Compared apart: Alembic passes over what happens on deletion."""
    return {
        (
            table,
            key["name"],
            tuple(key["constrained_columns"]),
            key["referred_table"],
            tuple(key["referred_columns"]),
            key["options"].get("ondelete"),
        )
        for table in Base.metadata.tables
        for key in inspector.get_foreign_keys(table)
    }


def _foreign_keys_of_models() -> set[tuple[Any, ...]]:
    return {
        (
            table.name,
            key.name,
            tuple(key.column_keys),
            key.referred_table.name,
            tuple(element.column.name for element in key.elements),
            key.ondelete,
        )
        for table in Base.metadata.tables.values()
        for key in table.foreign_key_constraints
    }


def _objects(engine: Engine) -> set[str]:
    statement = {
        "sqlite": "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'",
        "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    }[engine.dialect.name]
    with engine.connect() as connection:
        return set(connection.scalars(text(statement)))


@contextmanager
def _foreign_key_refused() -> Iterator[None]:
    with pytest.raises(Conflict) as raised:
        yield
    assert "foreign key" in str(raised.value.__cause__).lower()


async def _client(database: Database, **values: Any) -> str:
    row = {"id": new_id(), "name": "Kettles", "plan_type": "default", "created_at": NOW} | values
    async with database.write() as connection:
        await connection.execute(insert(Client), row)
    return str(row["id"])


async def _conversation(database: Database, client_id: str, **values: Any) -> str:
    row = {
        "id": new_id(),
        "client_id": client_id,
        "session_id": new_id(),
        "channel": "widget",
        "started_at": NOW,
        "last_message_at": NOW,
    } | values
    async with database.write() as connection:
        await connection.execute(insert(Conversation), row)
    return str(row["id"])


async def _fill(database: Database, client_id: str) -> None:
    visitor = {"id": new_id(), "client_id": client_id, "external_id": "v-1", "created_at": NOW}
    key = {"client_id": client_id, "kind": "secret", "key_hash": new_id(), "hint": "abcd", "created_at": NOW}
    passage = {"client_id": client_id, "title": "Delivery", "content": "Two days.", "created_at": NOW}
    async with database.write() as connection:
        await connection.execute(insert(Visitor), visitor)
        await connection.execute(insert(ApiKey), key)
        await connection.execute(insert(KnowledgePassage), passage)
        await connection.execute(insert(LedgerEntry), _ledger_entry(client_id))
    conversation = await _conversation(database, client_id, visitor_id=visitor["id"])
    async with database.write() as connection:
        await connection.execute(insert(Message), _message(client_id, conversation))
        await connection.execute(insert(Turn), _turn(client_id, conversation))
        await connection.execute(insert(ToolExecution), _tool_execution(client_id, conversation))


def _message(client_id: str, conversation_id: str) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "conversation_id": conversation_id,
        "turn_id": new_id(),
        "seq": 1,
        "role": "user",
        "author": "visitor",
        "content": "Where is my order?",
        "timestamp": NOW,
    }


def _turn(client_id: str, conversation_id: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "client_id": client_id,
        "conversation_id": conversation_id,
        "status": "running",
        "body_hash": "0" * 64,
        "fence": 1,
        "period": "2026-03",
        "reserved": {},
        "accepted_at": NOW,
        "deadline_at": NOW + timedelta(seconds=120),
    }


def _tool_execution(client_id: str, conversation_id: str) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "conversation_id": conversation_id,
        "turn_id": new_id(),
        "call_id": new_id(),
        "tool_name": "get_order_status",
        "parameters": {"order_id": "ORD-1001"},
        "status": "intended",
        "timestamp": NOW,
    }


def _ledger_entry(client_id: str) -> dict[str, Any]:
    tokens = dict.fromkeys(("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write"), 1)
    return tokens | {
        "client_id": client_id,
        "turn_id": new_id(),
        "attempt": 1,
        "provider": "claude",
        "model": "m",
        "cost_micros": 1,
        "is_estimated": False,
        "is_embedding": False,
        "period": "2026-03",
        "day": NOW.date(),
        "created_at": NOW,
    }
