"""Embeddings as Ollama answers them, and what it says instead."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from csai_provider_ollama import OllamaProvider, OllamaSettings
from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    PluginContext,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRequestError,
    Usage,
)
from csai_testkit.replay import Exchange, ReplayServer

Replay = Callable[..., Awaitable[ReplayServer]]
MakeContext = Callable[..., PluginContext]
PATH = "/api/embed"
TEXTS = ["where is my parcel", "איפה החבילה שלי"]
VECTORS = [[0.6, 0.8], [1.0, 0.0]]


def answered(*vectors: list[Any], **more: Any) -> Exchange:
    return Exchange.of_json(PATH, {"model": "nomic-embed-text", "embeddings": list(vectors), **more})


async def embed(
    exchange: Exchange,
    replay: Replay,
    plugin_context: MakeContext,
    *,
    model: str = "nomic-embed-text",
    purpose: Literal["passage", "question"] = "passage",
    **settings: Any,
) -> tuple[Embeddings, ReplayServer]:
    server = await replay([exchange])
    context = plugin_context(OllamaSettings(base_url=server.url, **settings))
    request = EmbeddingRequest(model=model, texts=TEXTS, purpose=purpose, dimensions=2)
    return await OllamaProvider().embed(request, context), server


async def test_the_texts_are_sent_and_the_reported_tokens_handed_on(
    replay: Replay, plugin_context: MakeContext
) -> None:
    found, server = await embed(
        answered(*VECTORS, prompt_eval_count=9), replay, plugin_context, keep_alive="10"
    )
    assert (found.vectors, found.usage, found.model) == (VECTORS, Usage(9), "nomic-embed-text")
    (asked,) = server.requests
    assert asked.json == {
        "model": "nomic-embed-text",
        "input": [f"search_document: {text}" for text in TEXTS],
        "truncate": True,
        "dimensions": 2,
        "keep_alive": 10,
    }


@pytest.mark.parametrize(
    ("model", "purpose", "prefix"),
    [
        ("nomic-embed-text", "question", "search_query: "),
        ("hf.co/nomic-ai/nomic-embed-text-v1.5-GGUF:Q8_0", "passage", "search_document: "),
        ("bge-m3", "question", ""),
        ("my-nomic-embed-text", "question", ""),
    ],
)
async def test_a_model_is_told_what_the_texts_are_for_in_its_own_words(
    replay: Replay,
    plugin_context: MakeContext,
    model: str,
    purpose: Literal["passage", "question"],
    prefix: str,
) -> None:
    _found, server = await embed(answered(*VECTORS), replay, plugin_context, model=model, purpose=purpose)
    (asked,) = server.requests
    assert asked.json["input"] == [prefix + text for text in TEXTS]


def test_where_unrelated_texts_lie_is_told_of_models_of_which_it_is_known() -> None:
    provider = OllamaProvider()
    assert provider.embedding_traits("nomic-embed-text:latest").min_similarity == 0.5
    assert provider.embedding_traits("bge-m3").min_similarity == 0.0


async def test_an_ollama_that_reports_no_tokens_is_not_made_to_have_reported_some(
    replay: Replay, plugin_context: MakeContext
) -> None:
    found, _ = await embed(answered(*VECTORS), replay, plugin_context)
    assert found.usage is None


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (answered(VECTORS[0]), ProviderProtocolError),
        (answered([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), ProviderProtocolError),
        (Exchange.of_json(PATH, {"embedding": [0.1, 0.2]}), ProviderProtocolError),
        (Exchange.of_json(PATH, {"error": "slow down"}, status=429), ProviderRateLimited),
        (Exchange.of_json(PATH, {"error": "unauthorized"}, status=401), ProviderAuthError),
        (
            Exchange.of_json(PATH, {"error": 'model "nomic-embed-text" not found'}, status=404),
            ProviderRequestError,
        ),
    ],
)
async def test_an_answer_that_is_none_is_the_error_it_stands_for(
    exchange: Exchange, expected: type[ProviderError], replay: Replay, plugin_context: MakeContext
) -> None:
    with pytest.raises(ProviderError) as caught:
        await embed(exchange, replay, plugin_context)
    assert type(caught.value) is expected
    assert TEXTS[0] not in str(caught.value)
