"""A provider that says what the test has written for it.

    provider = ScriptedProvider(
        ["Let me look. ", ToolCall("c1", "get_order_status", {"order_id": "ORD-1001"})],
        ["It is on ", "its way."],
    )

Each call of the model takes the next script. A script's steps are played in order: text is a chunk, a tool
call joins the reply, an exception is raised, an `asyncio.Event` is waited for, a `Usage` (or `NO_USAGE`) is
what the reply reports, a `Stop` is why it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from csai_sdk import ModelReply, ModelRequest, ModelTraits, PluginContext, Provider, ToolCall, Usage
from csai_sdk.provider import StopReason


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the reply ends, where it is neither the end nor its tool calls."""

    reason: StopReason


@dataclass(frozen=True, slots=True)
class Reasoning:
    """An opaque block of the vendor's thinking."""

    block: Mapping[str, Any]


class _NoUsage(Enum):
    NO_USAGE = "no usage"


NO_USAGE: Literal[_NoUsage.NO_USAGE] = _NoUsage.NO_USAGE
"""A step: the vendor reports no tokens."""

Step = str | ToolCall | BaseException | asyncio.Event | Usage | Stop | Reasoning | _NoUsage
Script = Sequence[Step] | Callable[[ModelRequest], Sequence[Step]]
"""The steps of one reply, or a function that writes them once it has seen the request."""


class ScriptedProvider(Provider):
    """Plays one script a call, and keeps the requests it was sent in `requests`.

    A call for which nothing is written raises `AssertionError`. With `is_endless` the last script is played
    again and again. `closed_early` counts replies that the caller did not hear to the end.
    """

    default_model = "scripted-1"

    def __init__(
        self,
        *scripts: Script,
        id: str = "scripted",  # noqa: A002 - the name it has in the base class
        traits: ModelTraits | None = None,
        usage: Usage | None = None,
        is_endless: bool = False,
    ) -> None:
        self.id = id
        self.requests: list[ModelRequest] = []
        self.closed_early = 0
        self._scripts = list(scripts)
        self._traits = traits or ModelTraits()
        self._usage = usage or Usage(tokens_input=10, tokens_output=5)
        self._is_endless = is_endless
        self._called = asyncio.Condition()

    def traits(self, model: str) -> ModelTraits:
        return self._traits

    def add(self, *scripts: Script) -> None:
        """Write more scripts, to be played after those still waiting."""
        self._scripts.extend(scripts)

    async def called(self, times: int = 1) -> None:
        """Wait until the model has been called so often."""
        async with self._called:
            await self._called.wait_for(lambda: len(self.requests) >= times)

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        async with self._called:
            self.requests.append(request)
            script = self._next_script()
            self._called.notify_all()
        reply = _Reply(self._usage)
        is_heard = False
        try:
            for step in script(request) if callable(script) else script:
                if text := await reply.play(step):
                    yield text
            is_heard = True
            yield reply.finish(request.model or self.default_model)
        except (GeneratorExit, asyncio.CancelledError):
            self.closed_early += not is_heard
            raise

    def _next_script(self) -> Script:
        if not self._scripts:
            raise AssertionError(f"no reply is written for call {len(self.requests)} of '{self.id}'")
        if self._is_endless and len(self._scripts) == 1:
            return self._scripts[0]
        return self._scripts.pop(0)


class _Reply:
    def __init__(self, usage: Usage) -> None:
        self._texts: list[str] = []
        self._calls: list[ToolCall] = []
        self._reasoning: list[Mapping[str, Any]] = []
        self._usage: Usage | None = usage
        self._stop: StopReason | None = None

    async def play(self, step: Step) -> str:
        match step:
            case str():
                self._texts.append(step)
                return step
            case ToolCall():
                self._calls.append(step)
            case BaseException():
                raise step
            case asyncio.Event():
                await step.wait()
            case Usage():
                self._usage = step
            case Stop():
                self._stop = step.reason
            case Reasoning():
                self._reasoning.append(step.block)
            case _NoUsage():
                self._usage = None
        return ""

    def finish(self, model: str) -> ModelReply:
        return ModelReply(
            text="".join(self._texts),
            stop_reason=self._stop or ("tool_calls" if self._calls else "end"),
            usage=self._usage,
            model=model,
            tool_calls=tuple(self._calls),
            reasoning=tuple(self._reasoning),
        )
