"""One conversation as the operator reads it: what was said, done, spent and waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.models import Conversation, LedgerEntry, Tool
from csai_sdk import ModelRequest, PluginContext, ToolCall, Usage, tool
from csai_testkit.scripted import ScriptedProvider, Step
from sqlalchemy import update

from tests.support.operator import Operator
from tests.support.server import Server, ServerFactory

LIST = "/admin/conversations"


@tool(read_only=True)
async def stock(ctx: PluginContext, product: str) -> dict[str, Any]:
    """How many there are."""
    await asyncio.sleep(0)
    return {"pieces": 7}


@tool(read_only=True)
async def broken(ctx: PluginContext) -> dict[str, Any]:
    """Fails."""
    raise ValueError("no")


def play(request: ModelRequest) -> list[Step]:
    if hasattr(request.messages[-1], "results"):
        return ["There are seven.", Usage(20, 5)]
    return [
        ToolCall("c1", "stock", {"product": "kettle"}),
        ToolCall("c2", "broken", {}),
        Usage(10, 3),
    ]


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(play, is_endless=True), tools=[stock, broken])


async def begun(server: Server, **body: Any) -> tuple[dict[str, Any], str]:
    answer = (await server.say("How many kettles?", **body)).json()
    (row,) = await server.rows(Conversation, session_id=answer["session_id"])
    return answer, row["id"]


async def test_a_turn_is_told_with_its_rounds_its_tool_calls_and_their_times(
    server: Server, operator: Operator
) -> None:
    answer, conversation = await begun(server)

    detail = await operator.get(f"{LIST}/{conversation}")

    assert [(each["author"], each["content"]) for each in detail["messages"]] == [
        ("visitor", "How many kettles?"),
        ("ai", "There are seven."),
    ]
    (turn,) = detail["turns"]
    assert {each["turn_id"] for each in detail["messages"]} == {turn["id"]} == {answer["turn_id"]}
    assert (turn["status"], len(turn["rounds"])) == ("completed", 2)
    assert [(each["tokens_input"], each["tokens_output"]) for each in turn["rounds"]] == [(10, 3), (20, 5)]
    for each in turn["rounds"]:
        assert 0 <= each["start_ms"] <= turn["duration_ms"]
        assert each["duration_ms"] >= 0
    assert turn["rounds"][0]["first_text_ms"] is None, "it said nothing"
    assert turn["rounds"][1]["start_ms"] <= turn["first_text_ms"] == turn["rounds"][1]["first_text_ms"]
    calls = {each["name"]: each for each in turn["tool_calls"]}
    assert (calls["stock"]["status"], calls["stock"]["arguments"]) == ("succeeded", {"product": "kettle"})
    assert "7" in calls["stock"]["response"]
    assert calls["broken"]["status"] == "failed"
    item = detail["conversation"]
    assert (item["tool_calls"], item["failed_tool_calls"], item["tokens"]) == (2, 1, 38)
    listed = await operator.get(LIST, failed_tool="true")
    assert [each["id"] for each in listed["conversations"]] == [conversation]


async def test_what_a_private_tool_took_and_gave_is_not_shown(server: Server, operator: Operator) -> None:
    _answer, conversation = await begun(server)
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Tool).where(Tool.tool_name == "stock").values(private=True))
        await transaction.execute(update(Tool).where(Tool.tool_name == "broken").values(tool_name="other"))

    detail = await operator.get(f"{LIST}/{conversation}")

    for call in detail["turns"][0]["tool_calls"]:
        assert (call["arguments"], call["response"], call["is_redacted"]) == (None, None, True), call["name"]


async def test_feedback_stands_with_the_conversation_and_its_list(server: Server, operator: Operator) -> None:
    answer, conversation = await begun(server)

    async def give(**body: Any) -> None:
        given = await server.http.post(
            "/api/feedback",
            json={"session_id": answer["session_id"], **body},
            headers={"X-API-Key": server.client.secret_key},
        )
        assert given.status_code == 200, given.text

    await give(message_id=answer["message"]["id"], thumb="down", comment="Wrong.")
    await give(rating=2)
    assert [each["id"] for each in (await operator.get(LIST, thumbs_down="true", rating=2))["conversations"]]
    detail = await operator.get(f"{LIST}/{conversation}")
    assert [(each["message_id"], each["value"], each["comment"]) for each in detail["feedback"]] == [
        (answer["message"]["id"], -1, "Wrong."),
        (None, 2, ""),
    ]

    await give(message_id=answer["message"]["id"], thumb="up")

    assert (await operator.get(LIST, thumbs_down="true"))["conversations"] == []


async def test_neighbours_are_those_of_the_list_with_the_same_filter(
    server: Server, operator: Operator
) -> None:
    found = [(await begun(server, user_identifier="ada" if n != 1 else "eve"))[1] for n in range(3)]

    middle = await operator.get(f"{LIST}/{found[1]}")
    last = await operator.get(f"{LIST}/{found[2]}", visitor="ada", q="kettles")
    first = await operator.get(f"{LIST}/{found[0]}", visitor="ada")

    assert (middle["previous"], middle["next"]) == (found[2], found[0])
    assert (last["previous"], last["next"]) == (None, found[0])
    assert (first["previous"], first["next"]) == (found[2], None)


async def test_what_is_not_there_is_not_found_alike(server: Server, operator: Operator) -> None:
    other = await server.add_client(name="Other")
    _answer, conversation = await begun(server)

    answers = [
        await operator.ask("GET", f"{LIST}/{each}", params={"client_id": other.id})
        for each in (conversation, new_id(), "nonsense")
    ]

    assert {each.status_code for each in answers} == {404}
    assert len({each.json()["detail"] for each in answers}) == 1


async def test_a_turn_whose_calls_nobody_measured_is_told_all_the_same(
    server: Server, operator: Operator
) -> None:
    _answer, conversation = await begun(server)
    async with server.services.database.write() as transaction:
        await transaction.execute(update(LedgerEntry).values(duration_ms=None, first_text_ms=None))

    (turn,) = (await operator.get(f"{LIST}/{conversation}"))["turns"]

    assert {each["start_ms"] for each in turn["rounds"]} == {None}
    assert turn["first_text_ms"] is None
