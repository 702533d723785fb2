"""What the tests of operators' conversations share."""

from __future__ import annotations

import pytest
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)
