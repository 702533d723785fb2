"""A conversation that took place becomes a case that can be run again."""

from __future__ import annotations

import pytest
from csai.evals.record import as_suite, recorded_case
from csai.evals.repository import Source
from csai.evals.suite import parse_suite
from csai.kit.problem import Problem
from csai_sdk import ToolCall, ToolError, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import ServerFactory
from tests.support.tools import look_up


@tool(read_only=True)
def closed() -> str:
    """Fails."""
    raise ToolError("The shop is closed.")


async def test_what_was_said_and_answered_is_in_it(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(
        [ToolCall("a", "look_up", {"order_id": "ORD-1"}), ToolCall("b", "closed", {})],
        ["Shipped."],
        ["You are welcome."],
    )
    server = await make_server(provider, tools=[look_up, closed])
    answer = (await server.say("Where is ORD-1? שלום")).json()
    await server.say("Thanks", answer)

    async with server.services.database.read() as connection:
        source = Source(connection, server.client.id)
        case = await recorded_case(source, answer["session_id"], name="kept")
    suite = parse_suite(as_suite(case))

    (kept,) = suite.cases
    assert [step.say for step in kept.steps] == ["Where is ORD-1? שלום", "Thanks"]
    assert [step.expect.tools for step in kept.steps] == [["look_up", "closed"], []]
    (mock,) = kept.tools["look_up"]
    assert (mock.when, mock.answer) == ({"order_id": "ORD-1"}, {"order_id": "ORD-1", "status": "shipped"})
    assert kept.tools["closed"][0].error == "The shop is closed."


async def test_another_client_s_conversation_is_not_found(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello."]))
    answer = (await server.say("Hi")).json()
    other = await server.add_client()

    async with server.services.database.read() as connection:
        with pytest.raises(Problem) as refused:
            await recorded_case(Source(connection, other.id), answer["session_id"], name="x")
    assert refused.value.status == 404
