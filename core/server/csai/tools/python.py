"""The backend of tools that plugins register as Python functions."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping

from csai_sdk import PluginContext, Tool, ToolBackend, ToolError, ToolInvocation, ToolOutput
from pydantic import BaseModel, ValidationError


class PythonBackend(ToolBackend):
    """Runs functions: coroutines on the event loop, plain ones in a thread."""

    id = "python"

    def __init__(self, tools: Mapping[str, tuple[str, Tool]]) -> None:
        self._tools = tools

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        _plugin, tool = self._tools[call.tool.name]
        try:
            bound = tool.bind(call.arguments, ctx)
        except ValidationError as error:
            raise ToolError(_explain(error)) from error
        if inspect.iscoroutinefunction(tool.function):
            value = await bound()
        else:
            value = await asyncio.to_thread(bound)
        return ToolOutput(value.model_dump(mode="json") if isinstance(value, BaseModel) else value)


def _explain(error: ValidationError) -> str:
    problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5]]
    return f"The arguments do not fit: {'; '.join(problems)}"
