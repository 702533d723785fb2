"""The AI acts: tool calls that fit, that do not, and that fail."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from uuid import uuid4

import jwt
import pytest
from csai.clients.repository import ClientRepository
from csai.conversations.visitor import visitor_hash
from csai.models import Client, LedgerEntry, ToolExecution
from csai_sdk import (
    AssistantMessage,
    ModelRequest,
    ToolCall,
    ToolError,
    ToolMessage,
    tool,
)
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.server import Server, ServerFactory
from tests.support.tools import Bookings, look_up

IDENTITY = "identity-secret-of-at-least-32-bytes"


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


async def test_a_tool_is_run_and_its_result_answers(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(
        ["One moment. ", ToolCall("c1", "look_up", {"order_id": "ORD-1"})], ["It has shipped."]
    )
    server = await make_server(provider, tools=[look_up])

    answer = (await server.say("Where is ORD-1?")).json()

    assert answer["message"]["content"] == "One moment. \n\nIt has shipped."
    (call,) = answer["tool_calls"]
    assert (call["name"], call["arguments"], call["success"]) == ("look_up", {"order_id": "ORD-1"}, True)
    second = provider.requests[1].messages
    assert isinstance(second[-2], AssistantMessage)
    assert second[-1] == ToolMessage(second[-1].results)  # type: ignore[union-attr]
    assert second[-1].results[0].call_id == "c1"
    assert '"shipped"' in second[-1].results[0].content
    (row,) = await server.rows(ToolExecution)
    assert (row["status"], row["success"], row["parameters"]) == ("succeeded", True, {"order_id": "ORD-1"})
    assert len(await server.rows(LedgerEntry)) == 2


async def test_parallel_calls_run_together_and_are_answered_in_their_order(
    make_server: ServerFactory,
) -> None:
    both_run = asyncio.Barrier(2)

    @tool(read_only=True)
    async def meet(who: str) -> str:
        """Waits for the other call."""
        await asyncio.wait_for(both_run.wait(), 5)
        return f"met {who}"

    provider = ScriptedProvider(
        [ToolCall("a", "meet", {"who": "A"}), ToolCall("b", "meet", {"who": "B"})], ["Done."]
    )
    server = await make_server(provider, tools=[meet])

    await server.say("Meet")

    results = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert [(result.call_id, result.content) for result in results] == [("a", "met A"), ("b", "met B")]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (ToolCall("c", "look_up", None, raw_arguments="{order"), "no JSON object"),
        (ToolCall("c", "look_up", {}), "do not fit"),
        (ToolCall("c", "look_up", {"order_id": 7}), "do not fit"),
        (ToolCall("c", "drop_tables", {}), "no tool named 'drop_tables'"),
        (ToolCall("c\x00", "look\x00up", {}), "no tool named"),
        (ToolCall("c", "look_up", {"order_id": "a\x00b"}), "no JSON object"),
        (ToolCall("c", "look_up", {"order_id": "\ud800"}), "no JSON object"),
        (ToolCall("c", "look_up", {"order_id": float("nan")}), "no JSON object"),
        (ToolCall("c", "look_up", {"order_id": "x" * 40_000}), "no JSON object"),
        (ToolCall("c", "look_up", {"order_id": nested(5_000)}), "no JSON object"),
    ],
    ids=[
        *("malformed", "missing", "wrong type", "unknown tool", "NUL in name", "NUL", "half surrogate"),
        *("NaN", "huge", "deep"),
    ],
)
async def test_a_faulty_call_is_explained_to_the_model_and_not_run(
    make_server: ServerFactory, call: ToolCall, complaint: str
) -> None:
    provider = ScriptedProvider([call], ["Sorry, which order?"])
    server = await make_server(provider, tools=[look_up])

    answer = (await server.say("Where is it?")).json()

    assert answer["status"] == "completed"
    (result,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert result.is_error
    assert complaint in result.content
    assert [row["status"] for row in await server.rows(ToolExecution)] == ["refused"]


async def test_text_that_no_database_stores_is_mended(make_server: ServerFactory) -> None:
    @tool(read_only=True)
    def shout() -> str:
        """Shouts."""
        return "a\x00b\ud800"

    provider = ScriptedProvider(["x\x00y\ud800", ToolCall("c", "shout", {})], ["z\x00\udfff"])
    server = await make_server(provider, tools=[shout])

    answer = (await server.say("?")).json()

    assert answer["status"] == "completed"
    assert answer["message"]["content"] == "x\ufffdy?\n\nz\ufffd?"
    assert (await server.say("again", answer)).json()[
        "status"
    ] == "failed"  # no script is left, all is stored


async def test_an_endless_tool_loop_ends_in_a_closing_answer(make_server: ServerFactory) -> None:
    def stubborn(request: ModelRequest) -> list[Any]:
        if request.tool_choice == "none":
            return ["That is all I know."]
        return [ToolCall(f"c{len(request.messages)}", "look_up", {"order_id": "ORD-1"})]

    provider = ScriptedProvider(stubborn, is_endless=True)
    server = await make_server(provider, tools=[look_up])

    answer = (await server.say("Again and again")).json()

    assert answer["status"] == "completed"
    assert answer["message"]["content"] == "That is all I know."
    assert len(answer["tool_calls"]) == 3
    assert [request.tool_choice for request in provider.requests] == ["auto"] * 3 + ["none"]


async def test_calls_in_the_closing_answer_are_not_run(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ToolCall("c", "look_up", {"order_id": "ORD-1"})], is_endless=True)
    server = await make_server(provider, tools=[look_up])

    answer = (await server.say("Again and again")).json()

    assert answer["status"] == "failed"
    assert len(answer["tool_calls"]) == 3
    assert answer["message"]["content"]


async def test_a_failing_tool_is_told_to_the_model(make_server: ServerFactory) -> None:
    bookings = Bookings(ToolError("That slot is taken."))
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Taken, sorry."])
    server = await make_server(provider, tools=[bookings.tool])

    answer = (await server.say("Book ten")).json()

    (result,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert (result.content, result.is_error) == ("That slot is taken.", True)
    assert answer["tool_calls"][0]["success"] is False
    assert [row["status"] for row in await server.rows(ToolExecution)] == ["failed"]


@pytest.mark.parametrize("fault", [ToolError("?", is_outcome_known=False), ZeroDivisionError()])
async def test_a_side_effect_of_unknown_outcome_is_said_to_be_so(
    make_server: ServerFactory, fault: BaseException
) -> None:
    bookings = Bookings(fault)
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["I cannot tell."])
    server = await make_server(provider, tools=[bookings.tool])

    await server.say("Book ten")

    (result,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert "not known" in result.content
    assert bookings.made == ["ten"]
    assert [(r["status"], r["success"]) for r in await server.rows(ToolExecution)] == [("unknown", None)]


@tool(read_only=True, private=True)
def my_account() -> str:
    """The visitor's own."""
    return "gold member"


