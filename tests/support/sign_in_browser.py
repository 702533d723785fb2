"""A browser on its way to an identity provider and back, in front of a server of the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.identity_provider import IdentityProvider, identity_provider
from tests.support.operator import add_admin
from tests.support.server import Server, ServerFactory

PUBLIC_URL = "http://csai.test"
CALLBACK = f"{PUBLIC_URL}/admin/auth/oidc/callback"
HERE = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """What a browser does; its cookies are those of the server's HTTP client."""

    server: Server
    provider: IdentityProvider

    async def begin(self, **asked: Any) -> str:
        answer = await self.server.http.post("/admin/auth/oidc", json=asked, headers=HERE)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    async def visit_provider(self, url: str) -> str:
        """The address that it sends the browser back to."""
        async with httpx.AsyncClient() as http:
            return (await http.get(url)).headers["location"]

    async def come_back(self, address: str) -> str:
        """What the sign-in page is told."""
        answer = await self.server.http.get(address, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 303, answer.text
        page, _, told = answer.headers["location"].partition("#oidc=")
        assert page == f"{PUBLIC_URL}/dashboard/login"
        return told

    async def finish(self, code: str | None = None) -> httpx.Response:
        return await self.server.http.post("/admin/auth/oidc/finish", json={"code": code}, headers=HERE)

    async def arrive(self) -> str:
        return await self.come_back(await self.visit_provider(await self.begin()))

    async def sign_in(self, code: str | None = None) -> httpx.Response:
        assert await self.arrive() == "done"
        return await self.finish(code)

    async def verify(self) -> int:
        return (await self.server.http.get("/admin/auth/verify")).status_code


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with identity_provider(CALLBACK) as provider:
        yield provider


@pytest.fixture
def clock(provider: IdentityProvider) -> HandClock:
    clock = HandClock()
    provider.now = lambda: clock.now().timestamp()
    return clock


MakeBrowser = Callable[..., Awaitable[Browser]]


@pytest.fixture
def make_browser(make_server: ServerFactory, provider: IdentityProvider, clock: HandClock) -> MakeBrowser:
    async def make(**settings: Any) -> Browser:
        server = await make_server(
            ScriptedProvider(["Hello!"], is_endless=True), clock=clock, **provider.settings(**settings)
        )
        return Browser(server, provider)

    return make


@pytest.fixture
async def browser(make_browser: MakeBrowser) -> Browser:
    """In front of a server that knows Ada."""
    made = await make_browser()
    await add_admin(made.server)
    return made


def code_of(answer: httpx.Response) -> str:
    return str(answer.json().get("code"))
