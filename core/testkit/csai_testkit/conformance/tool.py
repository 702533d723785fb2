"""`ToolSuite`: typed Python functions as tools. `ToolBackendSuite`: what runs tools that live elsewhere."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from csai_sdk import CsaiError, Tool, ToolBackend, ToolError, ToolInvocation, ToolOutput, ToolSpec

from csai_testkit.conformance.call import CallSuite
from csai_testkit.conformance.check import capability, required, required_of_vendors
from csai_testkit.conformance.scene import Scene

_SHORTEST_DESCRIPTION = 10


class ToolSuite(CallSuite):
    """All tools of the plugin; write `arguments`, and `answer` where they call a vendor.

    Capabilities: `repeats` (a tool that is read-only or idempotent may be called twice),
    `described_parameters`.
    """

    kind: ClassVar[str] = "tool"
    error: ClassVar[type[CsaiError]] = ToolError

    def arguments(self, text: str) -> Mapping[str, Mapping[str, Any]]:
        """Valid arguments of each tool by its name; put `text` where a tool takes free text."""
        return {}

    def fresh_parts(self) -> list[Tool]:
        tools: list[Tool] = list(self.fresh_registration().parts.get("tool", ()))
        assert tools, "the plugin registers no tools"
        missing = {tool.spec.name for tool in tools} - self.arguments("text").keys()
        assert not missing, f"write `arguments` for {', '.join(sorted(missing))}"
        return tools

    def cancellable_parts(self) -> list[Tool]:
        # A plain function runs in a thread, which nothing can cancel.
        return [tool for tool in self.fresh_parts() if inspect.iscoroutinefunction(tool.function)]

    async def call(self, part: Tool, scene: Scene, *, timeout_s: float = 10.0) -> Any:
        run = part.bind(self.arguments(scene.text)[part.spec.name], scene.ctx)
        if not inspect.iscoroutinefunction(part.function):
            return await asyncio.to_thread(run)
        return await run()

    def check_answer(self, answer: Any, scene: Scene) -> None:
        try:
            json.dumps(answer, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"what a tool returns becomes JSON: {error}") from None

    @required
    def test_describes_itself_to_the_model(self) -> None:
        """Each tool has a description: the model chooses by it."""
        for tool in self.fresh_parts():
            described = tool.spec.description.strip()
            assert len(described) >= _SHORTEST_DESCRIPTION, f"the tool '{tool.spec.name}' needs a docstring"

    @capability("described_parameters")
    def test_describes_its_parameters(self) -> None:
        """Each parameter of each tool has a description."""
        for tool in self.fresh_parts():
            for parameter, schema in tool.spec.parameters_schema.get("properties", {}).items():
                assert schema.get("description"), (
                    f"describe '{parameter}' of '{tool.spec.name}': Annotated[..., Field(description=...)]"
                )

    @capability("repeats")
    async def test_repeats_without_harm(self) -> None:
        """A read-only or idempotent tool answers a repeated call as it answered the first."""
        tools = [tool for tool in self.fresh_parts() if tool.is_idempotent]
        assert tools, "no tool is read-only or idempotent: leave 'repeats' out of `capabilities`"
        for tool in tools:
            async with self.scene() as scene:
                first = await self.attempt(tool, scene)
                scene.server.play(self.answer(scene.text))
                again = await self.attempt(tool, scene)
                assert json.dumps(again) == json.dumps(first), f"'{tool.spec.name}' is not idempotent"


class ToolBackendSuite(CallSuite):
    """Write `answer`; and `config`, where a tool's configuration is not `{"webhook_url": ...}`."""

    kind: ClassVar[str] = "tool backend"
    error: ClassVar[type[CsaiError]] = ToolError

    def config(self, url: str, secret: str) -> Mapping[str, Any]:
        """A client's own configuration of a tool."""
        return {"webhook_url": f"{url}/webhook"}

    def secrets(self, scene: Scene) -> set[str]:
        config = self.config(scene.url, scene.secret).values()
        return super().secrets(scene) | {str(value) for value in config if scene.secret in str(value)}

    def invocation(self, scene: Scene, *, timeout_s: float = 10.0) -> ToolInvocation:
        schema = {"type": "object", "properties": {"question": {"type": "string"}}}
        return ToolInvocation(
            call_id=f"call-{scene.client_id}",
            tool=ToolSpec("look_up", "Looks something up.", schema),
            arguments={"question": scene.text},
            conversation_id="conversation-1",
            config=self.config(scene.url, scene.secret),
            timeout_s=timeout_s,
        )

    async def call(self, part: ToolBackend, scene: Scene, *, timeout_s: float = 10.0) -> ToolOutput:
        return await part.run(self.invocation(scene, timeout_s=timeout_s), scene.ctx)

    def is_failure(self, outcome: Any) -> bool:
        return super().is_failure(outcome) or (isinstance(outcome, ToolOutput) and outcome.is_error)

    def check_answer(self, answer: Any, scene: Scene) -> None:
        assert isinstance(answer, ToolOutput), f"a backend returns ToolOutput, not {type(answer).__name__}"
        said = json.dumps(answer.value, allow_nan=False, ensure_ascii=False)
        assert scene.text in said or not self.has_vendor, "what the vendor answered is not in the output"

    @required_of_vendors
    async def test_hands_on_the_call_id(self) -> None:
        """The call's id travels with it, so that the receiver can recognise a repeat."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                await self.attempt(part, scene)
                assert f"call-{scene.client_id}" in scene.received(), "send `call.call_id` along"

    @required_of_vendors
    async def test_repeats_nothing_unasked(self) -> None:
        """A call that is not idempotent is sent once, also where it failed."""
        for part in self.fresh_parts():
            for status in (200, 500):
                said = [each for each in self.failing(status) for _ in range(3)]
                async with self.scene(exchanges=said) as scene:
                    await self.attempt(part, scene)
                    sent = len(scene.server.requests)
                    assert sent == 1, f"it was sent {sent} times: repeat only when `call.is_idempotent`"

    @required_of_vendors
    async def test_keeps_to_its_deadline(self) -> None:
        """A call that takes longer than `timeout_s` is a `ToolError` whose outcome is unknown."""
        for part in self.fresh_parts():
            async with self.scene(hold_after=0) as scene:
                calling = asyncio.create_task(self.attempt(part, scene, timeout_s=0.2))
                await asyncio.wait([calling], timeout=self.patience_s)
                is_over = calling.done()
                await self._end(calling)
                assert is_over, "it waits longer than `timeout_s`"
                outcome = calling.result()
                assert isinstance(outcome, ToolError), f"late is a ToolError, not {type(outcome).__name__}"
                assert not outcome.is_outcome_known, "after a timeout nobody knows the outcome"
                assert await self.soon(scene.server.client_gone.is_set), "the connection stays open"
