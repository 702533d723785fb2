"""The backend of tools that plugins register as Python functions."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from typing import Any

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
            value = await _in_thread(bound, name=f"csai-tool {tool.spec.name}")
        return ToolOutput(value.model_dump(mode="json") if isinstance(value, BaseModel) else value)


async def _in_thread(work: Callable[[], Any], *, name: str) -> Any:
    """Run it in a thread of its own, which nothing waits for once its deadline is over.

    Those of the loop's pool are few and the process waits for them at its end: functions that hang would
    take the pool from everybody, and the server could not be stopped.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()
    context = copy_context()

    def settle(how: Callable[[Any], None], what: Any) -> None:
        if not answer.done():
            how(what)

    def run() -> None:
        try:
            how, what = answer.set_result, context.run(work)
        except StopIteration as error:  # which no future takes
            how, what = answer.set_exception, RuntimeError(repr(error))
        except BaseException as error:  # noqa: BLE001 -- for whoever waits
            how, what = answer.set_exception, error
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(settle, how, what)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer


def _explain(error: ValidationError) -> str:
    problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5]]
    return f"The arguments do not fit: {'; '.join(problems)}"
