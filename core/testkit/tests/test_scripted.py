"""The scripted provider says what is written, in order, and remembers what it was asked."""

import asyncio
from collections.abc import Callable

import pytest
from csai_sdk import (
    ModelReply,
    ModelRequest,
    PluginContext,
    ProviderRateLimited,
    ToolCall,
    Usage,
    UserMessage,
)
from csai_testkit.scripted import NO_USAGE, Reasoning, ScriptedProvider, Stop

MakeContext = Callable[..., PluginContext]
CALL = ToolCall("c1", "get_order_status", {"order_id": "ORD-1001"})


def asking(text: str) -> ModelRequest:
    return ModelRequest(model="m", system="", messages=[UserMessage(text)])


async def test_chunks_calls_and_usage_come_as_written(plugin_context: MakeContext) -> None:
    usage = Usage(tokens_input=7, tokens_output=3)
    provider = ScriptedProvider(["One ", CALL, "two", usage, Reasoning({"type": "thinking"})], [NO_USAGE])
    heard = [part async for part in provider.stream(asking("hi"), plugin_context())]
    assert heard == [
        "One ",
        "two",
        ModelReply("One two", "tool_calls", usage, "m", (CALL,), ({"type": "thinking"},)),
    ]
    assert [part async for part in provider.stream(asking("hi"), plugin_context())] == [
        ModelReply("", "end", None, "m")
    ]
    assert [request.messages for request in provider.requests] == [[UserMessage("hi")]] * 2


async def test_script_may_depend_on_the_request(plugin_context: MakeContext) -> None:
    provider = ScriptedProvider(lambda request: [f"You said {request.messages[0]}", Stop("max_tokens")])
    *_, reply = [part async for part in provider.stream(asking("hi"), plugin_context())]
    assert isinstance(reply, ModelReply)
    assert reply.stop_reason == "max_tokens"
    assert "hi" in reply.text


async def test_error_comes_after_the_text_before_it(plugin_context: MakeContext) -> None:
    provider = ScriptedProvider(["half an ans", ProviderRateLimited("slow down")])
    stream = aiter(provider.stream(asking("hi"), plugin_context()))
    assert await anext(stream) == "half an ans"
    with pytest.raises(ProviderRateLimited):
        await anext(stream)


async def test_call_beyond_the_script_is_a_defect_of_the_test(plugin_context: MakeContext) -> None:
    provider = ScriptedProvider()
    with pytest.raises(AssertionError, match="no reply is written for call 1"):
        await anext(aiter(provider.stream(asking("hi"), plugin_context())))


async def test_endless_provider_repeats_its_last_script(plugin_context: MakeContext) -> None:
    provider = ScriptedProvider(["first"], ["again"], is_endless=True)
    texts = []
    for _ in range(3):
        *_, reply = [part async for part in provider.stream(asking("hi"), plugin_context())]
        assert isinstance(reply, ModelReply)
        texts.append(reply.text)
    assert texts == ["first", "again", "again"]


async def test_reply_waits_for_its_event_and_can_be_stopped(plugin_context: MakeContext) -> None:
    gate = asyncio.Event()
    provider = ScriptedProvider(["before ", gate, "after"], ["before ", asyncio.Event(), "never"])
    context = plugin_context()

    async def listen() -> list[str | ModelReply]:
        return [part async for part in provider.stream(asking("hi"), context)]

    listener = asyncio.create_task(listen())
    await provider.called()
    assert not listener.done()
    gate.set()
    assert (await listener)[:2] == ["before ", "after"]

    listener = asyncio.create_task(listen())
    await provider.called(2)
    listener.cancel()
    await asyncio.wait([listener])
    assert provider.closed_early == 1
