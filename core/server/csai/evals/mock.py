"""The tools of a client, answered by a suite instead of by what they reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import PluginContext, ToolBackend, ToolError, ToolInvocation, ToolOutput, hookimpl

from csai.evals.suite import Case, Mock, Suite

PLUGIN = "eval"
NOT_MOCKED = "The suite has no answer for this call."


class MockBackend(ToolBackend):
    """Answers as the case that runs says. What it was asked and could not answer is kept in `unmocked`."""

    id = PLUGIN

    def __init__(self) -> None:
        self._mocks: Mapping[str, Sequence[Mock]] = {}
        self.unmocked: list[str] = []

    def begin(self, case: Case, suite: Suite) -> None:
        names = case.tools.keys() | suite.tools.keys()
        self._mocks = {name: [*case.tools.get(name, ()), *suite.tools.get(name, ())] for name in names}

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        name = call.tool.name
        for mock in self._mocks.get(name, ()):
            if not mock.fits(call.arguments):
                continue
            if mock.error is not None:
                raise ToolError(mock.error)
            return ToolOutput(mock.answer)
        self.unmocked.append(f"{name}({_shown(call.arguments)})")
        raise ToolError(NOT_MOCKED)


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())[:200]


class MockPlugin:
    """What registers the backend."""

    def __init__(self, backend: MockBackend) -> None:
        self._backend = backend

    @hookimpl
    def register_tool_backends(self) -> Sequence[ToolBackend]:
        return [self._backend]
