"""What the tests of n8n share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from plugins.tools.n8n.tests.workflow import Workflow


@pytest.fixture
async def workflow() -> AsyncIterator[Workflow]:
    state = Workflow()
    app = web.Application()
    app.router.add_post("/webhook/0b7c-get-order-status", state.handle)
    async with TestServer(app) as server:
        state.url = str(server.make_url("/webhook/0b7c-get-order-status"))
        yield state
