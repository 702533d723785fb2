"""The provider: requests and refusals through Anthropic's SDK, the answer's bytes through our decoder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from csai_sdk import (
    ModelReply,
    ModelRequest,
    ModelTraits,
    PluginContext,
    Provider,
    key_to_send,
    load_module,
    stream_answer,
)

from csai_provider_claude.decoder import MessageDecoder
from csai_provider_claude.models import DEFAULT_MODEL, traits_of
from csai_provider_claude.request import PROVIDER_ID, body_of
from csai_provider_claude.settings import ANTHROPIC_URL, ClaudeSettings


class ClaudeProvider(Provider):
    id = PROVIDER_ID
    default_model = DEFAULT_MODEL

    def traits(self, model: str) -> ModelTraits:
        return traits_of(model)

    def is_configured(self, ctx: PluginContext) -> bool:
        settings = ctx.settings_as(ClaudeSettings)
        return (
            key_to_send(settings.api_key, ctx) is not None or settings.base_url.rstrip("/") != ANTHROPIC_URL
        )

    async def warm_up(self) -> None:
        await load_module("csai_provider_claude.connection")

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        body = body_of(request, ctx.settings_as(ClaudeSettings))
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        await load_module("csai_provider_claude.connection")
        from csai_provider_claude import connection

        answer = stream_answer(
            await connection.send(body, ctx, timeout_s=request.timeout_s),
            MessageDecoder(body["model"]),
            vendor="Anthropic",
            deadline=deadline,
            timeouts=connection.TIMEOUTS,
            failures=connection.FAILURES,
        )
        async with aclosing(answer):
            async for part in answer:
                yield part
