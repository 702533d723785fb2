"""One client's way to its Ollama. Loaded at the first call, and the vendor's SDK with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import ollama
from csai_sdk import ProviderProtocolError, key_to_send, retry_after_s

from csai_provider_ollama import failure
from csai_provider_ollama.settings import OllamaSettings

if TYPE_CHECKING:
    from csai_sdk import PluginContext

_CONNECT_TIMEOUT_S = 10.0
_DRAIN_TIMEOUT_S = 0.25
_MAX_ERROR_BYTES = 65_536
_MAX_ANSWER_BYTES = 64_000_000


class _RawClient(ollama.AsyncClient):
    """The SDK's client, asked for raw bytes.

    Its `chat` builds a pydantic object for every token, and its tool type drops what it does not know of a
    JSON Schema (`$ref`, `anyOf`, `format`, ...), so the body is ours and so is the decoder.
    """

    @property
    def http(self) -> httpx.AsyncClient:
        client: httpx.AsyncClient = self._client
        return client


class Connection:
    """The HTTP client for one set of settings, and what was learned of its models."""

    def __init__(self, ctx: PluginContext) -> None:
        settings = ctx.settings_as(OllamaSettings)
        self._client = _RawClient(
            host=settings.base_url or "http://127.0.0.1:11434",
            transport=ctx.transports.httpx(is_operator_url="base_url" not in ctx.client_set),
            follow_redirects=False,
            trust_env=False,
        )
        self._set_key(settings, ctx)
        url = self._client.http.base_url
        self._address = f"{url.scheme}://{url.netloc.decode('ascii')}"
        self._clock = ctx.clock
        self.models_without_tools: set[str] = set()

    def _set_key(self, settings: OllamaSettings, ctx: PluginContext) -> None:
        # The SDK takes OLLAMA_API_KEY from the environment by itself and would send the operator's key to
        # an address of the client's choice.
        headers = self._client.http.headers
        headers.pop("authorization", None)
        if key := key_to_send(settings.api_key, ctx):
            headers["authorization"] = f"Bearer {key}"

    async def send(
        self, body: Mapping[str, Any], *, timeout_s: float, path: str = "/api/chat"
    ) -> httpx.Response:
        """Send a request; the answer is a 200 whose body is still to be read and closed."""
        http = self._client.http
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S))
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        request = http.build_request("POST", path, content=content, timeout=timeout)
        try:
            async with asyncio.timeout(timeout_s):
                response = await http.send(request, stream=True)
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure.of_transport(error, self._address, is_answering=False) from error
        if response.status_code != 200:
            raise await self._refusal(response, timeout_s=timeout_s, model=str(body["model"]))
        return response

    async def fetch(self, body: Mapping[str, Any], *, timeout_s: float, path: str) -> bytes:
        """The whole answer to a request, all within `timeout_s`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        response = await self.send(body, timeout_s=timeout_s, path=path)
        answer = bytearray()
        try:
            chunks = response.aiter_bytes()
            while chunk := await self.read(chunks, deadline=deadline):
                answer += chunk
                if len(answer) > _MAX_ANSWER_BYTES:
                    raise ProviderProtocolError("Ollama's answer is far too long.", retryable=False)
        finally:
            await response.aclose()
        return bytes(answer)

    async def _refusal(self, response: httpx.Response, *, timeout_s: float, model: str) -> Exception:
        body = b""
        try:
            async with asyncio.timeout(min(timeout_s, _CONNECT_TIMEOUT_S)):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) >= _MAX_ERROR_BYTES:
                        break
        except (httpx.HTTPError, TimeoutError):
            body = b""  # The status alone must do.
        finally:
            await response.aclose()
        advice = retry_after_s(response.headers, self._clock.now())
        return failure.of_status(response.status_code, body, model=model, retry_after_s=advice)

    async def read(self, chunks: AsyncIterator[bytes], *, deadline: float) -> bytes:
        """The next bytes of an answer, b"" at its end. `deadline` is in the event loop's time."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, b"")
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure.of_transport(error, self._address, is_answering=True) from error

    async def aclose(self) -> None:
        await self._client.http.aclose()


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the last event, mostly nothing: only then the connection can serve again."""
    try:
        async with asyncio.timeout(_DRAIN_TIMEOUT_S):
            async for _ in chunks:
                pass
    except (httpx.HTTPError, TimeoutError):
        return
