"""Sound tools and a sound tool backend, and others with one thing wrong each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Annotated, Any

from csai_sdk import (
    HttpError,
    HttpResponse,
    PluginContext,
    ToolBackend,
    ToolError,
    ToolInvocation,
    ToolOutput,
    tool,
)
from pydantic import Field

from core.testkit.tests.variants.variant import Plugin, VendorSettings, breaks, key_of

Question = Annotated[str, Field(description="What is asked.")]


async def ask(question: str, ctx: PluginContext, **more: Any) -> Any:
    """Ask the vendor over the context's HTTP client."""
    settings = ctx.settings_as(VendorSettings)
    response = await post(
        f"{settings.base_url}/webhook", {"question": question, **more}, ctx, key=key_of(settings)
    )
    if response.status != 200:
        raise ToolError(f"the vendor refused or failed (HTTP {response.status})")
    try:
        return json.loads(response.body)
    except ValueError:
        raise ToolError("the vendor's answer is no JSON") from None


async def post(
    url: str, content: Mapping[str, Any], ctx: PluginContext, *, key: str, timeout_s: float = 10.0
) -> HttpResponse:
    try:
        return await ctx.http.request(
            "POST",
            url,
            headers={"content-type": "application/json", "authorization": f"Bearer {key}"},
            content=json.dumps(content).encode(),
            timeout_s=timeout_s,
        )
    except HttpError as error:
        raise ToolError("the vendor gave no answer", is_outcome_known=not error.was_sent) from error


@tool(read_only=True)
async def look_up(question: Question, ctx: PluginContext) -> Any:
    """Look something up at the vendor."""
    return await ask(question, ctx)


sound_tool = Plugin(lambda: look_up)


@breaks("answers_a_call", of="sound_tool", capabilities=("described_parameters",))
@tool
async def returns_a_set(question: Question, ctx: PluginContext) -> Any:
    """Look something up at the vendor."""
    await ask(question, ctx)
    return {question}


@breaks("describes_itself_to_the_model", of="sound_tool")
@tool(read_only=True)
async def says_nothing(question: Question, ctx: PluginContext) -> Any:
    return await ask(question, ctx)


@breaks("describes_its_parameters", of="sound_tool")
@tool(read_only=True)
async def says_little(question: str, ctx: PluginContext) -> Any:
    """Look something up at the vendor."""
    return await ask(question, ctx)


@breaks("repeats_without_harm", of="sound_tool")
@tool(read_only=True)
async def counts_calls(question: Question, ctx: PluginContext) -> Any:
    """Look something up at the vendor."""
    number = next(ctx.resource("numbers", count))
    return {"number": number, "found": await ask(question, ctx)}


everybody: dict[str, Any] = {}


@breaks("keeps_clients_apart", of="sound_tool")
@tool(read_only=True)
async def shares_its_notes(question: Question, ctx: PluginContext) -> Any:
    """Look something up at the vendor."""
    ctx.resource("notes", lambda: everybody)
    return await ask(question, ctx)


class Sound(ToolBackend):
    id = "sound"

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        response = await post(
            call.config["webhook_url"],
            {"arguments": dict(call.arguments), "call_id": self.call_id(call)},
            ctx,
            key=key_of(ctx.settings_as(VendorSettings)),
            timeout_s=self.timeout_s(call),
        )
        if response.status >= 500:
            return await self.failed(call, ctx)
        if response.status != 200:
            return ToolOutput({"status": response.status}, is_error=True)
        return self.output(response)

    def call_id(self, call: ToolInvocation) -> str:
        return call.call_id

    def timeout_s(self, call: ToolInvocation) -> float:
        return call.timeout_s

    def output(self, response: HttpResponse) -> ToolOutput:
        return ToolOutput(response.body.decode("utf-8", "replace"))

    async def failed(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        raise ToolError("the vendor failed", is_outcome_known=False)


sound = Plugin(Sound)


@breaks("hands_on_the_call_id")
class ForgetsTheCallId(Sound):
    def call_id(self, call: ToolInvocation) -> str:
        return "call"


@breaks("repeats_nothing_unasked")
class TriesAgain(Sound):
    async def failed(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        with suppress(ToolError):
            await post(call.config["webhook_url"], {}, ctx, key="")
        return await super().failed(call, ctx)


@breaks("keeps_to_its_deadline")
class WaitsForever(Sound):
    def timeout_s(self, call: ToolInvocation) -> float:
        return 30.0


@breaks("closing_releases_everything")
class LeavesATask(Sound):
    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        self.tasks.append(asyncio.create_task(asyncio.sleep(30)))
        return await super().run(call, ctx)


@breaks("maps_lost_connections")
class KnowsTooMuch(Sound):
    """Says of what was never sent that its outcome is unknown."""

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        try:
            return await super().run(call, ctx)
        except ToolError as error:
            raise ToolError(str(error), is_outcome_known=False) from None
