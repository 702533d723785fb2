"""Tools that are Python functions: what they do in their thread stays their own trouble."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from csai.tools.python import PythonBackend
from csai_sdk import ToolInvocation, tool
from csai_testkit.context import make_context


def calling(function: Callable[..., Any]) -> Any:
    """A call of the function as a tool."""
    made = tool(read_only=True)(function)
    invocation = ToolInvocation("c1", made.spec, {}, "conversation", {}, is_idempotent=True, timeout_s=30)
    return PythonBackend({made.spec.name: ("test", made)}).run(invocation, make_context())


async def test_what_a_plain_function_returns_or_raises_arrives() -> None:
    def answers() -> str:
        """Answers."""
        return threading.current_thread().name

    def stops() -> str:
        """Raises what no future takes."""
        raise StopIteration

    def leaves() -> str:
        """Exits."""
        raise SystemExit(3)

    assert (await calling(answers)).value == "csai-tool answers"
    with pytest.raises(RuntimeError, match="StopIteration"):
        await calling(stops)
    with pytest.raises(SystemExit):
        await calling(leaves)


async def test_functions_that_hang_take_no_thread_from_anybody_else() -> None:
    is_over = threading.Event()

    def hangs() -> str:
        """Hangs."""
        is_over.wait(60)
        return "late"

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await calling(hangs)

    try:
        await asyncio.gather(*(given_up() for _ in range(64)))
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(lambda: "there is room") == "there is room"
    finally:
        is_over.set()
