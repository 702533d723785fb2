"""A visitor asks and the AI answers: the ordinary turn, and repeats of it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from csai.models import Conversation, LedgerEntry, Message, Turn
from csai_sdk import (
    AssistantMessage,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory
from tests.support.tools import Bookings, look_up


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
    assert await server.counters() == {"conversations": (1, 0), "messages": (1, 0), "tokens": (127, 0)}


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
