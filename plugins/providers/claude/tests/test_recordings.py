"""What Anthropic has really said, replayed: we must hear what Anthropic's own SDK hears."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types import Message
from csai_provider_claude import ClaudeProvider, ClaudeSettings
from csai_sdk import ModelReply, ModelRequest, PluginContext, ProviderProtocolError, UserMessage
from csai_testkit.replay import Exchange, ReplayServer, load_cassette

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]

CASSETTES = Path(__file__).parents[4].parent / "shared/vectors/llm_cassettes"
NO_CASSETTES = pytest.mark.skip(reason=f"the recordings are not on this machine: {CASSETTES}")
STOP_REASONS = {"end_turn": "end", "tool_use": "tool_calls", "max_tokens": "max_tokens"}


def recordings(*, is_stream: bool | None = None) -> list[Any]:
    found = [
        pytest.param(exchange, id=f"{path.stem}-{number}")
        for path in sorted(CASSETTES.glob("*.yaml"))
        for number, exchange in enumerate(load_cassette(path))
        if exchange.path.endswith("/v1/messages") and is_stream in (None, exchange.is_stream)
    ]
    return found or [pytest.param(None, marks=NO_CASSETTES)]


async def heard_by_us(server: ReplayServer, make_context: MakeContext) -> tuple[str, ModelReply]:
    context = make_context(ClaudeSettings(base_url=server.url))
    request = ModelRequest(model="asked", system="Be kind.", messages=[UserMessage("hi")])
    *chunks, reply = [part async for part in ClaudeProvider().stream(request, context)]
    assert isinstance(reply, ModelReply)
    return "".join(str(chunk) for chunk in chunks), reply


async def heard_by_vendor(server: ReplayServer, *, is_stream: bool) -> Message:
    async with anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client:
        if not is_stream:
            return await client.messages.create(model="asked", max_tokens=9, messages=[])
        async with client.messages.stream(model="asked", max_tokens=9, messages=[]) as stream:
            return await stream.get_final_message()


def assert_same(reply: ModelReply, message: Message) -> None:
    assert reply.text == "".join(block.text for block in message.content if block.type == "text")
    assert reply.model == message.model
    assert reply.stop_reason == STOP_REASONS[message.stop_reason or ""]
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
        (block.id, block.name, block.input) for block in message.content if block.type == "tool_use"
    ]
    assert list(reply.reasoning) == [
        block.to_dict() for block in message.content if block.type in ("thinking", "redacted_thinking")
    ]
    assert reply.usage is not None
    cache_read = message.usage.cache_read_input_tokens or 0
    cache_write = message.usage.cache_creation_input_tokens or 0
    assert reply.usage.tokens_input == message.usage.input_tokens + cache_read + cache_write
    assert reply.usage.tokens_output == message.usage.output_tokens
    assert (reply.usage.tokens_cache_read, reply.usage.tokens_cache_write) == (cache_read, cache_write)


@pytest.mark.parametrize("exchange", recordings())
async def test_we_hear_what_the_vendors_sdk_hears(
    exchange: Exchange, replay: Replay, plugin_context: MakeContext
) -> None:
    server = await replay([exchange, exchange])
    text, reply = await heard_by_us(server, plugin_context)
    assert text == reply.text
    assert_same(reply, await heard_by_vendor(server, is_stream=exchange.is_stream))


@pytest.mark.parametrize("split", ["event", "byte"])
@pytest.mark.parametrize("exchange", recordings())
async def test_pieces_of_the_network_change_nothing(
    exchange: Exchange, split: str, replay: Replay, plugin_context: MakeContext
) -> None:
    _, whole = await heard_by_us(await replay([exchange]), plugin_context)
    text, reply = await heard_by_us(await replay([exchange], split=split), plugin_context)
    assert text == reply.text
    assert reply == whole


@pytest.mark.parametrize("is_clean_cut", [True, False])
@pytest.mark.parametrize("exchange", recordings(is_stream=True))
async def test_stream_cut_at_any_event_is_never_a_short_reply(
    exchange: Exchange, is_clean_cut: bool, replay: Replay, plugin_context: MakeContext
) -> None:
    _, whole = await heard_by_us(await replay([exchange]), plugin_context)
    server = await replay([exchange], is_clean_cut=is_clean_cut)
    cuts = 0
    for end in [0, *exchange.event_ends()[:-1]]:
        server.rewind()
        server.cut_after = end
        try:
            _, reply = await heard_by_us(server, plugin_context)
        except ProviderProtocolError:
            cuts += 1
        else:
            assert reply == whole
    assert cuts >= len(exchange.event_ends()) - 1


@pytest.mark.skipif(not CASSETTES.is_dir(), reason=f"the recordings are not on this machine: {CASSETTES}")
def test_recordings_hold_what_they_are_here_for() -> None:
    content = b"".join(param.values[0].content for param in recordings())
    for sign in (b"signature_delta", b"input_json_delta", b"cache_read_input_tokens", b'"tool_use"'):
        assert sign in content
