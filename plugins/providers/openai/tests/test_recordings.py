"""What OpenAI and servers like it have really said, replayed: we must hear what OpenAI's own SDK hears."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from csai_provider_openai import OpenAIProvider, OpenAISettings
from csai_sdk import (
    ModelReply,
    ModelRequest,
    PluginContext,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRequestError,
    UserMessage,
)
from csai_testkit.replay import Exchange, ReplayServer, load_cassette
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]

CASSETTES = Path(__file__).parents[4].parent / "shared/vectors/llm_cassettes"
NO_CASSETTES = pytest.mark.skip(reason=f"the recordings are not on this machine: {CASSETTES}")
STOP_REASONS = {
    "stop": "end",
    "tool_calls": "tool_calls",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def recordings(*, is_stream: bool | None = None, status: int = 200) -> list[Any]:
    found = [
        pytest.param(exchange, id=f"{path.stem}-{number}")
        for path in sorted(CASSETTES.glob("*.yaml"))
        for number, exchange in enumerate(load_cassette(path))
        if exchange.path.endswith("/chat/completions")
        and exchange.status == status
        and "invalid_response" not in path.name
        and is_stream in (None, exchange.is_stream)
    ]
    return found or [pytest.param(None, marks=NO_CASSETTES)]


async def heard_by_us(server: ReplayServer, make_context: MakeContext) -> tuple[str, ModelReply]:
    context = make_context(OpenAISettings(base_url=server.url))
    request = ModelRequest(model="asked", system="Be kind.", messages=[UserMessage("hi")])
    *chunks, reply = [part async for part in OpenAIProvider().stream(request, context)]
    assert isinstance(reply, ModelReply)
    return "".join(str(chunk) for chunk in chunks), reply


async def heard_by_vendor(server: ReplayServer, *, is_stream: bool) -> ChatCompletion:
    async with openai.AsyncOpenAI(api_key="k", base_url=server.url, max_retries=0) as client:
        if not is_stream:
            return await client.chat.completions.create(model="asked", messages=[])
        state: ChatCompletionStreamState[Any] = ChatCompletionStreamState()
        async for chunk in await client.chat.completions.create(model="asked", messages=[], stream=True):
            state.handle_chunk(chunk)
        return state.current_completion_snapshot


def assert_same(reply: ModelReply, completion: ChatCompletion) -> None:
    choice = completion.choices[0]
    assert reply.text == (choice.message.content or "")
    assert reply.model == completion.model
    assert reply.stop_reason == STOP_REASONS[choice.finish_reason]
    theirs = [call for call in choice.message.tool_calls or [] if call.type == "function"]
    assert [(call.name, call.raw_arguments) for call in reply.tool_calls] == [
        (call.function.name, call.function.arguments) for call in theirs
    ]
    assert all(call.arguments is not None for call in reply.tool_calls)
    assert [call.id for call in reply.tool_calls] == [
        call.id or ours.id for call, ours in zip(theirs, reply.tool_calls, strict=True)
    ]
    assert all(call.id for call in reply.tool_calls)
    if completion.usage is None:
        assert reply.usage is None
    else:
        assert reply.usage is not None
        details = completion.usage.prompt_tokens_details
        assert reply.usage.tokens_input == completion.usage.prompt_tokens
        assert reply.usage.tokens_output == completion.usage.completion_tokens
        assert reply.usage.tokens_cache_read == ((details and details.cached_tokens) or 0)


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
    assert without_ids(reply) == without_ids(whole)


def without_ids(reply: ModelReply) -> ModelReply:
    """Ids that we make up differ from reply to reply."""
    return replace(reply, tool_calls=tuple(replace(call, id="") for call in reply.tool_calls))


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
            assert without_ids(reply) == without_ids(whole)
    assert cuts >= len(exchange.event_ends()) - 2


@pytest.mark.parametrize("exchange", recordings(status=429))
async def test_recorded_rate_limit_is_one(
    exchange: Exchange, replay: Replay, plugin_context: MakeContext
) -> None:
    with pytest.raises(ProviderRateLimited) as caught:
        await heard_by_us(await replay([exchange]), plugin_context)
    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert "openrouter" not in str(caught.value)


@pytest.mark.parametrize("exchange", recordings(status=400))
async def test_recorded_refusal_is_a_request_error(
    exchange: Exchange, replay: Replay, plugin_context: MakeContext
) -> None:
    with pytest.raises(ProviderRequestError, match="tool_use_failed") as caught:
        await heard_by_us(await replay([exchange]), plugin_context)
    assert (caught.value.status, caught.value.retryable) == (400, False)


@pytest.mark.skipif(not CASSETTES.is_dir(), reason=f"the recordings are not on this machine: {CASSETTES}")
async def test_recorded_answer_that_is_no_completion(replay: Replay, plugin_context: MakeContext) -> None:
    exchanges = load_cassette(CASSETTES / "pydantic-ai__test_invalid_response.yaml")
    with pytest.raises(ProviderProtocolError, match="no chat completion"):
        await heard_by_us(await replay(exchanges), plugin_context)
