"""`ProviderSuite`: vendors of language models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from csai_sdk import (
    CsaiError,
    ModelReply,
    ModelRequest,
    ModelTraits,
    Provider,
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ToolSpec,
    Usage,
    UserMessage,
    error_class_for,
)

from csai_testkit.conformance.check import capability, required, required_of_vendors
from csai_testkit.conformance.embedding import EmbeddingChecks
from csai_testkit.conformance.scene import Scene
from csai_testkit.replay import Exchange, Split

_TOOL = ToolSpec(
    "look_up",
    "Looks something up.",
    {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]},
)
_ARGUMENTS = {"question": "where is \u05d4\u05d6\u05de\u05e0\u05d4 7?"}

_FIRST_WORD_S = 0.5


@dataclass(frozen=True)
class Heard:
    """All that came out of a stream, in order."""

    parts: tuple[Any, ...]

    @property
    def reply(self) -> ModelReply:
        assert self.parts, "the stream ended without a word: a ModelReply closes it"
        assert isinstance(self.parts[-1], ModelReply), "the last thing a stream yields is its ModelReply"
        return self.parts[-1]


class ProviderSuite(EmbeddingChecks):
    """`answer` is a streamed answer of the vendor that says `text`.

    Capabilities: `tools` (write `tool_answer`), `usage` (set `usage` to what `answer` reports), `embeddings`
    (write `embedding_answer`, set `embedding_usage`).
    """

    kind: ClassVar[str] = "provider"
    error: ClassVar[type[CsaiError]] = ProviderError

    usage: ClassVar[Usage | None] = None
    """What the vendor reports in `answer`."""

    def tool_answer(self, name: str, arguments: Mapping[str, Any]) -> Sequence[Exchange]:
        """The vendor's exchanges where the model calls one tool."""
        raise NotImplementedError("write `tool_answer`, or leave 'tools' out of `capabilities`")

    def request(self, part: Provider, scene: Scene, *, timeout_s: float = 10.0, **more: Any) -> ModelRequest:
        """What the model is asked."""
        model, messages = part.default_model or "model", [UserMessage(scene.text)]
        return ModelRequest(model=model, system="Be kind.", messages=messages, timeout_s=timeout_s, **more)

    async def call(self, part: Provider, scene: Scene, *, timeout_s: float = 10.0, **more: Any) -> Heard:
        request = self.request(part, scene, timeout_s=timeout_s, **more)
        return Heard(tuple([each async for each in part.stream(request, scene.ctx)]))

    def check_answer(self, answer: Heard, scene: Scene) -> None:
        *chunks, _ = answer.parts or (None,)
        reply = answer.reply
        assert all(isinstance(chunk, str) and chunk for chunk in chunks), "chunks are text, never empty"
        assert "".join(chunks) == reply.text, "the reply's text is that of its chunks"
        assert scene.text in reply.text or not self.has_vendor, "what the vendor said is not in the reply"
        assert reply.model, "the reply names its model"

    def check_nonsense(self, outcome: Any) -> None:
        assert self.is_failure(outcome), "nonsense was taken for an answer"

    def error_for(self, status: int) -> type[CsaiError]:
        return error_class_for(status)

    @required
    def test_knows_its_models(self) -> None:
        """`traits` answers for every name that a model may have."""
        for part in self.fresh_parts():
            for model in (part.default_model, "", "some-model-of-tomorrow"):
                assert isinstance(part.traits(model), ModelTraits), f"traits({model!r}) is no ModelTraits"

    @required
    async def test_is_configured_by_its_settings(self) -> None:
        """`is_configured` is true for the settings of the suite."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                assert part.is_configured(scene.ctx) is True, "with its settings given, it can be called"

    @required_of_vendors
    async def test_passes_on_advice_to_wait(self) -> None:
        """A vendor's `retry-after` is handed on, in seconds."""
        for part in self.fresh_parts():
            said = self.failing(429, headers=(("retry-after", "7"),))
            async with self.scene(exchanges=said) as scene:
                outcome = await self.attempt(part, scene)
                assert isinstance(outcome, ProviderRateLimited), "HTTP 429 is ProviderRateLimited"
                assert outcome.retry_after_s == 7, "hand on the vendor's advice: csai_sdk.retry_after_s"

    @required_of_vendors
    async def test_hears_the_same_however_it_is_split(self) -> None:
        """The network's pieces change nothing: an answer read byte by byte is the same reply."""
        for part in self.fresh_parts():
            texts = {}
            for split in ("whole", "byte"):
                async with self.scene(split=_split(split)) as scene:
                    answer = await self.attempt(part, scene)
                    assert not self.is_failure(answer), f"read as {split}, the answer failed: {answer}"
                    texts[split] = answer.reply.text.replace(scene.text, "")
            assert texts["whole"] == texts["byte"]

    @required_of_vendors
    async def test_never_takes_a_part_for_the_whole(self) -> None:
        """An answer cut short is an error, however properly its body ends."""
        for part in self.fresh_parts():
            longest = max(self.answer("cut"), key=lambda each: len(each.body))
            for cut in {0, *longest.event_ends()[:1], len(longest.body) // 2} - {len(longest.body)}:
                async with self.scene(cut_after=cut) as scene:
                    outcome = await self.attempt(part, scene)
                    assert self.is_failure(outcome), f"an answer cut after {cut} bytes was taken for whole"

    @required_of_vendors
    async def test_keeps_to_its_deadline(self) -> None:
        """A vendor that does not answer within `timeout_s` is a `ProviderTimeout`, and is let go of."""
        for part in self.fresh_parts():
            async with self.scene() as warm:
                await self.attempt(part, warm)  # loads the vendor's library, which takes its time
            async with self.scene(hold_after=0) as scene:
                calling = asyncio.create_task(self.attempt(part, scene, timeout_s=0.2))
                await asyncio.wait([calling], timeout=self.patience_s)
                is_over = calling.done()
                await self._end(calling)
                assert is_over, "it waits longer than `timeout_s`"
                outcome = calling.result()
                assert isinstance(outcome, ProviderTimeout), (
                    f"late is ProviderTimeout, not {type(outcome).__name__}"
                )
                assert await self.soon(scene.server.client_gone.is_set), "the connection stays open"

    @required_of_vendors
    async def test_stops_when_nobody_listens(self) -> None:
        """Closing the stream early lets go of the connection: the visitor stopped the turn."""
        for part in self.fresh_parts():
            longest = max(self.answer("stop"), key=lambda each: len(each.body))
            async with self.scene(hold_after=len(longest.body) - 1) as scene:
                stream = part.stream(self.request(part, scene), scene.ctx)
                # Where the vendor's answer is no stream, no text comes before its end.
                with suppress(TimeoutError, StopAsyncIteration):
                    async with asyncio.timeout(_FIRST_WORD_S):
                        await anext(aiter(stream))
                await _close(stream)
                assert await self.soon(scene.server.client_gone.is_set), "the connection stays open"

    @capability("tools")
    async def test_calls_tools(self) -> None:
        """A tool call arrives with its id, its name and its arguments, and ends the reply."""
        for part in self.fresh_parts():
            async with self.scene(exchanges=self.tool_answer(_TOOL.name, _ARGUMENTS)) as scene:
                reply = (await self.call(part, scene, tools=[_TOOL])).reply
                (call,) = reply.tool_calls
                assert call.id, "a tool call has an id: make one up where the vendor gives none"
                assert (call.name, call.arguments) == (_TOOL.name, _ARGUMENTS)
                assert reply.stop_reason == "tool_calls"
                assert _TOOL.name in scene.received() or not self.has_vendor, "the tools were not declared"

    @capability("usage")
    async def test_reports_usage(self) -> None:
        """The tokens that the vendor reports are handed on, to the token."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                reply = (await self.call(part, scene)).reply
                assert reply.usage is not None, "the vendor's report of tokens was lost"
                assert reply.usage == self.usage or self.usage is None


async def _close(stream: AsyncIterator[Any]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()


def _split(name: str) -> Split:
    return "byte" if name == "byte" else "whole"
