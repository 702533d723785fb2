"""The provider: requests and refusals through OpenAI's SDK, the answer's bytes through our decoder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    ModelReply,
    ModelRequest,
    ModelTraits,
    PluginContext,
    Provider,
    Usage,
    key_to_send,
    load_module,
    stream_answer,
)

from csai_provider_openai import embedding
from csai_provider_openai.decoder import ChatDecoder
from csai_provider_openai.models import DEFAULT_MODEL, traits_of
from csai_provider_openai.request import body_of
from csai_provider_openai.settings import OPENAI_URL, OpenAISettings


class OpenAIProvider(Provider):
    id = "openai"
    default_model = DEFAULT_MODEL
    default_embedding_model = embedding.DEFAULT_EMBEDDING_MODEL

    def traits(self, model: str) -> ModelTraits:
        return traits_of(model)

    def is_configured(self, ctx: PluginContext) -> bool:
        settings = ctx.settings_as(OpenAISettings)
        return key_to_send(settings.api_key, ctx) is not None or settings.base_url.rstrip("/") != OPENAI_URL

    async def warm_up(self) -> None:
        await load_module("csai_provider_openai.connection")

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        body = body_of(request, ctx.settings_as(OpenAISettings))
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        await load_module("csai_provider_openai.connection")
        from csai_provider_openai import connection

        answer = stream_answer(
            await connection.send(body, ctx, timeout_s=request.timeout_s),
            ChatDecoder(body["model"]),
            vendor="the OpenAI server",
            deadline=deadline,
            timeouts=connection.TIMEOUTS,
            failures=connection.FAILURES,
        )
        async with aclosing(answer):
            async for part in answer:
                yield part

    def embedding_traits(self, model: str) -> EmbeddingTraits:
        return embedding.traits_of(model)

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if not request.texts:
            return Embeddings((), Usage(), request.model)
        await load_module("csai_provider_openai.connection")
        from csai_provider_openai import connection

        answer = await connection.fetch(
            embedding.body_of(request), ctx, timeout_s=request.timeout_s, path="/embeddings"
        )
        return embedding.embeddings_of(answer, request)
