"""What the tests of listed tools share."""

from __future__ import annotations

import pytest
from csai_testkit.scripted import ScriptedProvider

from core.server.tests.tools.listing_site import Site, Systems, use_tool
from tests.support.operator import sign_in
from tests.support.server import ServerFactory


@pytest.fixture
async def site(make_server: ServerFactory) -> Site:
    systems = Systems()
    server = await make_server(ScriptedProvider(use_tool, is_endless=True), backends=[systems])
    return Site(server, await sign_in(server), systems)
