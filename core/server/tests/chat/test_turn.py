"""A visitor asks, the AI acts and answers: the ordinary turn and its invariants."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from csai.models import Conversation, Counter, LedgerEntry, Message, ToolExecution, Turn
from csai_sdk import (
    AssistantMessage,
    ModelRequest,
    ProviderAuthError,
    ProviderUnavailable,
    ToolCall,
    ToolError,
    ToolMessage,
    Usage,
    UserMessage,
    tool,
)
from csai_testkit.scripted import NO_USAGE, ScriptedProvider

from tests.support.server import Server, ServerFactory, sse_events


@tool(read_only=True)
def look_up(order_id: str) -> dict[str, str]:
    """Looks an order up."""
    return {"order_id": order_id, "status": "shipped"}


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


class Bookings:
    """A tool with a side effect that the test can count."""

    def __init__(self, outcome: BaseException | None = None) -> None:
        self.made: list[str] = []

        @tool(name="book")
        async def book(slot: str) -> dict[str, str]:
            """Books a slot."""
            self.made.append(slot)
            if outcome is not None:
                raise outcome
            return {"booked": slot}

        self.tool = book


async def test_a_question_is_answered_stored_and_metered(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hello ", "there."], usage=Usage(120, 7, tokens_cache_read=100))
    server = await make_server(provider)

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "completed"
    assert answer["message"]["content"] == "Hello there."
    assert answer["usage"] == {"tokens_input": 120, "tokens_output": 7, "cost": 0.0}
    messages = await server.rows(Message)
    assert [(m["role"], m["author"], m["content"]) for m in sorted(messages, key=lambda m: m["seq"])] == [
        ("user", "visitor", "Hi"),
        ("assistant", "ai", "Hello there."),
    ]
    (entry,) = await server.rows(LedgerEntry)
    assert (entry["tokens_input"], entry["tokens_output"], entry["tokens_cache_read"]) == (120, 7, 100)
    assert not entry["is_estimated"]
    (conversation,) = await server.rows(Conversation)
    assert (conversation["message_count"], conversation["tokens_total"]) == (2, 127)
    assert conversation["lease_turn_id"] is None
    assert await _counters(server) == {"conversations": (1, 0), "messages": (1, 0), "tokens": (127, 0)}


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


async def test_the_next_turn_shows_the_model_what_was_said_and_done(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(
        [ToolCall("c1", "look_up", {"order_id": "ORD-1"})], ["It has shipped."], ["You are welcome."]
    )
    server = await make_server(provider, tools=[look_up])
    first = (await server.say("Where is ORD-1?")).json()

    await server.say("Thanks", first)

    said = provider.requests[2].messages
    assert [type(message) for message in said] == [
        UserMessage,
        AssistantMessage,
        ToolMessage,
        AssistantMessage,
        UserMessage,
    ]
    assert said[-1] == UserMessage("Thanks")


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


async def test_a_repeat_gets_the_same_answer_and_costs_nothing(make_server: ServerFactory) -> None:
    bookings = Bookings()
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Booked."])
    server = await make_server(provider, tools=[bookings.tool])
    key = str(uuid4())

    first = await server.say("Book ten", key=key)
    repeat = await server.say("Book ten", key=key)

    assert repeat.json() == first.json()
    assert bookings.made == ["ten"]
    assert len(provider.requests) == 2
    assert len(await server.rows(Message)) == 2


async def test_fifty_repeats_at_once_make_one_turn(make_server: ServerFactory) -> None:
    bookings = Bookings()
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Booked."])
    server = await make_server(provider, tools=[bookings.tool])
    key = str(uuid4())

    answers = await asyncio.gather(*(server.say("Book ten", key=key) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["turn_id"] for answer in answers}) == 1
    assert bookings.made == ["ten"]
    assert len(await server.rows(Turn)) == 1


async def test_a_reused_key_with_another_body_is_refused(echo_server: Server) -> None:
    key = str(uuid4())
    await echo_server.say("Hi", key=key)

    refused = await echo_server.say("Something else", key=key)

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await echo_server.rows(Turn)) == 1


async def test_messages_of_one_conversation_are_answered_one_after_the_other(
    make_server: ServerFactory,
) -> None:
    gate = asyncio.Event()
    provider = ScriptedProvider(["First."], [gate, "Second."], ["Third."])
    server = await make_server(provider)
    begun = (await server.say("one")).json()
    second = asyncio.create_task(server.say("two", begun))
    await provider.called(2)
    third = asyncio.create_task(server.say("three", begun))
    await asyncio.sleep(0)
    gate.set()

    assert (await second).json()["message"]["content"] == "Second."
    assert (await third).json()["message"]["content"] == "Third."
    contents = [m["content"] for m in sorted(await server.rows(Message), key=lambda m: m["seq"])]
    assert contents == ["one", "First.", "two", "Second.", "three", "Third."]


async def test_a_vendor_that_fails_is_replaced_by_the_next_in_the_chain(make_server: ServerFactory) -> None:
    broken = ScriptedProvider([ProviderAuthError("no")], id="broken")
    spare = ScriptedProvider(["Here I am."], id="spare")
    server = await make_server(broken, spare)

    answer = (await server.say("Hi")).json()

    assert answer["message"]["content"] == "Here I am."
    assert spare.requests[0].is_fallback
    assert [entry["provider"] for entry in await server.rows(LedgerEntry)] == ["spare"]


async def test_a_vendor_that_stumbles_once_is_asked_again(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ProviderUnavailable("busy", retry_after_s=0)], ["Now."])
    server = await make_server(provider)

    assert (await server.say("Hi")).json()["message"]["content"] == "Now."


async def test_text_of_an_answer_that_broke_off_is_withdrawn_and_booked(make_server: ServerFactory) -> None:
    broken = ScriptedProvider(["Half an ans", ProviderAuthError("cut")], id="broken")
    spare = ScriptedProvider(["Whole answer."], id="spare")
    server = await make_server(broken, spare)

    response = await server.http.post(
        "/chat/message",
        json={"message": "Hi"},
        headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
    )

    events = sse_events(response.text)
    assert [name for name, _ in events] == [
        "turn.started",
        "text.delta",
        "text.reset",
        "text.delta",
        "turn.completed",
    ]
    assert events[-1][1]["message"]["content"] == "Whole answer."
    booked = {entry["provider"]: entry["is_estimated"] for entry in await server.rows(LedgerEntry)}
    assert booked == {"broken": True, "spare": False}


async def test_when_no_vendor_answers_the_visitor_hears_a_friendly_failure(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider([ProviderAuthError("no")]))

    response = await server.say("Hi")

    assert (response.status_code, response.json()["status"]) == (200, "failed")
    assert "sorry" in response.json()["message"]["content"]
    (turn,) = await server.rows(Turn)
    assert turn["status"] == "failed"
    assert await _counters(server) == {"conversations": (0, 0), "messages": (0, 0)}


async def test_a_provider_that_raises_anything_fails_the_turn_alone(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ZeroDivisionError()], ["Fine again."])
    server = await make_server(provider)

    assert (await server.say("Hi")).json()["status"] == "failed"
    assert (await server.say("Hi")).json()["status"] == "completed"


async def test_a_missing_report_is_booked_as_an_estimate(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Some words.", NO_USAGE]))

    await server.say("Hi")

    (entry,) = await server.rows(LedgerEntry)
    assert entry["is_estimated"]
    assert entry["tokens_output"] > 0


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


async def test_a_private_tool_runs_only_for_a_verified_visitor(make_server: ServerFactory) -> None:
    import jwt

    @tool(read_only=True, private=True)
    def my_orders() -> list[str]:
        """The visitor's orders."""
        return ["ORD-1"]

    provider = ScriptedProvider(
        [ToolCall("c", "my_orders", {})], ["No."], [ToolCall("c", "my_orders", {})], ["ORD-1."]
    )
    server = await make_server(provider, tools=[my_orders])
    secret = "identity-secret-of-at-least-32-bytes"
    token = server.services.keyring.encrypt(secret, f"client:{server.client.id}/identity")
    await _set_identity(server, token)

    stranger = (await server.say("My orders?", user_identifier="dana")).json()
    signed = jwt.encode({"sub": "dana", "exp": 4_000_000_000}, secret, algorithm="HS256")
    known = (await server.say("My orders?", user_token=signed)).json()
    forged = await server.say("My orders?", user_token=jwt.encode({"sub": "dana", "exp": 4e9}, "x" * 32))
    unsigned = await server.say("?", user_token=jwt.encode({"sub": "dana", "exp": 4e9}, "", algorithm="none"))

    assert stranger["tool_calls"][0]["success"] is False
    assert known["tool_calls"][0]["success"] is True
    assert {(r.status_code, r.json()["code"]) for r in (forged, unsigned)} == {(401, "user_token_invalid")}


