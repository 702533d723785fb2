"""A conversation that took place becomes a case that can be run again."""

from __future__ import annotations

import pytest
from csai.chat.replay import Asked
from csai.chat.schemas import ChatMessage
from csai.clients.access import Access
from csai.evals.record import as_suite, recorded_case
from csai.evals.repository import Source
from csai.evals.suite import parse_suite
from csai.kit.problem import Problem
from csai.models import ToolExecution
from csai_sdk import ToolCall, ToolError, tool
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

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


@pytest.mark.parametrize(("word", "called"), [("approve", ["order"]), ("decline", [])])
async def test_the_visitor_s_word_on_an_action_is_a_word_again(
    make_server: ServerFactory, word: str, called: list[str]
) -> None:
    @tool(confirm=True)
    def order(item: str) -> str:
        """Orders."""
        return f"{item} is ordered"

    wish = ToolCall("a", "order", {"item": "tea"})
    provider = ScriptedProvider([wish], ["Shall I?"], ["All right."])
    server = await make_server(provider, tools=[order])
    answer = (await server.say("Order tea")).json()
    (asked,) = answer["confirmations"]
    body = {"session_id": answer["session_id"], "confirmation_id": asked["id"], "decision": word}
    decided = await server.http.post(
        "/chat/confirm", json=body, headers={"X-API-Key": server.client.secret_key}
    )
    assert decided.status_code == 200

    async with server.services.database.read() as connection:
        source = Source(connection, server.client.id)
        case = await recorded_case(source, answer["session_id"], name="kept")

    first, second = parse_suite(as_suite(case)).cases[0].steps
    assert (first.say, first.decide, first.expect.asks, first.expect.tools) == (
        "Order tea",
        None,
        ["order"],
        [],
    )
    assert (second.say, second.decide, second.expect.tools) == (None, word, called)


async def test_a_call_that_did_not_fit_is_expected_as_it_was_made(make_server: ServerFactory) -> None:
    wrong, right = ToolCall("a", "look_up", {}), ToolCall("b", "look_up", {"order_id": "ORD-1"})
    server = await make_server(ScriptedProvider([wrong], [right], ["Shipped."]), tools=[look_up])
    answer = (await server.say("Where is ORD-1?")).json()

    async with server.services.database.read() as connection:
        source = Source(connection, server.client.id)
        case = await recorded_case(source, answer["session_id"], name="kept")

    (kept,) = parse_suite(as_suite(case)).cases
    assert kept.steps[0].expect.tools == [call["name"] for call in answer["tool_calls"]]
    assert [mock.when for mock in kept.tools["look_up"]] == [{"order_id": "ORD-1"}]


async def test_a_call_of_unknown_end_is_a_failed_one_again(make_server: ServerFactory) -> None:
    call = ToolCall("a", "look_up", {"order_id": "ORD-1"})
    server = await make_server(ScriptedProvider([call], ["Shipped."]), tools=[look_up])
    answer = (await server.say("Where is ORD-1?")).json()
    async with server.services.database.write() as transaction:
        await transaction.execute(update(ToolExecution).values(status="unknown", n8n_response=None))

    async with server.services.database.read() as connection:
        source = Source(connection, server.client.id)
        case = await recorded_case(source, answer["session_id"], name="kept")

    (kept,) = parse_suite(as_suite(case)).cases
    assert kept.steps[0].expect.tools == ["look_up"]
    assert [mock.error for mock in kept.tools["look_up"]] == [""]


async def test_a_verified_visitor_is_one_again(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello."], ["Hello."]))
    view = await server.services.views.get(server.client.id, version=0)
    access = Access(server.client.id, "secret", view)
    turn, _ = await server.services.turns.submit(
        Asked(access, ChatMessage(message="Hi"), None, "ann", "test")
    )
    known = await turn.wait()
    stranger = (await server.say("Hi")).json()

    async with server.services.database.read() as connection:
        source = Source(connection, server.client.id)
        cases = [await recorded_case(source, each["session_id"], name="x") for each in (known, stranger)]

    assert [parse_suite(as_suite(case)).cases[0].visitor for case in cases] == ["ann", None]


async def test_another_client_s_conversation_is_not_found(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello."]))
    answer = (await server.say("Hi")).json()
    other = await server.add_client()

    async with server.services.database.read() as connection:
        with pytest.raises(Problem) as refused:
            await recorded_case(Source(connection, other.id), answer["session_id"], name="x")
    assert refused.value.status == 404
