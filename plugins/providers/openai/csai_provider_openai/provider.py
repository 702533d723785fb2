"""The provider: requests and refusals through OpenAI's SDK, the answer's bytes through our decoder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import httpx2
import openai
from csai_sdk import (
    ModelReply,
    ModelRequest,
    ModelTraits,
    PluginContext,
    Provider,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderTimeout,
)

from csai_provider_openai import failure
from csai_provider_openai.decoder import ChatDecoder
from csai_provider_openai.models import DEFAULT_MODEL, traits_of
from csai_provider_openai.request import body_of
from csai_provider_openai.settings import OPENAI_URL, OpenAISettings

_CONNECT_S = 10.0
_DRAIN_S = 1.0
# Has the SDK hand over the response before its body is read, as its `with_streaming_response` does.
_UNREAD = {"X-Stainless-Raw-Response": "stream"}


class OpenAIProvider(Provider):
    id = "openai"
    default_model = DEFAULT_MODEL

    def traits(self, model: str) -> ModelTraits:
        return traits_of(model)

    def is_configured(self, ctx: PluginContext) -> bool:
        settings = ctx.settings_as(OpenAISettings)
        return _own_key(settings, ctx) is not None or settings.base_url.rstrip("/") != OPENAI_URL

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        settings = ctx.settings_as(OpenAISettings)
        body = body_of(request, settings)
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        try:
            client = ctx.resource("client", lambda: _client(settings, ctx))
            response = await client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                # Half of a surrogate pair, which a tool may have returned, must not end the turn.
                content=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                options={
                    "headers": _UNREAD,
                    "timeout": httpx2.Timeout(request.timeout_s, connect=min(_CONNECT_S, request.timeout_s)),
                },
            )
        except (openai.OpenAIError, httpx2.InvalidURL) as error:
            raise failure.from_sdk(error, ctx.clock.now()) from None
        decoder = ChatDecoder(body["model"])
        try:
            async with aclosing(_reads(response, deadline)) as reads:
                async for chunk in reads:
                    if text := decoder.feed(chunk):
                        yield text
                    if decoder.is_done:
                        await _drain(reads)
                        break
            if not decoder.is_done and (text := decoder.finish()):
                yield text
            yield decoder.reply()
        finally:
            await response.aclose()


async def _reads(response: httpx2.Response, deadline: float) -> AsyncGenerator[bytes, None]:
    """The body, one piece a network read."""
    is_encoded = "content-encoding" in response.headers
    chunks = response.aiter_bytes() if is_encoded else response.aiter_raw()
    now = asyncio.get_running_loop().time
    try:
        async for chunk in chunks:
            yield chunk
            if now() > deadline:
                raise ProviderTimeout("the OpenAI server did not finish in time")
    except httpx2.TimeoutException:
        raise ProviderTimeout("the OpenAI server stopped answering") from None
    # OSError: a TLS failure that httpx2 lets through.
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        raise ProviderProtocolError(f"the answer broke off: {type(error).__name__}") from None


async def _drain(reads: AsyncIterator[bytes]) -> None:
    """Read to the end what has ended already: only then the connection serves the next call."""
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in reads:
                pass
    except (TimeoutError, ProviderTimeout, ProviderProtocolError):
        return


def _client(settings: OpenAISettings, ctx: PluginContext) -> openai.AsyncOpenAI:
    key = _own_key(settings, ctx) or "none"
    if not (key.isascii() and key.isprintable()):
        raise ProviderAuthError("the OpenAI API key holds characters that no key has; set it again")
    transport = ctx.transports.httpx2(is_operator_url="base_url" not in ctx.client_set)
    client = openai.AsyncOpenAI(
        # Never None: the SDK would then look for a key in the environment.
        api_key=key,
        base_url=settings.base_url,
        max_retries=0,
        # Compressed, tokens would wait for the compressor's block.
        http_client=httpx2.AsyncClient(transport=transport, headers={"accept-encoding": "identity"}),
    )
    # The SDK fills these from the environment, which is the operator's, not the client's.
    client.organization = (_is_own("organization", ctx) and settings.organization) or None
    client.project = (_is_own("project", ctx) and settings.project) or None
    if "base_url" in ctx.client_set:
        client._custom_headers = {}
    return client


def _own_key(settings: OpenAISettings, ctx: PluginContext) -> str | None:
    """The key to send: never the operator's to an address of the client's choice."""
    if settings.api_key is None or ("base_url" in ctx.client_set and "api_key" not in ctx.client_set):
        return None
    return settings.api_key.get_secret_value().strip() or None


def _is_own(name: str, ctx: PluginContext) -> bool:
    """Whether the setting comes from the same hand as the key and the address."""
    return name in ctx.client_set or ctx.client_set.isdisjoint({"api_key", "base_url"})