async def test_a_limit_refuses_before_anything_is_stored(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), limits={"messages": 2})
    for _ in range(2):
        assert (await server.say("Hi")).status_code == 200

    refused = await server.say("Hi")

    assert (refused.status_code, refused.json()["code"]) == (429, "limit_reached")
    assert len(await server.rows(Turn)) == 2


async def test_parallel_requests_never_overshoot_a_limit(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), limits={"messages": 7})

    answers = await asyncio.gather(*(server.say("Hi") for _ in range(30)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [429] * 23
    assert (await _counters(server))["messages"] == (7, 0)


async def test_a_token_limit_blocks_the_turn_with_a_friendly_word(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hi."], is_endless=True)
    server = await make_server(provider, limits={"tokens": 1_000})

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "blocked"
    assert provider.requests == []
    assert (await _counters(server))["messages"] == (0, 0)


async def test_reserved_tokens_are_given_back_once_the_report_is_in(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], usage=Usage(30, 4)), limits={"tokens": 100_000})

    await server.say("Hi")

    assert (await _counters(server))["tokens"] == (34, 0)


async def test_a_turn_that_takes_too_long_ends_as_failed(make_server: ServerFactory) -> None:
    server = await make_server(
        ScriptedProvider([asyncio.Event()]), turn_deadline_s=0.2, first_token_timeout_s=5
    )

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "failed"


async def test_a_silent_vendor_is_given_up_for_the_next(make_server: ServerFactory) -> None:
    silent = ScriptedProvider([asyncio.Event()], is_endless=True, id="silent")
    spare = ScriptedProvider(["Here."], id="spare")
    server = await make_server(silent, spare, first_token_timeout_s=0.05)

    assert (await server.say("Hi")).json()["message"]["content"] == "Here."


async def test_a_conversation_left_by_a_dead_process_is_taken_over(make_server: ServerFactory) -> None:
    from datetime import timedelta

    from sqlalchemy import update

    server = await make_server(ScriptedProvider(["Hi."], is_endless=True))
    begun = (await server.say("one")).json()
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Conversation).values(
                lease_turn_id=begun["turn_id"],
                lease_expires_at=server.services.clock.now() - timedelta(seconds=1),
            )
        )
        await transaction.execute(update(Turn).values(status="running", outcome=None))

    answer = (await server.say("two", begun)).json()

    assert answer["status"] == "completed"
    statuses = {turn["id"]: turn["status"] for turn in await server.rows(Turn)}
    assert statuses[begun["turn_id"]] == "failed"


async def _set_identity(server: Server, token: str) -> None:
    from csai.clients.repository import ClientRepository
    from csai.models import Client
    from sqlalchemy import update

    async with server.services.database.write() as transaction:
        await transaction.execute(update(Client).values(identity_secret=token))
        await ClientRepository(transaction, server.client.id).bump()


async def _counters(server: Server) -> dict[str, tuple[int, int]]:
    return {row["metric"]: (row["used"], row["reserved"]) for row in await server.rows(Counter)}


@pytest.mark.parametrize("usage", [Usage(-5, 3), Usage(10, 2**40), Usage(10, "7")])  # type: ignore[arg-type]
async def test_a_report_that_cannot_be_true_is_booked_as_an_estimate(
    make_server: ServerFactory, usage: Usage
) -> None:
    server = await make_server(ScriptedProvider(["Some words."], usage=usage))

    assert (await server.say("Hi")).json()["status"] == "completed"

    (entry,) = await server.rows(LedgerEntry)
    assert entry["is_estimated"]
    assert entry["tokens_input"] > 0


async def test_a_model_that_never_stops_talking_is_cut_off(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["x" * 10_000] * 100), max_output_tokens=100)

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "failed"
    assert len(answer["message"]["content"]) < 1_000
