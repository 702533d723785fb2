"""Ollama's recorded answers, replayed to the provider and to Ollama's own SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ollama
import pytest
from csai_provider_ollama import OllamaProvider, OllamaSettings
from csai_provider_ollama.connection import Connection
from csai_sdk import ModelReply, ModelRequest, ProviderProtocolError, UserMessage
from csai_testkit.context import make_context
from csai_testkit.replay import Exchange, ReplayServer, load_cassette

CASSETTES = Path(__file__).parents[4].parent / "shared/vectors/llm_cassettes"
NAMES = ("test_ollama_chat_legacy", "test_ollama_chat_tool_calls_legacy", "test_ollama_streaming_chat_legacy")

pytestmark = pytest.mark.skipif(
    not CASSETTES.is_dir(), reason=f"the recorded vendor answers are not at {CASSETTES}"
)


def _exchange(name: str) -> Exchange:
    return load_cassette(CASSETTES / f"openllmetry__{name}.yaml")[0]


async def _ask(url: str) -> tuple[list[str], ModelReply]:
    request = ModelRequest(model="llama3", system="", messages=(UserMessage("Tell me a joke"),))
    context = make_context(settings=OllamaSettings(base_url=url), plugin="ollama")
    try:
        *chunks, reply = [part async for part in OllamaProvider().stream(request, context)]
    finally:
        await context.resource("connection", lambda: Connection(context)).aclose()
    assert isinstance(reply, ModelReply)
    assert all(isinstance(chunk, str) and chunk for chunk in chunks)
    return [str(chunk) for chunk in chunks], reply


async def _ask_sdk(url: str) -> dict[str, Any]:
    text, calls, last = "", [], None
    client = ollama.AsyncClient(host=url)
    async for part in await client.chat(
        model="llama3", messages=[{"role": "user", "content": "Tell me a joke"}], stream=True
    ):
        text += part.message.content or ""
        calls += [
            (call.function.name, dict(call.function.arguments)) for call in part.message.tool_calls or ()
        ]
        last = part
    await client.close()  # type: ignore[no-untyped-call]
    assert last is not None
    return {
        "text": text,
        "calls": calls,
        "model": last.model,
        "stop": {"stop": "end", "length": "max_tokens"}[last.done_reason or ""],
        "tokens": (last.prompt_eval_count, last.eval_count),
    }


def _seen(reply: ModelReply) -> dict[str, Any]:
    assert reply.usage is not None
    return {
        "text": reply.text,
        "calls": [(call.name, call.arguments) for call in reply.tool_calls],
        "model": reply.model,
        "stop": reply.stop_reason,
        "tokens": (reply.usage.tokens_input, reply.usage.tokens_output),
    }


@pytest.mark.parametrize("split", ["whole", "event", "byte"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_recording_is_decoded_as_the_vendors_sdk_decodes_it(name: str, split: Any) -> None:
    exchange = _exchange(name)
    async with ReplayServer([exchange, exchange], split=split) as server:
        chunks, reply = await _ask(server.url)
        assert _seen(reply) == await _ask_sdk(server.url)
    assert "".join(chunks) == reply.text


async def test_each_read_gives_at_most_one_chunk() -> None:
    async with ReplayServer([_exchange(NAMES[2])], split="whole") as server:
        chunks, _ = await _ask(server.url)
    assert len(chunks) == 1


@pytest.mark.parametrize("is_clean_cut", [True, False])
async def test_a_stream_cut_after_any_line_but_the_last_is_a_retryable_protocol_error(
    is_clean_cut: bool,
) -> None:
    exchange = _exchange(NAMES[2])
    for end in (0, *exchange.event_ends()[:-1]):
        async with ReplayServer([exchange], cut_after=end, is_clean_cut=is_clean_cut) as server:
            with pytest.raises(ProviderProtocolError) as failure:
                await _ask(server.url)
        assert failure.value.retryable


async def test_a_stream_cut_within_its_last_line_is_a_protocol_error() -> None:
    exchange = _exchange(NAMES[2])
    async with ReplayServer([exchange], cut_after=len(exchange.body.rstrip()) - 1) as server:
        with pytest.raises(ProviderProtocolError):
            await _ask(server.url)


async def test_the_answer_is_complete_even_if_the_connection_stays_open_after_it() -> None:
    exchange = _exchange(NAMES[2])
    async with ReplayServer([exchange], hold_after=len(exchange.body)) as server:
        _, reply = await _ask(server.url)
        assert reply.usage is not None
        assert reply.usage.tokens_output == 50
