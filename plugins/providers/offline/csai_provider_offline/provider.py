"""The provider `offline`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence

from csai_sdk import (
    AssistantMessage,
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    Message,
    ModelReply,
    ModelRequest,
    ModelTraits,
    PluginContext,
    Provider,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)

from csai_provider_offline import vectors
from csai_provider_offline.assistant import answer
from csai_provider_offline.matching import Match

_TOKEN = re.compile(r"\w+|[^\w\s]")
_EMBEDDING_TRAITS = EmbeddingTraits(
    dimensions=vectors.DIMENSIONS,
    can_shorten=True,
    max_batch=64,
    max_input_tokens=8_000,
    min_similarity=0.1,
    is_metered=False,
)
_CHUNK = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class OfflineProvider(Provider):
    """No model at all: quotes the passages of the request and matches its tools with the visitor's words.

    The same request, at the same time of the context's clock, is answered with the same words.
    """

    id = "offline"
    default_model = "offline"
    default_embedding_model = vectors.MODEL

    def traits(self, model: str) -> ModelTraits:
        return ModelTraits(takes_temperature=False, can_write=False)

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        said = answer(request, ctx.clock.now())
        text, is_cut = _within(said.text, request.max_output_tokens)
        calls = tuple(_call(request, match, number) for number, match in enumerate(said.calls))
        for chunk in _CHUNK.findall(text):
            yield chunk
        yield ModelReply(
            text=text,
            stop_reason="tool_calls" if calls else "max_tokens" if is_cut else "end",
            usage=_usage(request, text, calls),
            model=request.model or self.default_model,
            tool_calls=calls,
        )

    def embedding_traits(self, model: str) -> EmbeddingTraits:
        return _EMBEDDING_TRAITS

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        size = request.dimensions or vectors.DIMENSIONS
        if len(request.texts) == 1:
            found = [vectors.vector(request.texts[0], size)]
        else:
            found = await asyncio.to_thread(lambda: [vectors.vector(text, size) for text in request.texts])
        return Embeddings(found, Usage(), vectors.MODEL)


def _within(text: str, max_tokens: int) -> tuple[str, bool]:
    """The text cut to the output cap, and whether that was needed."""
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number == max_tokens:
            return text[: match.start()].rstrip(), True
    return text, False


def _call(request: ModelRequest, match: Match, number: int) -> ToolCall:
    raw = json.dumps(match.arguments, ensure_ascii=False)
    # The same at every repetition of this request, another one in every other turn.
    told = "\0".join((*_texts(request.messages), match.tool.name, raw, str(number)))
    digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    return ToolCall(f"call_{digest[:24]}", match.tool.name, match.arguments, raw)


def _usage(request: ModelRequest, text: str, calls: Sequence[ToolCall]) -> Usage:
    """Words and punctuation marks count as tokens, so that metering has something to show."""
    tools = [
        f"{t.name} {t.description} {json.dumps(dict(t.parameters_schema), default=str)}"
        for t in request.tools
    ]
    read = (request.system, *_texts(request.messages), *tools)
    written = (text, *(f"{call.name} {call.raw_arguments}" for call in calls))
    return Usage(tokens_input=sum(map(_count, read)), tokens_output=sum(map(_count, written)))


def _count(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def _texts(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        match message:
            case UserMessage():
                yield message.text
            case AssistantMessage():
                yield message.text
                yield from (f"{call.name} {call.raw_arguments}" for call in message.tool_calls)
            case ToolMessage():
                yield from (result.content for result in message.results)
