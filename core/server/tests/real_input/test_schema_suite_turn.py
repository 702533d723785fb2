"""The JSON Schema Test Suite, where it counts: a tool runs only with what its schema calls valid."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any

import pytest
from csai.chat.stream import TurnStream
from csai.clients.repository import ClientRepository, ClientRow
from csai.database import Database
from csai.models import ToolExecution
from csai.plugins.event import EventHooks
from csai.plugins.view import ClientView, EnabledTool
from csai.tools.call import sound
from csai.tools.repository import Catalog, ToolRepository
from csai.tools.runner import ToolRunner, ToolTurn
from csai.tools.schema import InvalidSchema, check_tool_schema
from csai_sdk import PluginContext, ToolBackend, ToolCall, ToolInvocation, ToolOutput, ToolSpec
from csai_sdk.event import TurnRef
from csai_testkit.context import FakeClock, make_context
from csai_testkit.scripted import ScriptedProvider

from tests.support.schema_suite import Case, cases, expected
from tests.support.server import Server, ServerFactory

CALLS_PER_ROUND = 16
SAMPLE = 3 * CALLS_PER_ROUND
RUNNER = ToolRunner(Database("sqlite+aiosqlite://", pool_size=1), FakeClock(), confirmation_s=600)
"""Its database is not asked, since nothing here is limited or has a side effect."""


class Recorder(ToolBackend):
    """Keeps what it is to run."""

    id = "recorder"

    def __init__(self) -> None:
        self.ran: list[tuple[str, Any]] = []

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        self.ran.append((call.tool.name, call.arguments))
        return ToolOutput("done")


@pytest.fixture(scope="module")
def suite() -> list[Case]:
    """The cases that could be a call: their instance is an object."""
    return [case for case in cases() if isinstance(case.instance, dict)]


def should_run(case: Case) -> bool:
    # A tool's schema is an object, so `true`, which takes everything, is not taken itself.
    return expected(case) == "valid" and isinstance(case.schema, dict)


async def test_a_tool_runs_if_and_only_if_the_suite_or_the_table_calls_its_arguments_valid(
    suite: list[Case],
) -> None:
    wrong = [
        f"{case}: ran" if ran else f"{case}: did not run"
        for case in suite
        if (ran := await runs(case)) != should_run(case)
    ]

    assert wrong == []
    assert len(suite) > 800


async def runs(case: Case) -> bool:
    recorder = Recorder()
    try:
        tool = enabled_tool(recorder, case.schema)
    except InvalidSchema:
        return False
    call = sound(ToolCall("call", "tool", case.instance))
    (execution,) = await RUNNER.run(turn_with(tool), [call], 0)
    assert execution.has_run == bool(recorder.ran)
    assert recorder.ran in ([], [("tool", case.instance)])
    return execution.has_run


def enabled_tool(backend: ToolBackend, schema: Any) -> EnabledTool:
    return EnabledTool(
        spec=ToolSpec("tool", "", schema, is_read_only=True),
        backend=backend,
        ctx=make_context(),
        validator=check_tool_schema(schema),
        config={},
        is_idempotent=True,
        is_private=False,
        needs_confirmation=False,
    )


def turn_with(tool: EnabledTool) -> ToolTurn:
    row = ClientRow("client", "Shop", "active", 1, {}, {}, None, "UTC", {}, "", {}, "default")
    view = ClientView(
        client=row,
        version=1,
        origins=frozenset(),
        limits={},
        limit_message="",
        identity_secret=None,
        has_knowledge=False,
        providers=(),
        tools={"tool": tool},
        locales=(),
        hooks=EventHooks({}),
        resources=[],
    )
    return ToolTurn(
        ref=TurnRef("client", "conversation", "turn"),
        view=view,
        stream=TurnStream("turn"),
        period="2026-01",
        visitor_id=None,
        reserved={},
        executions=[],
        note={},
        remaining_s=30,
    )


async def test_a_sample_of_the_suite_comes_out_the_same_over_http(
    make_server: ServerFactory, suite: list[Case]
) -> None:
    sample = sample_of(suite)
    calls = [ToolCall(f"c{index}", f"case_{index}", case.instance) for index, case in enumerate(sample)]
    rounds = [calls[start : start + CALLS_PER_ROUND] for start in range(0, len(calls), CALLS_PER_ROUND)]
    recorder = Recorder()
    provider = ScriptedProvider(*rounds, ["Done."])
    server = await make_server(provider, backends=[recorder])
    await give_tools(server, {f"case_{index}": case.schema for index, case in enumerate(sample)})

    answer = (await server.say("Do it all.")).json()

    wanted = [(f"case_{index}", case.instance) for index, case in enumerate(sample) if should_run(case)]
    assert answer["status"] == "completed"
    assert recorder.ran == wanted
    assert len(wanted) == SAMPLE // 2
    results = [result for message in provider.requests[-1].messages[2::2] for result in message.results]  # type: ignore[union-attr]
    assert [result.name for result in results if not result.is_error] == [name for name, _ in wanted]
    rows = {row["tool_name"]: row["success"] for row in await server.rows(ToolExecution)}
    assert rows == {call.name: (call.name, call.arguments) in wanted for call in calls}


def sample_of(suite: Sequence[Case]) -> list[Case]:
    """As many valid as invalid cases, spread over the suite's files, each with a schema of its own."""
    chosen: list[Case] = []
    for is_valid in (True, False):
        fit = [case for case in suite if is_tool_schema(case.schema) and should_run(case) is is_valid]
        single = [next(group) for _, group in groupby(fit, key=lambda case: json.dumps(case.schema))]
        step = len(single) / (SAMPLE // 2)
        chosen += [single[int(index * step)] for index in range(SAMPLE // 2)]
    return chosen


def is_tool_schema(schema: Any) -> bool:
    try:
        check_tool_schema(schema)
    except InvalidSchema:
        return False
    return True


async def test_a_schema_that_points_to_a_server_makes_no_tool_and_opens_no_connection(
    make_server: ServerFactory,
) -> None:
    async with listener() as (url, opened):
        schema = {"type": "object", "properties": {"a": {"$ref": f"{url}/schema.json"}}}
        with pytest.raises(InvalidSchema):
            check_tool_schema(schema)
        recorder = Recorder()
        provider = ScriptedProvider([ToolCall("c", "remote", {"a": 1})], ["I cannot."])
        server = await make_server(provider, backends=[recorder], egress_allow="127.0.0.0/8")
        # As if it had come into the catalog past the check.
        await give_tools(server, {"remote": schema, "plain": {"type": "object"}})

        answer = (await server.say("Do it.")).json()

        assert answer["status"] == "completed"
        assert [spec.name for spec in provider.requests[0].tools] == ["plain"]
        assert recorder.ran == []
        assert opened == []


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[str, list[str]]]:
    opened: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append("connection")
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", opened


async def test_a_hostile_pattern_is_cut_off_and_the_turn_goes_on(make_server: ServerFactory) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}},
    }
    hostile, honest = {"name": "a" * 30_000}, {"name": "anAnna"}
    recorder = Recorder()
    provider = ScriptedProvider(
        [ToolCall("c1", "greet", hostile), ToolCall("c2", "greet", honest)], ["Hello."]
    )
    server = await make_server(provider, backends=[recorder])
    await give_tools(server, {"greet": schema})

    async with asyncio.timeout(10):
        answer = (await server.say("Hi")).json()

    assert answer["message"]["content"] == "Hello."
    assert recorder.ran == [("greet", honest)]
    results = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert [result.is_error for result in results] == [True, False]
    assert "do not fit" in results[0].content


async def give_tools(server: Server, schemas: Mapping[str, Any]) -> None:
    async with server.services.database.write() as transaction:
        for name, schema in schemas.items():
            await Catalog(transaction).add(
                name,
                backend=Recorder.id,
                now=server.services.clock.now(),
                description="",
                parameters_schema=schema,
                read_only=True,
            )
            await ToolRepository(transaction, server.client.id).enable(name)
        await ClientRepository(transaction, server.client.id).bump()
