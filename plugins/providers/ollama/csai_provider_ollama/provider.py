"""The provider `ollama`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

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
    load_module,
)

from csai_provider_ollama import chat, embedding, failure
from csai_provider_ollama.reply import ReplyDecoder
from csai_provider_ollama.settings import OllamaSettings

if TYPE_CHECKING:
    import httpx

    from csai_provider_ollama.connection import Connection


class OllamaProvider(Provider):
    """Models served by Ollama, on the same machine, elsewhere, or in its cloud."""

    id = "ollama"
    default_model = "llama3.2"
    default_embedding_model = embedding.DEFAULT_EMBEDDING_MODEL

    def traits(self, model: str) -> ModelTraits:
        return ModelTraits(has_tool_choice_none=False)

    def is_configured(self, ctx: PluginContext) -> bool:
        """Only where an address is set: a server cannot know whether its machine happens to run Ollama."""
        return bool(ctx.settings_as(OllamaSettings).base_url)

    async def warm_up(self) -> None:
        await load_module("csai_provider_ollama.connection")

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        await load_module("csai_provider_ollama.connection")
        from csai_provider_ollama.connection import Connection, drain

        connection = ctx.resource("connection", lambda: Connection(ctx))
        response, decoder = await self._begin(request, ctx, connection)
        chunks = response.aiter_bytes()
        try:
            while not decoder.is_done:
                chunk = await connection.read(chunks, deadline=deadline)
                if text := decoder.feed(chunk) if chunk else decoder.finish():
                    yield text
            await drain(chunks)
        finally:
            await response.aclose()
        yield decoder.reply()

    async def _begin(
        self, request: ModelRequest, ctx: PluginContext, connection: Connection
    ) -> tuple[httpx.Response, ReplyDecoder]:
        """Send the request; a model that turns out to take no tools is asked again, by prompt."""
        settings = ctx.settings_as(OllamaSettings)
        model = request.model or settings.model or self.default_model
        may_call = request.tool_choice == "auto"
        by_prompt = settings.tool_calling == "prompt" or model in connection.models_without_tools
        while True:
            body = chat.body(request, settings, model=model, by_prompt=by_prompt)
            try:
                response = await connection.send(body, timeout_s=request.timeout_s)
            except failure.ToolsUnsupported:
                if by_prompt:
                    raise
                connection.models_without_tools.add(model)
                by_prompt = True
                continue
            names = frozenset(tool.name for tool in request.tools) if by_prompt and request.tools else None
            return response, ReplyDecoder(model, written_tools=names, may_call=may_call)

    def embedding_traits(self, model: str) -> EmbeddingTraits:
        return embedding.traits_of(model)

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if not request.texts:
            return Embeddings((), Usage(), request.model)
        await load_module("csai_provider_ollama.connection")
        from csai_provider_ollama.connection import Connection

        connection = ctx.resource("connection", lambda: Connection(ctx))
        body = embedding.body(request, ctx.settings_as(OllamaSettings))
        answer = await connection.fetch(body, timeout_s=request.timeout_s, path=embedding.PATH)
        return embedding.embeddings_of(answer, request)
