"""Fixtures that pytest loads wherever csai-testkit is installed.

The modules behind them are imported when a fixture is used, so that other test runs start as fast as ever.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest_asyncio

if TYPE_CHECKING:
    from csai_sdk import PluginContext

    from csai_testkit.replay import ReplayServer


@pytest_asyncio.fixture
async def plugin_context() -> AsyncIterator[Callable[..., PluginContext]]:
    """`csai_testkit.context.make_context`; what plugins keep in these contexts is closed after the test."""
    from csai_testkit.context import KeptResources, make_context

    async with AsyncExitStack() as stack:

        def make(*args: Any, **kwargs: Any) -> PluginContext:
            resources = kwargs.setdefault("resources", KeptResources())
            stack.push_async_callback(resources.aclose)
            return make_context(*args, **kwargs)

        yield make


@pytest_asyncio.fixture
async def replay() -> AsyncIterator[Callable[..., Awaitable[ReplayServer]]]:
    """`await replay(exchanges, split=...)` starts a `ReplayServer`, which stops after the test."""
    from csai_testkit.replay import ReplayServer

    async with AsyncExitStack() as stack:

        async def start(*args: Any, **kwargs: Any) -> ReplayServer:
            return await stack.enter_async_context(ReplayServer(*args, **kwargs))

        yield start