def wanting(*names: str) -> ScriptedProvider:
    """A model that calls the tools one turn after another."""
    return ScriptedProvider(*(script for name in names for script in ([ToolCall("c", name, {})], ["So."])))


async def identified(make_server: ServerFactory, provider: ScriptedProvider) -> Server:
    """A server with a private tool, whose client has an identity secret."""
    server = await make_server(provider, tools=[my_account])
    token = server.services.keyring.encrypt(IDENTITY, f"client:{server.client.id}/identity")
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Client).values(identity_secret=token))
        await ClientRepository(transaction, server.client.id).bump()
    return server


async def test_a_hash_of_the_host_page_proves_the_visitor(make_server: ServerFactory) -> None:
    server = await identified(make_server, wanting("my_account"))

    answer = await server.say("Me?", user_identifier="dana", user_hash=visitor_hash("dana", IDENTITY).upper())

    (call,) = answer.json()["tool_calls"]
    assert call["success"]


@pytest.mark.parametrize(
    "claim",
    [
        {"user_identifier": "eve", "user_hash": visitor_hash("dana", IDENTITY)},
        {"user_identifier": "dana", "user_hash": visitor_hash("dana", "t" * 40)},
        {"user_identifier": "dana", "user_hash": ""},
        {"user_identifier": "dana", "user_hash": "\u00e9" * 64},
        {"user_hash": visitor_hash("", IDENTITY)},
        {"user_identifier": "", "user_hash": visitor_hash("", IDENTITY)},
    ],
)
async def test_a_hash_that_proves_nothing_is_refused(
    make_server: ServerFactory, claim: dict[str, Any]
) -> None:
    server = await identified(make_server, ScriptedProvider())

    answer = await server.say("Me?", **claim)

    assert (answer.status_code, answer.json()["code"]) == (401, "user_hash_invalid")


async def test_the_hash_of_a_name_is_no_signature_of_a_token(make_server: ServerFactory) -> None:
    """A visitor may choose a name that is the unsigned part of a token, and sees its hash on the page."""
    server = await identified(make_server, ScriptedProvider())
    name = jwt.encode({"sub": "dana", "exp": 4e9}, "x" * 32).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(bytes.fromhex(visitor_hash(name, IDENTITY))).rstrip(b"=").decode()

    answer = await server.say("Me?", user_token=f"{name}.{signature}")

    assert (answer.status_code, answer.json()["code"]) == (401, "user_token_invalid")


async def test_a_private_tool_runs_only_for_a_verified_visitor(make_server: ServerFactory) -> None:
    server = await identified(make_server, wanting("my_account", "my_account"))

    stranger = (await server.say("Me?", user_identifier="dana")).json()
    signed = jwt.encode({"sub": "dana", "exp": 4_000_000_000}, IDENTITY, algorithm="HS256")
    known = (await server.say("Me?", user_token=signed)).json()
    forged = await server.say("Me?", user_token=jwt.encode({"sub": "dana", "exp": 4e9}, "x" * 32))
    unsigned = await server.say("?", user_token=jwt.encode({"sub": "dana", "exp": 4e9}, "", algorithm="none"))

    assert stranger["tool_calls"][0]["success"] is False
    assert known["tool_calls"][0]["success"] is True
    assert {(r.status_code, r.json()["code"]) for r in (forged, unsigned)} == {(401, "user_token_invalid")}


async def test_a_repeat_may_bring_a_renewed_token_but_not_another_person_s(
    make_server: ServerFactory,
) -> None:
    server = await identified(make_server, wanting("my_account"))
    key = str(uuid4())

    def signed(visitor: str, exp: int) -> str:
        return jwt.encode({"sub": visitor, "exp": exp}, IDENTITY, algorithm="HS256")

    first = await server.say("Me?", user_token=signed("dana", 4_000_000_000), key=key)
    again = await server.say("Me?", user_token=signed("dana", 4_000_000_999), key=key)
    other = await server.say("Me?", user_token=signed("eve", 4_000_000_000), key=key)
    nobody = await server.say("Me?", key=key)

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    for refused in (other, nobody):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
