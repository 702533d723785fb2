"""Requests through OpenAI's SDK. Loaded at the first call: the SDK takes half a second to import."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import openai
from csai_sdk import (
    PluginContext,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
    key_to_send,
    retry_after_s,
)

from csai_provider_openai import failure
from csai_provider_openai.settings import OpenAISettings

TIMEOUTS = (httpx2.TimeoutException,)
FAILURES = (httpx2.HTTPError, httpx2.StreamError)
_CONNECT_S = 10.0
_MAX_ANSWER_BYTES = 64_000_000
# Has the SDK hand over the response before its body is read, as its `with_streaming_response` does.
_UNREAD = {"X-Stainless-Raw-Response": "stream"}


async def send(
    body: Mapping[str, Any], ctx: PluginContext, *, timeout_s: float, path: str = "/chat/completions"
) -> httpx2.Response:
    """Send a request; the response's body is still to be read. Raises `ProviderError`."""
    try:
        client = ctx.resource("client", lambda: _client(ctx))
        return await client.post(
            path,
            cast_to=httpx2.Response,
            # Half of a surrogate pair, which a tool may have returned, must not end the turn.
            content=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            options={
                "headers": _UNREAD,
                "timeout": httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
            },
        )
    except (openai.OpenAIError, httpx2.InvalidURL) as error:
        raise _failure(error, ctx) from None


async def fetch(body: Mapping[str, Any], ctx: PluginContext, *, timeout_s: float, path: str) -> bytes:
    """The whole answer to a request, all within `timeout_s`. Raises `ProviderError`."""
    try:
        async with asyncio.timeout(timeout_s):
            response = await send(body, ctx, timeout_s=timeout_s, path=path)
            try:
                return await _read(response)
            finally:
                await response.aclose()
    except (TimeoutError, *TIMEOUTS):
        raise ProviderTimeout("the OpenAI server did not answer in time") from None
    except (*FAILURES, OSError) as error:
        raise ProviderProtocolError(f"the answer broke off: {type(error).__name__}") from None


async def _read(response: httpx2.Response) -> bytes:
    answer = bytearray()
    async for chunk in response.aiter_bytes():
        answer += chunk
        if len(answer) > _MAX_ANSWER_BYTES:
            raise ProviderProtocolError("the answer is far too long", retryable=False)
    return bytes(answer)


def _client(ctx: PluginContext) -> openai.AsyncOpenAI:
    settings = ctx.settings_as(OpenAISettings)
    key = key_to_send(settings.api_key, ctx) or "none"
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


def _is_own(name: str, ctx: PluginContext) -> bool:
    """Whether the setting comes from the same hand as the key and the address."""
    return name in ctx.client_set or ctx.client_set.isdisjoint({"api_key", "base_url"})


def _failure(error: Exception, ctx: PluginContext) -> ProviderError:
    if isinstance(error, openai.APIStatusError):
        wait_s = retry_after_s(error.response.headers, ctx.clock.now())
        return failure.of_status(error.status_code, error.body, wait_s=wait_s)
    if isinstance(error, openai.APITimeoutError) and not isinstance(error.__cause__, httpx2.ConnectTimeout):
        return ProviderTimeout("the OpenAI server did not answer in time")
    if isinstance(error, openai.APIConnectionError):
        return ProviderUnavailable("no connection to the OpenAI server; check the base URL and the network")
    return ProviderRequestError(f"the request could not be made ({type(error).__name__}); check the base URL")
