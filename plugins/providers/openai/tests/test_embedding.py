"""Embeddings as OpenAI and servers like it answer them, and what they say instead."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from csai_provider_openai import OpenAIProvider, OpenAISettings
from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    PluginContext,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
)
from csai_testkit.replay import Exchange, ReplayServer
from pydantic import SecretStr

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]
TEXTS = ["where is my parcel", "איפה החבילה שלי"]
VECTORS = [[0.6, 0.8], [1.0, 0.0]]


def answered(*vectors: list[Any], **more: Any) -> Exchange:
    data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return Exchange.of_json("/embeddings", {"data": data, "model": "text-embedding-3-small", **more})


async def embed(
    exchange: Exchange, replay: Replay, plugin_context: MakeContext, **more: Any
) -> tuple[Embeddings, ReplayServer]:
    server = await replay([exchange])
    context = plugin_context(OpenAISettings(base_url=server.url, api_key=SecretStr("sk-1")))
    request = EmbeddingRequest(model="text-embedding-3-small", texts=TEXTS, **more)
    return await OpenAIProvider().embed(request, context), server


async def test_the_model_the_texts_and_the_length_asked_for_are_sent(
    replay: Replay, plugin_context: MakeContext
) -> None:
    found, server = await embed(answered(*VECTORS), replay, plugin_context, dimensions=2)
    assert found.vectors == VECTORS
    (asked,) = server.requests
    assert asked.headers["authorization"] == "Bearer sk-1"
    assert asked.json == {
        "model": "text-embedding-3-small",
        "input": TEXTS,
        "encoding_format": "float",
        "dimensions": 2,
    }


async def test_no_length_is_sent_where_none_is_asked_for(replay: Replay, plugin_context: MakeContext) -> None:
    _, server = await embed(answered(*VECTORS), replay, plugin_context)
    assert "dimensions" not in server.requests[0].json


async def test_a_server_that_reports_no_usage_is_not_made_to_have_reported_some(
    replay: Replay, plugin_context: MakeContext
) -> None:
    found, _ = await embed(answered(*VECTORS), replay, plugin_context)
    assert found.usage is None


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (answered(VECTORS[0]), ProviderProtocolError),
        (answered([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), ProviderProtocolError),
        (answered([0.1, None], [0.1, 0.2]), ProviderProtocolError),
        (answered([0.1, "0.2"], [0.1, 0.2]), ProviderProtocolError),
        (Exchange.of_json("/embeddings", {"data": [{"index": 0}]}), ProviderProtocolError),
        (Exchange.of_json("/embeddings", [1]), ProviderProtocolError),
        (
            Exchange.of_json(
                "/embeddings",
                {"data": [{"index": 0, "embedding": [1, 0]}, {"index": 0, "embedding": [0, 1]}]},
            ),
            ProviderProtocolError,
        ),
        (
            Exchange.of_json("/embeddings", {"error": {"message": "no", "code": "rate_limit_exceeded"}}),
            ProviderRateLimited,
        ),
        (
            Exchange.of_json("/embeddings", {"error": {"code": "invalid_api_key"}}, status=401),
            ProviderAuthError,
        ),
        (
            Exchange.of_json("/embeddings", {"error": {"code": "insufficient_quota"}}, status=429),
            ProviderQuotaExceeded,
        ),
    ],
)
async def test_an_answer_that_is_none_is_the_error_it_stands_for(
    exchange: Exchange, expected: type[ProviderError], replay: Replay, plugin_context: MakeContext
) -> None:
    with pytest.raises(ProviderError) as caught:
        await embed(exchange, replay, plugin_context, dimensions=2)
    assert type(caught.value) is expected
    assert TEXTS[0] not in str(caught.value)


def test_what_is_known_of_models() -> None:
    provider = OpenAIProvider()
    small = provider.embedding_traits("text-embedding-3-small")
    assert (small.dimensions, small.can_shorten) == (1536, True)
    assert provider.embedding_traits("text-embedding-3-large").dimensions == 3072
    assert not provider.embedding_traits("text-embedding-ada-002").can_shorten
    assert provider.embedding_traits("openai/text-embedding-3-small") == small
    assert small.min_similarity == 0.2
    assert provider.embedding_traits("text-embedding-ada-002").min_similarity == 0.75
    assert provider.embedding_traits("bge-m3").dimensions is None
