"""A sound provider, and others with one thing wrong each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import httpx
from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    LineReader,
    ModelReply,
    ModelRequest,
    ModelTraits,
    PluginContext,
    Provider,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
    ToolCall,
    Usage,
    UserMessage,
    check_vectors,
    error_class_for,
    retry_after_s,
    stream_answer,
)

from core.testkit.tests.variants.variant import Plugin, VendorSettings, breaks, key_of

PATH = "/speak"
EMBED_PATH = "/embed"


class Decoder:
    """Reads lines of JSON: `text`, `call`, and `usage` in the last."""

    def __init__(self) -> None:
        self.lines = LineReader()
        self.text, self.calls = "", list[ToolCall]()
        self.usage: Usage | None = None
        self.is_done = False

    def feed(self, chunk: bytes) -> str:
        said = "".join(self.read(line) for line in self.lines.feed(chunk))
        self.text += said
        return said

    def read(self, line: bytes) -> str:
        try:
            event = json.loads(line)
        except ValueError:
            raise ProviderProtocolError("a line is no JSON") from None
        if call := event.get("call"):
            self.calls.append(ToolCall(call["id"], call["name"], call["arguments"]))
        if "usage" in event:
            self.usage, self.is_done = Usage(*event["usage"]), True
        return str(event.get("text", ""))

    def finish(self) -> str:
        said = "".join(self.read(line) for line in self.lines.finish())
        self.text += said
        return said

    def reply(self) -> ModelReply:
        if not self.is_done:
            raise ProviderProtocolError("the answer was cut short")
        reason = "tool_calls" if self.calls else "end"
        return ModelReply(self.text, reason, self.usage, "sound-1", tuple(self.calls))  # type: ignore[arg-type]


class Sound(Provider):
    id = "sound"
    default_model = "sound-1"
    default_embedding_model = "sound-embedding-1"
    decoder: type[Decoder] = Decoder

    def is_configured(self, ctx: PluginContext) -> bool:
        return bool(key_of(ctx.settings_as(VendorSettings)))

    def client(self, ctx: PluginContext) -> httpx.AsyncClient:
        return ctx.resource("client", lambda: self.new_client(ctx))

    def new_client(self, ctx: PluginContext) -> httpx.AsyncClient:
        settings = ctx.settings_as(VendorSettings)
        transport = ctx.transports.httpx(is_operator_url="base_url" not in ctx.client_set)
        headers = {"authorization": f"Bearer {key_of(settings)}"}
        return httpx.AsyncClient(transport=transport, base_url=settings.base_url, headers=headers)

    def body(self, request: ModelRequest) -> dict[str, Any]:
        asked = request.messages[-1]
        assert isinstance(asked, UserMessage)
        return {"text": asked.text, "tools": [tool.name for tool in request.tools]}

    def timeout(self, request: ModelRequest) -> float | None:
        return request.timeout_s

    async def send(self, request: ModelRequest, ctx: PluginContext) -> httpx.Response:
        client = self.client(ctx)
        client.timeout = httpx.Timeout(self.timeout(request))
        sent = client.build_request("POST", PATH, json=self.body(request))
        try:
            response = await client.send(sent, stream=True)
        except httpx.TimeoutException:
            raise ProviderTimeout("the vendor did not answer in time") from None
        except httpx.HTTPError:
            raise ProviderUnavailable("no connection to the vendor") from None
        if response.status_code != 200:
            await response.aclose()
            raise self.failure(response, ctx)
        return response

    def failure(self, response: httpx.Response, ctx: PluginContext) -> ProviderError:
        wait_s = retry_after_s(response.headers, ctx.clock.now())
        kind = error_class_for(response.status_code)
        return kind("the vendor refused or failed", status=response.status_code, retry_after_s=wait_s)

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        answer = stream_answer(
            await self.send(request, ctx),
            self.decoder(),
            vendor="the vendor",
            deadline=asyncio.get_running_loop().time() + request.timeout_s,
            timeouts=(httpx.TimeoutException,),
            failures=(httpx.HTTPError,),
        )
        async with aclosing(answer):
            async for part in answer:
                yield part

    def embedding_traits(self, model: str) -> EmbeddingTraits:
        return EmbeddingTraits(max_batch=8)

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if not request.texts:
            return Embeddings((), Usage(), request.model)
        answer = await self.ask_for_vectors(request, ctx)
        vectors = check_vectors(answer.get("vectors"), count=len(request.texts))
        return Embeddings(vectors, Usage(answer["tokens"]), request.model)

    def embedding_timeout(self, request: EmbeddingRequest) -> float | None:
        return request.timeout_s

    async def ask_for_vectors(self, request: EmbeddingRequest, ctx: PluginContext) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.embedding_timeout(request)):
                response = await self.client(ctx).post(
                    EMBED_PATH, json={"texts": list(request.texts)}, timeout=None
                )
        except TimeoutError:
            raise ProviderTimeout("the vendor did not answer in time") from None
        except httpx.HTTPError:
            raise ProviderUnavailable("no connection to the vendor") from None
        if response.status_code != 200:
            raise Sound.failure(self, response, ctx)
        try:
            return dict(response.json())
        except ValueError:
            raise ProviderProtocolError("the answer is no JSON") from None


sound = Plugin(Sound)


@breaks("answers_a_call")
class SaysMoreInTheReply(Sound):
    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        async for part in super().stream(request, ctx):
            yield replace(part, text=f"{part.text}!") if isinstance(part, ModelReply) else part


@breaks("connects_only_where_told")
class CallsHome(Sound):
    async def send(self, request: ModelRequest, ctx: PluginContext) -> httpx.Response:
        with suppress(OSError):
            await asyncio.open_connection("127.0.0.1", 9)
        return await super().send(request, ctx)


@breaks("maps_vendor_failures")
class TakesForbiddenForWrong(Sound):
    def failure(self, response: httpx.Response, ctx: PluginContext) -> ProviderError:
        failed = super().failure(response, ctx)
        return ProviderRequestError(str(failed)) if response.status_code == 403 else failed


@breaks("maps_lost_connections")
class LetsTheLibraryThrough(Sound):
    async def send(self, request: ModelRequest, ctx: PluginContext) -> httpx.Response:
        try:
            return await super().send(request, ctx)
        except ProviderUnavailable as error:
            if error.status is None:
                raise ConnectionError("no connection") from None
            raise


@breaks("stops_when_cancelled")
class TakesBeingStoppedForLate(Sound):
    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        try:
            async for part in super().stream(request, ctx):
                yield part
        except asyncio.CancelledError:
            raise ProviderTimeout("stopped") from None


@breaks("keeps_clients_apart")
class RemembersEverybody(Sound):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def body(self, request: ModelRequest) -> dict[str, Any]:
        body = super().body(request)
        self.asked.append(body["text"])
        return {**body, "history": self.asked}


@breaks("closing_releases_everything")
class NeverClosesItsClient(Sound):
    def client(self, ctx: PluginContext) -> httpx.AsyncClient:
        return self.new_client(ctx)


@breaks("keeps_secrets")
class LogsItsKey(Sound):
    async def send(self, request: ModelRequest, ctx: PluginContext) -> httpx.Response:
        ctx.log.debug("asking", extra={"key": key_of(ctx.settings_as(VendorSettings))})
        return await super().send(request, ctx)


@breaks("keeps_secrets")
class QuotesItsKey(Sound):
    def failure(self, response: httpx.Response, ctx: PluginContext) -> ProviderError:
        failed = super().failure(response, ctx)
        if isinstance(failed, ProviderAuthError):
            return ProviderAuthError(f"the key {key_of(ctx.settings_as(VendorSettings))} was refused")
        return failed


@breaks("knows_its_models")
class KnowsOneModel(Sound):
    def traits(self, model: str) -> ModelTraits:
        return {"sound-1": ModelTraits()}[model]


@breaks("is_configured_by_its_settings")
class IsNeverConfigured(Sound):
    def is_configured(self, ctx: PluginContext) -> bool:
        return False


@breaks("passes_on_advice_to_wait")
class ForgetsTheWait(Sound):
    def failure(self, response: httpx.Response, ctx: PluginContext) -> ProviderError:
        failed = super().failure(response, ctx)
        failed.retry_after_s = None
        return failed


class StrippingDecoder(Decoder):
    def feed(self, chunk: bytes) -> str:
        before = self.text
        said = super().feed(chunk).rstrip()
        self.text = before + said
        return said


@breaks("hears_the_same_however_it_is_split")
class StripsEachRead(Sound):
    decoder = StrippingDecoder


class TrustingDecoder(Decoder):
    def reply(self) -> ModelReply:
        self.is_done = True
        return super().reply()


@breaks("never_takes_a_part_for_the_whole")
class TrustsTheEnd(Sound):
    decoder = TrustingDecoder


@breaks("keeps_to_its_deadline")
class WaitsForever(Sound):
    def timeout(self, request: ModelRequest) -> float | None:
        return None


@breaks("stops_when_nobody_listens")
class GoesOnReading(Sound):
    """Closes the response when it is cancelled, and not when nobody listens any more."""

    def __init__(self) -> None:
        self.left: list[Any] = []

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        answer = super().stream(request, ctx)
        try:
            async for part in answer:
                yield part
        except GeneratorExit:
            self.left.append(answer)
            raise


class NamelessDecoder(Decoder):
    def reply(self) -> ModelReply:
        reply = super().reply()
        return replace(reply, tool_calls=tuple(replace(call, id="") for call in reply.tool_calls))


@breaks("calls_tools")
class LosesIds(Sound):
    decoder = NamelessDecoder


class CarelessDecoder(Decoder):
    def reply(self) -> ModelReply:
        return replace(super().reply(), usage=None)


@breaks("reports_usage")
class LosesUsage(Sound):
    decoder = CarelessDecoder


@breaks("knows_its_embedding_models")
class KnowsOneEmbeddingModel(Sound):
    def embedding_traits(self, model: str) -> EmbeddingTraits:
        return {"sound-embedding-1": super().embedding_traits(model)}[model]


@breaks("embeds_in_order")
class TurnsVectorsRound(Sound):
    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        found = await super().embed(request, ctx)
        return replace(found, vectors=found.vectors[::-1])


@breaks("embeds_nothing_without_a_call")
class CallsForNothing(Sound):
    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if not request.texts:
            await self.ask_for_vectors(request, ctx)
        return await super().embed(request, ctx)


@breaks("embeds_a_full_batch")
class TakesLessThanItSays(Sound):
    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if len(request.texts) > 4:
            raise ProviderRequestError("too many texts")
        return await super().embed(request, ctx)


@breaks("refuses_wrong_vectors")
class TrustsTheVectors(Sound):
    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if not request.texts:
            return await super().embed(request, ctx)
        answer = await self.ask_for_vectors(request, ctx)
        return Embeddings(answer["vectors"], Usage(answer["tokens"]), request.model)


@breaks("maps_embedding_failures")
class CallsEverythingUnavailable(Sound):
    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        try:
            return await super().embed(request, ctx)
        except ProviderAuthError:
            raise ProviderUnavailable("refused") from None


@breaks("embeds_within_its_deadline")
class WaitsForVectorsForever(Sound):
    def embedding_timeout(self, request: EmbeddingRequest) -> float | None:
        return None


@breaks("reports_embedding_usage")
class LosesEmbeddingUsage(Sound):
    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        return replace(await super().embed(request, ctx), usage=None)


@breaks("live_call_succeeds")
class WorksOnlyInTests(Sound):
    async def send(self, request: ModelRequest, ctx: PluginContext) -> httpx.Response:
        if key_of(ctx.settings_as(VendorSettings)) == "sk-canary-of-the-environment":
            raise ProviderAuthError("no")
        return await super().send(request, ctx)
