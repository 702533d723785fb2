"""Fixtures, options and marks that pytest loads wherever csai-testkit is installed.

The modules behind the fixtures are imported when one is used, so that other test runs start as fast as ever.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from csai_testkit.report import ConformanceReport

if TYPE_CHECKING:
    from csai_sdk import PluginContext

    from csai_testkit.conformance.prober import Prober
    from csai_testkit.replay import ReplayServer

MARKS = {
    "csai_required": "a conformance check that every plugin of its kind passes",
    "csai_capability": "a conformance check of what the suite declares in `capabilities`",
    "csai_live": "a conformance check against the real vendor; it runs under --csai-live only",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("csai", "csai plugins")
    group.addoption("--csai-live", action="store_true", help="Run conformance checks that call real vendors.")
    group.addoption("--csai-report", type=Path, metavar="FILE", help="Write what became of each check.")


def pytest_configure(config: pytest.Config) -> None:
    for mark, says in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {says}")
    config.pluginmanager.register(ConformanceReport(config.getoption("csai_report")), "csai-report")


@pytest.fixture(scope="session")
def csai_prober() -> Iterator[Prober]:
    """Loads plugins in a process of their own, to see what that does."""
    from csai_testkit.conformance.prober import Prober

    prober = Prober()
    yield prober
    prober.close()


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
