"""The dashboard tells of use, cost and tools what really happened, and counts no messages to do so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from csai.analytics.duration import BOUNDS_MS, percentile_ms
from csai.kit.identifier import new_id
from csai.models import (
    ApiUsage,
    Conversation,
    Counter,
    ModelDay,
    Plan,
    ToolExecution,
    Turn,
    UsageHour,
)
from csai.plugins.discovery import Quarantined
from csai.plugins.registry import PluginRegistry
from csai.usage.rollup import roll_up, roll_up_hours
from csai_sdk import Usage
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import event, update

from tests.support.clock import HandClock
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

NOTHING = {
    "conversations": 0,
    "messages": 0,
    "tool_calls": 0,
    "tokens_input": 0,
    "tokens_output": 0,
    "cost": "0.000000",
}


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    vendor = ScriptedProvider(["Hello.", Usage(100, 7)], is_endless=True)
    return await make_server(vendor, clock=HandClock())


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def brought_up_to_date(server: Server, client_id: str | None = None) -> None:
    """What the jobs do."""
    services, own = server.services, client_id or server.client.id
    await roll_up(services.database, own, now=services.clock.now())
    await roll_up_hours(services.database, own, now=services.clock.now())


@contextmanager
def statements(server: Server) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        found.append(statement)

    engine = server.services.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


async def test_new_installation_has_zeros_and_every_day(server: Server, operator: Operator) -> None:
    found = await operator.get("/admin/dashboard", days="30")
    assert found["total"] == NOTHING
    assert found["today"] == {"used": NOTHING, "yesterday": NOTHING, "week_mean": NOTHING}
    assert len(found["series"]) == 30
    assert found["series"][-1]["date"] == server.services.clock.now().date().isoformat()
    assert found["clients"] == {"total": 1, "active": 1}
    assert found["outcomes"] == {}


async def test_what_visitors_did_is_told_once_it_is_drawn_together(
    server: Server, operator: Operator
) -> None:
    for _ in range(2):
        assert (await server.say("Hello?")).json()["status"] == "completed"
    await brought_up_to_date(server)
    found = await operator.get("/admin/dashboard")
    used = {**NOTHING, "conversations": 2, "messages": 2, "tokens_input": 200, "tokens_output": 14}
    assert found["total"] == used
    assert found["today"]["used"] == used
    assert found["today"]["yesterday"] == NOTHING
    assert found["outcomes"] == {"completed": 2}
    assert [(each["provider"], each["calls"]) for each in found["models"]] == [("scripted", 2)]
    assert [each["client_id"] for each in found["by_client"]] == [server.client.id]
    assert {each["kind"] for each in found["activity"]} >= {"conversation"}


async def test_one_clients_dashboard_tells_of_no_other(server: Server, operator: Operator) -> None:
    other = await server.add_client(name="Other")
    await server.say("Hello?", client=other)
    await brought_up_to_date(server, other.id)
    own = await operator.get(f"/admin/clients/{server.client.id}/dashboard")
    assert own["total"] == NOTHING
    assert own["clients"] == {"total": 1, "active": 1}
    assert (own["outcomes"], own["models"], own["by_client"], own["tools"]) == ({}, [], [], [])
    assert other.id not in str(own)


async def test_who_is_bound_to_clients_sees_what_those_do(server: Server, operator: Operator) -> None:
    other = await server.add_client(name="Other")
    await server.say("Hello?")
    await server.say("Hello?", client=other)
    for client_id in (server.client.id, other.id):
        await brought_up_to_date(server, client_id)
    bound = await sign_in(server, email="ben@example.com", role="viewer", client_ids=[other.id])
    seen = await bound.get("/admin/dashboard")
    assert (seen["clients"]["total"], seen["total"]["messages"]) == (1, 1)
    assert server.client.id not in str(seen)
    assert (await operator.get("/admin/dashboard"))["total"]["messages"] == 2


async def test_unknown_client_has_no_dashboard(server: Server, operator: Operator) -> None:
    answer = await operator.ask("GET", f"/admin/clients/{new_id()}/dashboard")
    assert answer.status_code == 404


async def test_today_is_measured_against_yesterday_at_this_hour(server: Server, operator: Operator) -> None:
    now = server.services.clock.now().astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(1, 8):
        # Wholly in the time that has passed, unless it is the first second of the day; and after it.
        await add_hour(server, midnight - timedelta(days=days), messages=70)
        await add_hour(server, midnight - timedelta(days=days - 1) - timedelta(hours=1), messages=9_000)
    today = (await operator.get("/admin/dashboard"))["today"]
    passed = min(1.0, (now - midnight) / timedelta(hours=1))
    late = max(0.0, (now - midnight - timedelta(hours=23)) / timedelta(hours=1)) * 9_000
    assert today["yesterday"]["messages"] == pytest.approx(70 * passed + late, abs=30)
    assert today["week_mean"]["messages"] == pytest.approx(70 * passed + late, abs=30)


async def test_tools_are_told_with_their_success_and_times(server: Server, operator: Operator) -> None:
    await server.say("Hello?")
    for status, duration in (("succeeded", 40), ("succeeded", 90), ("failed", 3_000), ("refused", None)):
        await add_call(server, status, duration)
    await brought_up_to_date(server)
    (tool,) = (await operator.get("/admin/dashboard"))["tools"]
    assert (tool["name"], tool["calls"], tool["success_rate"]) == ("look_up", 4, 0.6667)
    assert 50 <= tool["p50_ms"] <= 100
    assert 2_500 <= tool["p95_ms"] <= 5_000


async def test_drawing_together_again_changes_nothing(server: Server, operator: Operator) -> None:
    await server.say("Hello?")
    await add_call(server, "succeeded", 40)
    await brought_up_to_date(server)
    before = await operator.get("/admin/dashboard")
    await brought_up_to_date(server)
    after = await operator.get("/admin/dashboard")
    assert {**before, "as_of": None} == {**after, "as_of": None}


async def test_a_limit_that_is_nearly_reached_is_told(server: Server, operator: Operator) -> None:
    await server.say("Hello?")
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Plan).values(limits={"messages": 10, "conversations": 10}))
        await transaction.execute(update(Counter).where(Counter.metric == "messages").values(used=9))
    found = (await operator.get("/admin/dashboard"))["limits"]
    assert [(each["metric"], each["used"], each["limit"], each["part"]) for each in found] == [
        ("messages", 9, 10, 0.9)
    ]


async def test_a_limit_that_was_reached_is_told_once_to_who_sees_the_client(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider(["Hello."], is_endless=True), limits={"messages": 1})
    other = await server.add_client(name="Other")
    operator = await sign_in(server)
    stranger = await sign_in(server, email="eve@example.com", role="viewer", client_ids=[other.id])

    answers = [await server.say("Hello?") for _ in range(3)]
    await server.services.once.aclose()

    assert [answer.status_code for answer in answers] == [200, 429, 429]
    own = f"/admin/clients/{server.client.id}/dashboard"
    for path in ("/admin/dashboard", own):
        (told,) = await told_of(operator, path, "limit")
        assert (told["client_id"], told["title"]) == (server.client.id, "messages")
    assert await told_of(stranger, "/admin/dashboard", "limit") == []


async def test_a_plugin_that_a_server_started_without_is_told_to_who_sees_the_installation(
    make_server: ServerFactory,
) -> None:
    registry = PluginRegistry()
    registry.quarantined["broken"] = Quarantined("broken", "broken", "1.0", "it raised ImportError", "mend")
    server = await make_server(ScriptedProvider(["Hello."], is_endless=True), registry=registry)
    await server.services.start()

    (told,) = await told_of(await sign_in(server), "/admin/dashboard", "plugin")
    assert (told["title"], told["object"], told["client_id"]) == ("broken", "plugin:broken", None)
    bound = await sign_in(server, email="eve@example.com", role="viewer", client_ids=[server.client.id])
    assert await told_of(bound, "/admin/dashboard", "plugin") == []


async def test_a_plugin_that_fails_while_a_server_runs_is_told_once_a_day(make_server: ServerFactory) -> None:
    clock = HandClock()
    server = await make_server(ScriptedProvider(["Hello."], is_endless=True), clock=clock, plugin_failures=1)
    health = server.services.registry.health

    noon = clock.time.replace(hour=12)
    for days in range(2):
        for hours, part in enumerate(("hook reply_sent", "tool look_up", "hook reply_sent")):
            clock.time = noon + timedelta(days=days, hours=hours)
            health.failed("shop", part, server.client.id, "it raised ValueError")
            health.answered("shop", part, server.client.id)
    await server.services.once.aclose()

    told = await told_of(await sign_in(server), "/admin/dashboard", "degraded")
    assert [(each["title"], each["object"], each["client_id"]) for each in told] == [
        ("shop", "plugin:shop", None)
    ] * 2
    assert {each["at"][:10] for each in told} == {
        f"{noon + timedelta(days=days):%Y-%m-%d}" for days in range(2)
    }


async def told_of(operator: Operator, path: str, kind: str) -> list[Any]:
    return [each for each in (await operator.get(path))["activity"] if each["kind"] == kind]


async def test_days_before_the_time_looked_at_count_for_the_total_alone(
    server: Server, operator: Operator
) -> None:
    today = server.services.clock.now().astimezone(UTC).date()
    other = await server.add_client(name="Other")
    for client_id in (server.client.id, other.id):
        for ago, messages in ((7, 1_000), (6, 100), (1, 10)):
            await add_day(server, client_id, today - timedelta(days=ago), messages=messages)
    found = await operator.get("/admin/dashboard", days="7")
    assert found["total"]["messages"] == 2_220
    assert [day["messages"] for day in found["series"]] == [200, 0, 0, 0, 0, 20, 0]
    assert found["savings"]["response_cache_answers"] == 220
    own = await operator.get(f"/admin/clients/{other.id}/dashboard", days="7")
    assert (own["total"]["messages"], own["savings"]["response_cache_answers"]) == (1_110, 110)


async def test_the_dearest_models_and_clients_come_first(server: Server, operator: Operator) -> None:
    today = server.services.clock.now().astimezone(UTC).date()
    others = [await server.add_client(name=f"Other {number}") for number in range(11)]
    for number, client in enumerate(others):
        await add_calls(server, client.id, today, "dear", cost_micros=1_000_000 * number)
        await add_calls(server, client.id, today - timedelta(days=1), "cheap", cost_micros=number)
        await add_calls(server, client.id, today - timedelta(days=7), "old", cost_micros=9_000_000)
    found = await operator.get("/admin/dashboard", days="7")
    assert [(each["model"], each["calls"], each["cost"]) for each in found["models"]] == [
        ("dear", 11, "55.000000"),
        ("cheap", 11, "0.000055"),
    ]
    assert [(each["name"], each["calls"], each["cost"]) for each in found["by_client"]] == [
        (f"Other {number}", 2, f"{number}.{number:06}") for number in range(10, 0, -1)
    ]


async def test_the_newest_of_every_kind_is_told_once(make_server: ServerFactory) -> None:
    clock = HandClock()
    server = await make_server(ScriptedProvider(["Hello."], is_endless=True), clock=clock)
    operator = await sign_in(server)
    for _ in range(25):
        clock.time += timedelta(seconds=10)
        await server.say("Hello?")
    found = (await operator.get("/admin/dashboard"))["activity"]
    conversations = sorted(await server.rows(Conversation), key=lambda each: each.started_at, reverse=True)
    assert [each["object"] for each in found] == [f"conversation:{each.id}" for each in conversations[:20]]
    assert {(each["client_id"], each["title"], each["actor"]) for each in found} == {
        (server.client.id, "api", "")
    }


async def test_a_dashboard_takes_few_statements(server: Server, operator: Operator) -> None:
    with statements(server) as found:
        await operator.get("/admin/dashboard", days="30")
    roll_ups = ("api_usage", "usage_hours", "outcome_days", "model_days", "tool_days")
    asked = [each for each in found if any(table in each for table in roll_ups)]
    assert [sum(table in each for each in asked) for table in roll_ups] == [1] * len(roll_ups)
    assert len([each for each in found if "audit_log" in each or "conversations" in each]) == 1


async def test_no_statement_counts_what_visitors_wrote(server: Server, operator: Operator) -> None:
    with statements(server) as found:
        for path in ("/admin/dashboard", f"/admin/clients/{server.client.id}/dashboard"):
            await operator.get(path, days="90")
    assert found
    for table in ("messages", "turns", "tool_executions", "ledger"):
        assert not [each for each in found if f"FROM {table}" in each or f"JOIN {table}" in each]


def test_percentiles_of_counts() -> None:
    counts = [0] * (len(BOUNDS_MS) + 1)
    assert percentile_ms(counts, 50) is None
    counts[0] = 10
    assert percentile_ms(counts, 50) == 25
    counts[2] = 10
    assert percentile_ms(counts, 50) == 50
    assert percentile_ms(counts, 75) == 175
    counts[-1] = 980
    assert 30_000 < (percentile_ms(counts, 95) or 0) <= 120_000


async def add_hour(server: Server, hour: datetime, *, messages: int) -> None:
    await server.insert(
        UsageHour,
        client_id=server.client.id,
        hour=hour,
        conversation_count=0,
        message_count=messages,
        tool_calls_count=0,
        tokens_input=0,
        tokens_output=0,
        cost_micros=0,
    )


async def add_day(server: Server, client_id: str, day: date, *, messages: int) -> None:
    await server.insert(
        ApiUsage,
        client_id=client_id,
        date=day,
        conversation_count=0,
        message_count=messages,
        tokens_input=0,
        tokens_output=0,
        tool_calls_count=0,
        cost_micros=0,
        response_cache_count=messages,
    )


async def add_calls(server: Server, client_id: str, day: date, model: str, *, cost_micros: int) -> None:
    await server.insert(
        ModelDay,
        client_id=client_id,
        date=day,
        provider="scripted",
        model=model,
        calls=1,
        tokens_input=0,
        tokens_output=0,
        cost_micros=cost_micros,
    )


async def add_call(server: Server, status: str, duration_ms: int | None) -> None:
    (turn,) = await server.rows(Turn)
    await server.insert(
        ToolExecution,
        client_id=server.client.id,
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        call_id=new_id(),
        tool_name="look_up",
        parameters={},
        status=status,
        execution_time_ms=duration_ms,
        timestamp=server.services.clock.now(),
    )
